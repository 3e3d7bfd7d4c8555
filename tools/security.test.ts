import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { checkThreatModel } from "./security.ts";

let root: string;

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), "sallyport-security-"));
  writeFileSync(path.join(root, "a.test.ts"), '// is only said\nit("refuses a stranger", () => {});\n');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const whole = "### A\n- **Believed**: x\n- **Attack**: x\n- **Stops**: x\n- **Left**: x\n";

it("every boundary of SECURITY.md says all that it must and names tests that are there", () => {
  const report = checkThreatModel(process.cwd(), readFileSync("SECURITY.md", "utf8"));

  expect(report.problems).toEqual([]);
  expect(report.boundaries).toBeGreaterThanOrEqual(24);
  expect(report.tests).toBeGreaterThan(60);
});

it.each([
  ["a title that is there", '- **Tests**: [a](a.test.ts) "refuses a stranger"', []],
  [
    "a title that is not",
    '- **Tests**: [a](a.test.ts) "refuses everybody"',
    ['A: a.test.ts has no test "refuses everybody"'],
  ],
  [
    "a sentence that is no title",
    '- **Tests**: [a](a.test.ts) "is only said"',
    ['A: a.test.ts has no test "is only said"'],
  ],
  ["a file without a title", "- **Tests**: [a](a.test.ts)", ['A: a.test.ts has no test ""']],
  ["a file that is not there", '- **Tests**: [b](b.test.ts) "x"', ["A: b.test.ts is no test"]],
  ["no tests", "", ["A: Tests is missing"]],
])("judges %s", (_what, tests, problems) => {
  expect(checkThreatModel(root, whole + tests).problems).toEqual(problems);
});
