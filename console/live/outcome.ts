import type { Tone } from "../ui/badge.tsx";
import { isRunning, type StatementRow } from "./rows.ts";

/** How a statement ended, in a word. */
export function outcomeText(row: StatementRow): string {
  if (isRunning(row)) {
    return "running";
  }
  switch (row.outcome) {
    case "ok":
      return row.tag === undefined || row.tag === "" ? "ok" : row.tag;
    case "error":
      return row.sqlState === undefined ? "error" : `error ${row.sqlState}`;
    case "not-executed":
      return isRefused(row) ? "refused" : "not executed";
    default:
      return row.outcome ?? "";
  }
}

/** What it means to somebody who looks for trouble. */
export function outcomeTone(row: StatementRow): Tone {
  switch (row.outcome) {
    case undefined:
      return "busy";
    case "ok":
      return "good";
    case "error":
      return "bad";
    case "not-executed":
      return isRefused(row) ? "bad" : "neutral";
    default:
      return "warning";
  }
}

/** Whether policy kept it from the server. */
function isRefused(row: StatementRow): boolean {
  return row.notices?.includes("refused") === true;
}

/** The hazards that its record tells of: `credential-change`. */
export function hazardsOf(row: StatementRow): readonly string[] {
  const mark = "hazard:";
  return (row.notices ?? []).filter((notice) => notice.startsWith(mark)).map((notice) => notice.slice(mark.length));
}

/** The outcomes that can be asked for, with their names. */
export const outcomes = [
  ["ok", "ok"],
  ["error", "error"],
  ["cancelled", "cancelled"],
  ["not-executed", "not executed"],
  ["cut", "cut off"],
  ["unknown", "unknown"],
] as const;
