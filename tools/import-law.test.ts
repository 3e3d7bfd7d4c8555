import { describe, expect, it } from "vitest";
import { checkImports, problemsOf } from "./import-law.ts";

describe("the import law", () => {
  it("holds in this checkout, and the check has seen its modules", () => {
    const report = checkImports(process.cwd());

    expect(report.problems).toEqual([]);
    expect(report.modules).toBeGreaterThan(100);
  });

  it.each([
    ["proxy/a.ts", 'import { x } from "#controller/b.ts";'],
    ["proxy/a.ts", 'import { x } from "../controller/b.ts";'],
    ["cli/a.ts", 'import type { X } from "#sandbox/b.ts";'],
    ["cli/command/a.ts", 'await import("#proxy/main.ts")'],
    ["cli/main.ts", 'import { x } from "#proxy/main.ts";'],
    ["lib/a.ts", 'import "#kinds/b.ts";'],
    ["controller/reconcile/grant/decide.ts", 'import { readFileSync } from "node:fs";'],
    ["proxy/postgres/a.ts", 'import { x } from "../session/b.ts";'],
    ["console/a.tsx", 'import { x } from "#audit/b.ts";'],
    ["console/a.tsx", 'import { x } from "#controller/b.ts";'],
    ["console/a.ts", 'import { x } from "node:fs";'],
    ["controller/a.ts", 'import { x } from "#console/b.ts";'],
    ["audit/a.ts", 'export { x } from "#wire/b.ts";'],
  ])("refuses in %s: %s", (file, text) => {
    expect(problemsOf(file, text)).toHaveLength(1);
  });

  it.each([
    ["cli/main.ts", 'await import("#proxy/main.ts")'],
    ["proxy/postgres/a.ts", 'import { x } from "./b.ts";'],
    ["controller/a.ts", 'import { x } from "#wire/b.ts";'],
    ["console/a.tsx", 'import type { X } from "#wire/b.ts";'],
  ])("allows in %s: %s", (file, text) => {
    expect(problemsOf(file, text)).toEqual([]);
  });
});
