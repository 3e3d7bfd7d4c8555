import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ended, startSallyport } from "#test/harness/process.ts";
import { bundleEntry, writeBundle } from "./bundle.ts";

const root = mkdtempSync(path.join(tmpdir(), "sallyport-bundle-"));
const directory = path.join(root, "dist");
const { SALLYPORT_PROGRAM: programBefore } = process.env;
let files: readonly string[];

beforeAll(async () => {
  files = await writeBundle(directory);
  process.env["SALLYPORT_PROGRAM"] = path.join(directory, bundleEntry);
});

afterAll(() => {
  rmSync(root, { recursive: true, force: true });
  if (programBefore === undefined) {
    delete process.env["SALLYPORT_PROGRAM"];
  } else {
    process.env["SALLYPORT_PROGRAM"] = programBefore;
  }
});

it("needs no package: nothing is imported but Node's own modules and the files beside it", () => {
  const imported = files.filter((file) => file.endsWith(".mjs")).flatMap((file) => importsOf(codeOf(file)));

  expect(imported.length).toBeGreaterThan(50);
  expect(imported.filter((name) => !isBuiltin(name) && !files.includes(name.slice("./".length)))).toEqual([]);
});

it("names each of its files, and leaves none of an earlier build", () => {
  expect(readdirSync(directory).toSorted()).toEqual(files.toSorted());
  expect(files).toContain("audit-store-worker.mjs");
  expect(files).toContain("audit-linking-worker.mjs");
});

it("loads for a small command a small part of itself", async () => {
  const started = startSallyport(["--version"], {}, { cwd: root });

  expect(await ended(started)).toBe(0);
  const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
  expect(started.lines).toEqual([version]);
  // Static imports of the entry, followed: neither an AWS client nor a codec of a database is among them.
  const loaded = reached(bundleEntry);
  const bytes = [...loaded].reduce((sum, file) => sum + codeOf(file).length, 0);
  expect(bytes).toBeLessThan(400_000);
  const builtins = [...loaded].flatMap((file) => importsOf(codeOf(file))).filter((name) => isBuiltin(name));
  expect(builtins).toContain("node:fs");
  // TLS takes longer to load than all the rest, and what makes random bytes half as long.
  expect(builtins.filter((name) => /^node:(?:https?|tls|crypto)$/.test(name))).toEqual([]);
});

it("adds for a command that finds a sign-in little more: no client of AWS, a few files", () => {
  const [session = ""] = files.filter((file) => file.startsWith("session-"));

  const loaded = reached(session, reached(bundleEntry));

  const bytes = [...loaded].reduce((sum, file) => sum + codeOf(file).length, 0);
  expect(bytes).toBeLessThan(450_000);
  expect(loaded.size).toBeLessThan(12);
  expect([...loaded].flatMap((file) => importsOf(codeOf(file)))).toContain("node:https");
});

it("checks manifests as the sources do", async () => {
  const started = startSallyport(["validate", path.resolve("examples")], {}, { cwd: root });

  expect(await ended(started)).toBe(0);
  expect(started.lines.join("\n")).toMatch(/objects in \d+ files are valid/);
});

/** A file's code without its longer comments, some of which show imports. */
function codeOf(file: string): string {
  return readFileSync(path.join(directory, file), "utf8").replaceAll(/\/\*[^]*?\*\//g, "");
}

function importsOf(code: string): string[] {
  const pattern = /^(?:import|export)\s[^;]*?from\s*"([^"]+)"|^import\s*"([^"]+)"|\bimport\("([^"]+)"\)/gm;
  return [...code.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? match[3] ?? "");
}

function reached(entry: string, seen = new Set<string>()): Set<string> {
  seen.add(entry);
  for (const match of codeOf(entry).matchAll(
    /^(?:import|export)\s[^;]*?from\s*"\.\/([^"]+)"|^import\s*"\.\/([^"]+)"/gm,
  )) {
    const file = match[1] ?? match[2] ?? "";
    if (!seen.has(file)) {
      reached(file, seen);
    }
  }
  return seen;
}
