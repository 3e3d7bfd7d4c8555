import type { RecordLine } from "./record-line.ts";

/** How much a reader of logs should care: records are missing or wrong, a statement failed or was refused, all else. */
export type Severity = "error" | "warning" | "info";

const ordinary = new Set(["ok", "cancelled"]);

/** Of a delivered record. */
export function severityOf({ kind, outcome, flag }: RecordLine): Severity {
  if (kind === "gap" || kind === "unreadable" || flag !== undefined) {
    return "error";
  }
  return outcome === undefined || ordinary.has(outcome) ? "info" : "warning";
}
