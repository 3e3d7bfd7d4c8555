import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { repository } from "#test/harness/process.ts";
import type { Verdict } from "./compare.ts";

/** One client against one server. */
export interface Outcome {
  readonly server: string;
  readonly client: string;
  readonly verdicts: ReadonlyMap<string, Verdict>;
}

/** A cell that is not as one would wish. */
export interface KnownDifference {
  /** Absent: every client or server. */
  readonly client?: string;
  readonly server?: string;
  /** Absent: every step, and the audit trail is as it should be. */
  readonly step?: string;
  readonly verdict: Exclude<Verdict["verdict"], "same">;
  /** For the reader of the document. */
  readonly why: string;
}

/** The part of the document that one engine's test writes. */
export interface Section {
  /** Heading: the engine's name. */
  readonly title: string;
  /** What was run: servers and where they come from. */
  readonly introduction: string;
  readonly servers: readonly string[];
  readonly clients: readonly string[];
  /** Every step in the order of the rows, with what it means. */
  readonly steps: Readonly<Record<string, string>>;
  readonly differences: readonly string[];
}

/** Where the document is. */
export const documentFile = path.join(repository, "docs", "compatibility.md");

const marks = { same: "✓", "only-through": "●", "fails-directly": "○", differs: "✗" } as const;
const absent = "–";

const preface = `# Compatibility

Which clients work through the proxy with which servers. This page is written by the test run (\`npm test -- test/compatibility\`): real
clients against real servers, each step once directly and once through the proxy's gate. A run that finds something else fails.

- ✓ the same result as directly, errors and cancellations included
- – the client's interface has no such thing, or its program does not ask for it
- ○ the client cannot do it with this server, with and without the proxy
- ● the client can do it through the proxy only
- ✗ the proxy makes a difference; the list below says which

The last row of each table is the audit trail: the server's own log and the trail tell of the same statements, in the same order, with the same
parameters, one to one. Versions of drivers are those that set-up pins; those of the distribution's programs may move by a patch.
`;

/** The section as this run found it. Where a client could not run here, the committed cells stay. */
export function renderSection(section: Section, outcomes: readonly Outcome[]): string {
  const committed = readCells(committedSection(section.title));
  const cells = new Map(committed);
  for (const { server, client, verdicts } of outcomes) {
    for (const step of Object.keys(section.steps)) {
      const verdict = verdicts.get(step);
      cells.set(`${server}|${client}|${step}`, verdict === undefined ? absent : marks[verdict.verdict]);
    }
  }
  const tables = section.servers.map((server) => {
    const rows = Object.entries(section.steps).map(([step, meaning]) => [
      meaning === "" ? step : `${step}: ${meaning}`,
      ...section.clients.map((client) => cells.get(`${server}|${client}|${step}`) ?? absent),
    ]);
    return [`### ${server}`, "", ...table(["Step", ...section.clients], rows), ""].join("\n");
  });
  const differences = section.differences.map((line) => `- ${line}`);
  return [
    `## ${section.title}`,
    "",
    section.introduction,
    "",
    ...tables,
    ...(differences.length > 0 ? ["### Known differences", "", ...differences, ""] : []),
  ].join("\n");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, at) => (at === 0 ? "---" : ":-:"))), ...rows.map(line)];
}

/** The section in the committed file, without the blank lines around it; empty when there is none. */
export function committedSection(title: string): string {
  return sectionsOf(existsSync(documentFile) ? readFileSync(documentFile, "utf8") : "").get(title) ?? "";
}

/** Puts a section into the file, beside the others. */
export function writeSection(title: string, text: string): void {
  const sections = sectionsOf(existsSync(documentFile) ? readFileSync(documentFile, "utf8") : "");
  sections.set(title, text);
  const sorted = [...sections].toSorted(([one], [other]) => other.localeCompare(one));
  writeFileSync(
    documentFile,
    `${[preface, ...sorted.map(([, section]) => section.trim())].map((part) => part.trim()).join("\n\n")}\n`,
  );
}

function sectionsOf(document: string): Map<string, string> {
  const parts = document.split(/^(?=## )/m).slice(1);
  return new Map(parts.map((part) => [/^## (.*)/.exec(part)?.[1] ?? "", part]));
}

/** Cells of a section's tables by server, client and step. */
function readCells(section: string): Map<string, string> {
  const cells = new Map<string, string>();
  for (const part of section.split(/^### /m).slice(1)) {
    const server = part.split("\n", 1)[0] ?? "";
    const [head = [], , ...rows] = part
      .split("\n")
      .filter((line) => line.startsWith("| "))
      .map((line) => line.slice(2, -2).split(" | "));
    for (const [step = "", ...row] of rows) {
      row.forEach((cell, at) => cells.set(`${server}|${head[at + 1] ?? ""}|${step.split(": ", 1)[0] ?? ""}`, cell));
    }
  }
  return cells;
}
