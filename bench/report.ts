import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { goalRow } from "./goal.ts";
import type { Machine } from "./machine.ts";
import { type Part, parts } from "./options.ts";
import type { Section } from "./run.ts";
import { formatNumber, table } from "./table.ts";

/** Written by hand, taken into the report as it is: what was tried, and what the profile shows. */
const notesFile = new URL("notes.md", import.meta.url);
/** A line of JSON for each section of the last report. */
const keptFile = new URL("sections.jsonl", import.meta.url);
const reportFile = new URL("../docs/performance.md", import.meta.url);

/** With more than this the bench shares its cores, and its turns are disturbed more than they tell. */
const busyLoad = 1.5;

const method = `Everything runs on one machine over loopback: database server, load, and each system under test. Only ratios are comparable,
and only within one table.

- **Turns.** The load generators of all systems stay connected and stopped (SIGSTOP); one at a time runs for 0.3 s, in an order that
  rotates with each round. A ratio is the median of the rounds' ratios; half of the rounds lie in the range behind it.
- **Load.** \`pgbench --select-only --jobs=1\` on 100,000 cached rows of Postgres 18; rates and latencies come from its own log of every
  transaction, whose first 20 ms of each turn are left out. Bulk data comes from and goes to a server of the bench that has nothing to
  compute, read by a client that only counts: a real Postgres would be the bottleneck.
- **Sallyport** is one process with the data path as \`startProxy\` joins it: real engine, redaction, journal and spool on disk, upstream
  login, and a link over TLS that ships every record. CPU of a statement counts all threads of the process until its records are
  acknowledged. Every connection is let in without the grant handshake, which pgbench cannot speak; handshake and SSM are measured in
  sections of their own.
- **The controller** is another process. For \`Remote\` it has the real link protocol, audit store and signed heads. For \`Written\` and
  \`Synced\`, whose statements do not wait for it, it acknowledges and forgets: in life its store works on another machine.
- **Plain to the server** exists in the bench only, for a fair comparison: the product refuses to speak to a database without TLS.
- **PgBouncer** pools sessions, **HAProxy** forwards TCP with one thread. Neither records anything.`;

/** Sections that a report has; the machine above all of them. */
export interface Report {
  readonly machine: Machine;
  readonly sections: readonly Omit<Section, "json">[];
}

/** The whole page. */
export function renderReport({ machine, sections }: Report, notes: string): string {
  const { cores, memoryGiB, system, node, versions, load, flushMicroseconds } = machine;
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const goals = sections.flatMap((section) => section.goals ?? []);
  return [
    "# Performance",
    "<!-- Written by `npm run bench`. Change bench/notes.md or bench/report.ts instead. -->",
    "`npm run bench` measures everything below and writes this page, in about a quarter of an hour; `npm run bench -- postgres` measures " +
      "one part and prints it (others: `bulk`, `memory`, `mysql`, `connect`, `ssm`, `audit`, `live`, `cli`), with `--report` into this page too; `npm run bench -- --quick --output json` takes a " +
      "look within 50 s. `--profile DIR` writes CPU profiles of the proxy.",
    `Machine: ${cores} cores, ${memoryGiB} GiB, ${system}, Node ${node}, ${programs.join(", ")}. A record's worth of bytes appended and ` +
      `flushed to the device of the spool took ${flushMicroseconds} µs. Load of other work before the run: ${formatNumber(load)}` +
      `${load > busyLoad ? "; **the machine was busy, and the figures say little**" : ""}.`,
    "## Goals",
    table([["goal", "wanted", "measured", ""], ...goals.map(goalRow)]),
    notes.trim(),
    "## Method",
    method,
    ...sections.flatMap(({ title, text }) => [`## ${title}`, text]),
  ]
    .join("\n\n")
    .concat("\n");
}

/** A section as it is kept between runs, so that one part can be measured again without the others. */
export interface KeptSection {
  readonly part: Part;
  readonly section: Omit<Section, "json">;
}

/** What is kept, with the parts that were measured now in place of what was there of them, in the order of the parts. */
export function mergeSections(kept: readonly KeptSection[], measured: readonly KeptSection[]): KeptSection[] {
  const isMeasured = new Set(measured.map(({ part }) => part));
  return [...kept.filter(({ part }) => !isMeasured.has(part)), ...measured].toSorted(
    (a, b) => parts.indexOf(a.part) - parts.indexOf(b.part),
  );
}

/** Keeps what was measured and writes docs/performance.md from everything that is kept. */
export function writeReport(machine: Machine, measured: readonly KeptSection[]): void {
  const lines = existsSync(keptFile) ? readFileSync(keptFile, "utf8").split("\n").filter(Boolean) : [];
  const all = mergeSections(
    lines.map((line) => JSON.parse(line) as KeptSection),
    measured,
  );
  writeFileSync(keptFile, all.map((kept) => `${JSON.stringify(kept)}\n`).join(""));
  const sections = all.map(({ section }) => section);
  writeFileSync(reportFile, renderReport({ machine, sections }, readFileSync(notesFile, "utf8")));
}
