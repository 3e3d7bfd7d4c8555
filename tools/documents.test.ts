import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { allCommands } from "#cli/commands/all.ts";
import { checkDocuments, checkText, missingPaths } from "./documents.ts";

const never = (): Promise<never> => Promise.reject(new Error("documents run nothing"));
const commands = allCommands({
  controller: never,
  proxy: never,
  sandbox: never,
  plan: never,
  diff: never,
  leftovers: never,
});

function problems(text: string): readonly string[] {
  return checkText("a.md", text, commands).problems;
}

it("documents show commands, options and objects that there are, and the check has seen them", () => {
  const report = checkDocuments(process.cwd(), commands);

  expect(report.problems).toEqual([]);
  expect(report.commands).toBeGreaterThan(80);
  expect(report.manifests).toBeGreaterThan(5);
});

it.each(["docs/architecture.md", "SECURITY.md", "CONTRIBUTING.md"])("%s leads to sources that are there", (file) => {
  expect(missingPaths(process.cwd(), readFileSync(file, "utf8"))).toEqual([]);
});

it("a source that is not there is named", () => {
  expect(missingPaths(process.cwd(), "see `lib/nothing.ts`, `lib/`, and `lib/clock.ts`")).toEqual(["lib/nothing.ts"]);
});

it.each([
  ["a command", "sallyport grant list", "a.md:2: there is no command: sallyport grant list"],
  ["an option", 'sallyport audit search --who "a b"', "a.md:2: sallyport audit search has no option --who"],
  ["a short option", "sallyport grants list -x", "a.md:2: sallyport grants list has no option -x"],
  ["what must be given", "sallyport audit export", "a.md:2: sallyport audit export needs --to"],
])("refuses %s that there is not", (_what, line, problem) => {
  expect(problems(`\`\`\`sh\n${line}\n\`\`\`\n`)).toEqual([problem]);
});

it("finds an option on a line that goes on", () => {
  expect(problems("```sh\nsallyport audit search \\\n  --who ada\n```\n")).toEqual([
    "a.md:2: sallyport audit search has no option --who",
  ]);
});

it.each([
  'sallyport audit search --text "--who" -o json | jq .',
  "sallyport rds proxy --yes --exec -- psql --quiet",
  "sallyport controller --folder access/ …",
  "Sallyport is not typed here",
])("allows %s", (line) => {
  expect(problems(`\`\`\`\n${line}\n\`\`\`\n`)).toEqual([]);
});

it("refuses an object that its kind would refuse, with its line", () => {
  const text =
    "```yaml\napiVersion: sallyport.dev/v1alpha1\nkind: AccessWorkflow\nmetadata: { name: a }\nspec: {}\n```\n";

  expect(problems(text).join("\n")).toContain("maxDurationSeconds");
});
