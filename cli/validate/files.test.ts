import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { type TestComputer, testComputer } from "#test/cli/world.ts";
import { validate } from "../commands/validate.ts";

const workflow = (name: string, rest = ""): string =>
  `apiVersion: sallyport.dev/v1alpha1\nkind: AccessWorkflow\nmetadata:\n  name: ${name}\nspec:\n  maxDurationSeconds: 3600\n${rest}`;

function computerWith(files: Readonly<Record<string, string>>): TestComputer {
  const computer = testComputer();
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(computer.home, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  return computer;
}

const run = (computer: TestComputer, ...argv: string[]) => computer.run([validate], "validate", ...argv);

describe("validate", () => {
  it("accepts good files, each counted once, and leaves hidden ones alone", async () => {
    using computer = computerWith({
      "access/a.yaml": workflow("a"),
      "access/more/b.yml": workflow("b"),
      "access/.hidden/c.yaml": "not: ours",
      "access/.d.yaml": "not: ours",
      "access/notes.txt": "not ours",
    });

    expect(await run(computer, "access", "access/a.yaml", "./access/more/")).toEqual({
      code: 0,
      out: "2 objects in 2 files are valid.\n",
      err: "",
    });
  });

  it("says file, line, column and expectation of what it refuses, and exits with 1", async () => {
    using computer = computerWith({ "a.yaml": workflow("a", "  maxDuration: 1\n"), "b.yaml": workflow("b") });

    const { code, out } = await run(computer, ".");

    expect(code).toBe(1);
    expect(out).toMatchInlineSnapshot(`
      "a.yaml:7:3: spec.maxDuration: is not a field of spec
      1 problem in 2 files.
      "
    `);
  });

  it("gives machines the same as JSON", async () => {
    using computer = computerWith({ "a.yaml": workflow("a", "  maxDuration: 1\n") });

    const { code, out } = await run(computer, "a.yaml", "-o", "json");

    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ valid: false, files: 1, objects: 0, problems: [expect.anything()] });
  });

  it("refuses two objects of one name, wherever they are", async () => {
    using computer = computerWith({ "a.yaml": workflow("same"), "b.yaml": workflow("same") });

    expect(await run(computer, "a.yaml", "b.yaml")).toMatchObject({ code: 1, out: expect.stringContaining("b.yaml") });
  });

  it("says what is wrong with what was named", async () => {
    using computer = computerWith({ "empty/readme.md": "" });

    expect((await run(computer, "nothing")).err).toContain("there is no nothing");
    expect((await run(computer, "empty")).err).toContain("no YAML or JSON file in empty");
  });

  it("says which file it cannot read", async () => {
    using computer = computerWith({ "a.yaml": workflow("a") });
    symlinkSync("gone.yaml", path.join(computer.home, "b.yaml"));

    expect((await run(computer, ".")).err).toContain("[✘] b.yaml cannot be read\n    why:  ENOENT");
  });
});
