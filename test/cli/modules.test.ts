import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { ended, repository, startSallyport } from "../harness/process.ts";
import { makeFolder } from "./folder.ts";

/** Packages and own modules that `sallyport …` loads until it ends, in the sources. */
async function loadedBy(...args: string[]): Promise<{ packages: string[]; own: string[] }> {
  const folder = makeFolder();
  const file = path.join(folder, "loaded");
  const preload = path.join(import.meta.dirname, "loaded-modules.mjs");
  const command = startSallyport(args, {
    HOME: folder,
    NODE_OPTIONS: `--import ${preload}`,
    SALLYPORT_LOADED_FILE: file,
  });
  await ended(command);
  const files = readFileSync(file, "utf8")
    .split("\n")
    .filter((url) => url.startsWith("file:"))
    .map((url) => path.relative(repository, new URL(url).pathname));
  const packages = files.flatMap((name) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(name)?.[1] ?? []);
  return {
    packages: [...new Set(packages)],
    own: files.filter((name) => !name.startsWith("node_modules") && name !== path.relative(repository, preload)),
  };
}

/** What the commands' own data and their options need; nothing that does anything. */
const ofData =
  /^(?:cli\/(?:main|run|command)|cli\/commands\/[a-z-]+|cli\/(?:config|output|control|signin)\/[a-z-]+|lib\/[a-z-]+|audit\/[a-z/-]+)\.ts$/;

describe("what a person waits for before the first line", () => {
  it("is commander and the commands' data for help: no client of AWS, no prompt, no YAML, no process", async () => {
    const { packages, own } = await loadedBy("--help");

    expect(packages).toEqual(["commander"]);
    expect(own.filter((name) => !ofData.test(name))).toEqual([]);
    expect(own).not.toContain("cli/signin/session.ts");
    expect(own.length).toBeLessThan(50);
  });

  it("is no client of AWS where the person is not known yet", async () => {
    const { packages } = await loadedBy("grants", "list");

    expect(packages).toEqual(["commander"]);
  });

  it("is little more for a word that the shell completes", async () => {
    const { packages, own } = await loadedBy("__complete", "--", "grants", "");

    expect(packages).toEqual(["commander"]);
    expect(own).toContain("cli/completion/candidates.ts");
  });
});
