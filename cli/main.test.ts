import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const importPattern = /^(?:import|export)\s(?!type\b)(?:[^;"]*?from\s+)?"([^"]+)"/gm;

/** Modules and packages that load with `file` before a line of it runs: static imports, without those of types. */
function loadedWith(file: string, seen = new Set<string>()): Set<string> {
  seen.add(path.relative(root, file));
  for (const [, specifier = ""] of readFileSync(file, "utf8").matchAll(importPattern)) {
    if (!/^[.#]/.test(specifier)) {
      seen.add(specifier);
      continue;
    }
    const target = specifier.startsWith("#")
      ? path.join(root, specifier.slice(1))
      : path.join(path.dirname(file), specifier);
    if (!seen.has(path.relative(root, target))) {
      loadedWith(target, seen);
    }
  }
  return seen;
}

it("starts with what parsing needs: AWS, schemas, YAML, prompts and the processes load with the command that uses them", () => {
  const loaded = loadedWith(path.join(root, "cli", "main.ts"));

  expect([...loaded].filter((name) => !name.endsWith(".ts") && !name.startsWith("node:"))).toEqual(["commander"]);
  expect([...loaded].filter((name) => /^(controller|proxy|sandbox|kinds)\//.test(name))).toEqual([]);
  expect(loaded).toContain("cli/commands/rds-proxy.ts");
});

it("validates files without the AWS SDK", () => {
  const loaded = loadedWith(path.join(root, "cli", "validate", "files.ts"));

  expect(loaded).toContain("yaml");
  expect([...loaded].filter((name) => name.startsWith("@aws-sdk/") || name.startsWith("@smithy/"))).toEqual([]);
});
