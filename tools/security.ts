import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

/** What SECURITY.md names, and what of it is not so, one line each. */
export interface SecurityReport {
  readonly boundaries: number;
  readonly tests: number;
  readonly problems: readonly string[];
}

/** Checks that each boundary of the threat model says all that it must, and that the tests it names are there, by file and title. */
export function checkThreatModel(root: string, text: string): SecurityReport {
  const sections = text.split(/^### /m).slice(1);
  const found = sections.map((section) => {
    const [name = ""] = section.split("\n");
    const own = testsOf(section);
    return {
      tests: own.length,
      problems: [...missingParts(name, section), ...own.flatMap((test) => problemOf(root, name, test))],
    };
  });
  return {
    boundaries: sections.length,
    tests: found.reduce((sum, { tests }) => sum + tests, 0),
    problems: found.flatMap(({ problems }) => problems),
  };
}

interface NamedTest {
  readonly file: string;
  readonly title: string;
}

function missingParts(name: string, section: string): readonly string[] {
  const parts = ["Believed", "Attack", "Stops", "Left", "Tests"].filter((part) => !section.includes(`- **${part}**:`));
  return parts.map((part) => `${name}: ${part} is missing`);
}

/** `[file](path) "title", "title"; [file](path) "title"` */
function testsOf(section: string): readonly NamedTest[] {
  const list = section.slice(section.indexOf("- **Tests**:"));
  return list.split(/(?=\[[^\]]+\]\()/).flatMap((part) => {
    const file = /^\[[^\]]+\]\(([^)]+)\)/.exec(part)?.[1];
    const titles = [...part.matchAll(/"([^"]+)"/g)].map(([, title = ""]) => title.replaceAll(/\s+/g, " "));
    return file === undefined ? [] : (titles.length === 0 ? [""] : titles).map((title) => ({ file, title }));
  });
}

function problemOf(root: string, name: string, { file, title }: NamedTest): readonly string[] {
  const at = path.join(root, file);
  if (!/\.test\.tsx?$/.test(file) || !existsSync(at)) {
    return [`${name}: ${file} is no test`];
  }
  // Titles alone: a sentence that only a comment holds guards nothing.
  const titles = readFileSync(at, "utf8")
    .split("\n")
    .filter((line) => /^\s*(it|describe|test)\b|^\s*\)?\(?["'`]|\]\)\(|^\s*\[/.test(line));
  return title !== "" && titles.some((line) => line.includes(title)) ? [] : [`${name}: ${file} has no test "${title}"`];
}
