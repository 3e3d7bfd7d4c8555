import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { describe, expect, it } from "vitest";
import { collectCodes, collectFrom } from "./errors/codes.ts";
import { catalogueProblems, type ErrorCatalogue, errorReference } from "./generate-errors.ts";

const entry = { means: "It broke.", todo: "Mend | it." };

function found(text: string, file = "cli/a.ts"): readonly string[] {
  return collectFrom([{ file, text }]).codes.map(({ group, code }) => `${group} ${code}`);
}

describe("codes are found", () => {
  it.each([
    ["an error", 'throw new UserError("Broken", "it broke")', "cli/a.ts", ["cli Broken"]],
    ["one of two", 'new UserError(late ? "Late" : "Early", "x")', "cli/a.ts", ["cli Late", "cli Early"]],
    ["a constant", 'const code = "Broken"; new UserError(code, "x")', "cli/a.ts", ["cli Broken"]],
    ["an API's problem", 'new HttpProblem(403, "Forbidden", "x")', "controller/serve/a.ts", ["api Forbidden"]],
    ["a limit's code", 'const limits = { code: "TooManyTails" }', "controller/serve/a.ts", ["api TooManyTails"]],
    ["a subclass", 'class A extends UserError { constructor() { super("Broken", "x"); } }', "lib/a.ts", ["cli Broken"]],
    ["a condition", 'condition("Ready", "True", "Fine", "")', "controller/reconcile/a.ts", ["condition Fine"]],
    ["a reason", 'const end = { reason: "Gone" }', "controller/reconcile/a.ts", ["condition Gone"]],
    [
      "a type of reasons",
      'type ReviewRefusal = "TooLate" | "Own"',
      "controller/reconcile/a.ts",
      ["condition TooLate", "condition Own"],
    ],
    ["a refusal of the proxy", 'type RefusalCode = "too-many"', "wire/a.ts", ["proxy too-many"]],
    ["nothing else", 'const end = { reason: "Gone", code: "X" }', "cli/a.ts", []],
  ])("in %s", (_what, text, file, codes) => {
    expect(found(text, file)).toEqual(codes);
  });

  it("or the place is named, so that none is left out unseen", () => {
    const { problems } = collectFrom([{ file: "cli/a.ts", text: "\nthrow new UserError(made(), 'x')" }]);

    expect(problems).toEqual(["cli/a.ts:2: cannot read the code CallExpression"]);
  });
});

describe("the catalogue", () => {
  it("knows every code of this checkout and no other, and the check has seen them", () => {
    const report = collectCodes(process.cwd());
    const catalogue = parse(readFileSync("tools/errors/catalogue.yaml", "utf8")) as ErrorCatalogue;

    expect(catalogueProblems(report, catalogue)).toEqual([]);
    expect(report.codes.length).toBeGreaterThan(300);
  });

  it("fails for a code without a description, and for a description without a code", () => {
    const report = collectFrom([{ file: "cli/a.ts", text: 'new UserError("New", "x")' }]);

    expect(catalogueProblems(report, { cli: { Old: entry } })).toEqual([
      "cli/a.ts: cli New: say in tools/errors/catalogue.yaml what it means",
      "tools/errors/catalogue.yaml: cli Old: no source uses it",
    ]);
  });

  it("becomes a page with one row a code", () => {
    expect(errorReference({ api: { Broken: entry } })).toContain("| `Broken` | It broke. | Mend \\| it. |\n");
  });
});
