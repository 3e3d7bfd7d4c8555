import { describe, expect, it } from "vitest";
import { testComputer } from "#test/cli/world.ts";
import { ask, choose, confirm, hasAllWords } from "./prompt.ts";

const choices = [
  { label: "orders  read_only", value: 1 },
  { label: "orders  app_owner", value: 2 },
  { label: "billing  read_only", value: 3 },
];
const enter = "\r";
const ctrlC = "\u0003";

describe("a question", () => {
  it("is an error that names the flag where nobody can answer, and is never waited for", async () => {
    using computer = testComputer();
    const { world } = computer;

    for (const asked of [
      choose(world, "Which", choices, "Use --database."),
      confirm(world, "Sure", "Use --database."),
      ask(world, "Why", "Use --database."),
    ]) {
      await expect(asked).rejects.toMatchObject({ code: "NotInteractive", next: "Use --database." });
    }
    expect(computer.screen()).toBe("");
  });

  it("takes the choice that is left after typing words in any order", async () => {
    using computer = testComputer({ interactive: true });

    const chosen = choose(computer.world, "Which", choices, "");
    computer.type("read ord");
    computer.type(enter);

    expect(await chosen).toBe(1);
    expect(computer.screen()).toContain("Which");
  });

  it("shows what others named, and obeys none of it", async () => {
    using computer = testComputer({ interactive: true });
    const evil = "\u001b]0;owned\u0007\u009b2J";

    const chosen = choose(computer.world, evil, [{ label: evil, hint: evil, value: 1 }, ...choices], "");
    computer.type(ctrlC);
    await expect(chosen).rejects.toThrow();
    const confirmed = confirm(computer.world, evil, "");
    computer.type(ctrlC);
    await expect(confirmed).rejects.toThrow();

    expect(computer.screen()).toContain("]0;owned");
    // oxlint-disable-next-line no-control-regex -- control characters are what this looks for
    expect(computer.screen()).not.toMatch(/\u001b\]|\u0007|\u009b/);
  });

  it("takes Enter alone for no, and y for yes", async () => {
    using computer = testComputer({ interactive: true });

    const first = confirm(computer.world, "Sure", "");
    computer.type(enter);
    expect(await first).toBe(false);
    const second = confirm(computer.world, "Sure", "");
    computer.type("y");
    expect(await second).toBe(true);
  });

  it("does not take an empty reason", async () => {
    using computer = testComputer({ interactive: true });

    const reason = ask(computer.world, "Why", "");
    computer.type(" ");
    computer.type(enter);
    computer.type("INC-42 ");
    computer.type(enter);

    expect(await reason).toBe("INC-42");
    expect(computer.screen()).toContain("It may not be empty.");
  });

  it.each([
    ["Ctrl-C", (computer: ReturnType<typeof testComputer>) => computer.type(ctrlC)],
    ["a signal to the process", (computer: ReturnType<typeof testComputer>) => computer.stop()],
  ])("ends with %s", async (_, interrupt) => {
    using computer = testComputer({ interactive: true });

    const asked = confirm(computer.world, "Sure", "");
    interrupt(computer);

    await expect(asked).rejects.toMatchObject({ code: "Interrupted", message: "cancelled operation" });
  });
});

it.each([
  ["", true],
  ["ORD", true],
  ["only orders", true],
  ["  orders   read ", true],
  ["orders owner", false],
])("the filter %j fits or not: every word counts", (typed, fits) => {
  expect(hasAllWords("orders  read_only", typed)).toBe(fits);
});
