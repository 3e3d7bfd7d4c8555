import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { checkLinks } from "./links.ts";

let root: string;

beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), "sallyport-links-"));
  mkdirSync(path.join(root, "docs"));
  writeFileSync(path.join(root, "docs", "install.md"), "# Install\n\n## What `you` need, first\n");
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function problems(text: string): readonly string[] {
  writeFileSync(path.join(root, "README.md"), text);
  return checkLinks(root).problems;
}

it("holds in this checkout, and the check has seen its links", () => {
  const report = checkLinks(process.cwd());

  expect(report.problems).toEqual([]);
  expect(report.links).toBeGreaterThan(100);
});

it.each([
  ["[a](docs/installation.md)", "README.md: docs/installation.md: there is no such file"],
  ["[a](docs/install.md#what-i-need)", "README.md: docs/install.md#what-i-need: there is no such heading"],
  ["[a](#here)", "README.md: #here: there is no such heading"],
])("refuses %s", (text, problem) => {
  expect(problems(text)).toEqual([problem]);
});

it.each([
  "[a](docs/install.md)",
  "[a](docs/install.md#what-you-need-first)",
  "# Here\n\n[a](#here)",
  "[a](docs)",
  "[a](https://example.com/none)",
  "`[a](none.md)`",
  "```\n[a](none.md)\n```",
])("allows %s", (text) => {
  expect(problems(text)).toEqual([]);
});
