import { readFileSync } from "node:fs";

/** One entry of a server's general query log. */
export interface LogEntry {
  readonly thread: number;
  /** `Query`, `Prepare`, `Execute`, `Init DB` and so on. */
  readonly command: string;
  readonly text: string;
}

/** A line that begins an entry: time or not, thread, command, text (MySQL manual, "The General Query Log"; MariaDB's is the same). */
const opening =
  /^(?:\d{6} {1,2}\d{1,2}:\d\d:\d\d\t|\d{4}-\d\d-\d\dT[\d:.]+Z\t|\t\t)\s*(\d+) (Query|Prepare|Execute|Init DB|Field List|Statistics|Processlist|Close stmt|Long Data|Reset stmt|Reset connection|Reset Connection|Fetch|Quit|Connect|Kill|Set option|Ping|Debug|Refresh|Bulk_execute)(?:\t(.*))?$/;

/** Reads what the server logged of some threads. */
export function readGeneralLog(file: string, threads: ReadonlySet<number>): LogEntry[] {
  const entries: { thread: number; command: string; text: string }[] = [];
  for (const line of readFileSync(file, "utf8").trimEnd().split("\n")) {
    const [, thread, command, text] = opening.exec(line) ?? [];
    const last = entries.at(-1);
    if (thread !== undefined && command !== undefined) {
      entries.push({ thread: Number(thread), command, text: text ?? "" });
    } else if (last !== undefined) {
      last.text += `\n${line}`;
    }
  }
  return entries.filter(({ thread }) => threads.has(thread));
}
