import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { type CodeGroup, type CodeReport, collectCodes } from "./errors/codes.ts";

const file = path.join("docs", "errors.md");
const catalogueFile = path.join("tools", "errors", "catalogue.yaml");

/** What a code means, and what to do about it; Markdown. */
interface Entry {
  readonly means: string;
  readonly todo: string;
}

/** The catalogue: each group's codes. */
export type ErrorCatalogue = Readonly<Partial<Record<CodeGroup, Readonly<Record<string, Entry>>>>>;

const sections: readonly { readonly group: CodeGroup; readonly title: string; readonly about: string }[] = [
  {
    group: "cli",
    title: "Command line and processes",
    about:
      "What `sallyport …` says of itself, and why a controller or a proxy does not start. With `-o json` the code is `error.code` on standard error. What the control API refused has a code of the next section.",
  },
  {
    group: "api",
    title: "Control API and console",
    about: "`error.code` of an answer; the command line and the console show its sentences.",
  },
  {
    group: "proxy",
    title: "Refusals of the proxy",
    about:
      "What a proxy answers before a database is reached. The command line shows its sentence, and so does a client of Postgres.",
  },
  {
    group: "condition",
    title: "Reasons of conditions",
    about:
      "What `kubectl describe`, `sallyport grants get` and the console show as the reason of a condition or of a Grant's end. A review that would not count is refused by the control API with the same word.",
  },
];

/** Whether the sources and the catalogue know the same codes; what differs, one line each. No command can mend that. */
export function checkErrorCatalogue(): readonly string[] {
  const catalogue = parse(readFileSync(catalogueFile, "utf8")) as ErrorCatalogue;
  return catalogueProblems(collectCodes(process.cwd()), catalogue);
}

/** Makes docs/errors.md of the catalogue. Answers the files that are, or with `check` would be, written. */
export function generateErrors({ check }: { readonly check: boolean }): string[] {
  const catalogue = parse(readFileSync(catalogueFile, "utf8")) as ErrorCatalogue;
  const text = errorReference(catalogue);
  if (current() === text) {
    return [];
  }
  if (!check) {
    writeFileSync(file, text);
  }
  return [file];
}

/** Codes without an entry, entries without a code, and places that could not be read; one line each. */
export function catalogueProblems({ codes, problems }: CodeReport, catalogue: ErrorCatalogue): readonly string[] {
  const undescribed = codes.flatMap(({ group, code, file: source }) =>
    Object.hasOwn(catalogue[group] ?? {}, code)
      ? []
      : [`${source}: ${group} ${code}: say in ${catalogueFile} what it means`],
  );
  const unused = sections.flatMap(({ group }) =>
    Object.keys(catalogue[group] ?? {})
      .filter((code) => !codes.some((found) => found.group === group && found.code === code))
      .map((code) => `${catalogueFile}: ${group} ${code}: no source uses it`),
  );
  return [...new Set([...problems, ...undescribed, ...unused])];
}

/** The whole page. */
export function errorReference(catalogue: ErrorCatalogue): string {
  const parts = sections.map(({ group, title, about }) => {
    const rows = Object.entries(catalogue[group] ?? {}).map(
      ([code, { means, todo }]) => `| \`${code}\` | ${means.replaceAll("|", "\\|")} | ${todo.replaceAll("|", "\\|")} |`,
    );
    return `## ${title}\n\n${about}\n\n| Code | Means | Do |\n|---|---|---|\n${rows.join("\n")}\n`;
  });
  return `<!-- Generated from the sources and tools/errors/catalogue.yaml by \`npm run generate\`. Do not edit. -->

# Errors

Every message says what happened, why, and what to run next. Its code stays the same from release to release; this page has all of them.
Search for yours.

## Exit codes

| Exit code | Means |
|---|---|
| 0 | done; for \`validate\` and \`audit verify\` also: nothing found wrong; for \`plan\`, \`diff\` and \`leftovers list\`: no difference, nothing left |
| 1 | refused or failed; for \`wait\` also not in time, for \`doctor\` also a problem found |
| 2 | wrong usage; for \`plan\`, \`diff\` and \`leftovers list\`: there is a difference, something is left |
| 130 | interrupted |
| any other | that of the command after \`rds proxy --exec --\`, whose exit code becomes this one's |

${parts.join("\n")}`;
}

function current(): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // Not there yet: stale.
    return "";
  }
}
