import { exportLine, parseExportLine } from "../store/export.ts";
import type { RawRecord } from "../store/types.ts";

/** Which part of a trail an export holds. */
export type ExportScope =
  | { readonly kind: "all" }
  /** Records that the store took from one instant to before another, RFC 3339. */
  | { readonly kind: "range"; readonly from?: string; readonly to?: string }
  /** Sessions and events of one Grant. */
  | { readonly kind: "grant"; readonly grantID: string };

/** The first line. It says what the file is; nothing of it is proven by itself. */
export interface ExportHeader {
  readonly export: "sallyport audit trail";
  readonly v: 1;
  readonly installation: string;
  readonly time: string;
  readonly scope: ExportScope;
}

/** The last line: without it the file was cut off. */
export interface ExportEnd {
  readonly end: true;
  readonly heads: number;
  readonly records: number;
}

/** One line of an export, read. */
export type ExportLine =
  | { readonly kind: "header"; readonly header: ExportHeader }
  | { readonly kind: "head"; readonly line: string }
  | { readonly kind: "record"; readonly raw: RawRecord }
  | { readonly kind: "end"; readonly end: ExportEnd };

/** A line of the head log as a line of an export. */
export function headExportLine(line: string): string {
  return JSON.stringify({ head: line });
}

export { exportLine };

/** Reads a line; undefined for one that no export holds. */
export function readExportLine(line: string): ExportLine | undefined {
  const value = parse(line);
  if (typeof value !== "object" || value === null) {
    return undefined;
  }
  if ("export" in value) {
    return isHeader(value) ? { kind: "header", header: value } : undefined;
  }
  if ("head" in value) {
    return typeof value.head === "string" && headExportLine(value.head) === line
      ? { kind: "head", line: value.head }
      : undefined;
  }
  if ("end" in value) {
    return isEnd(value) ? { kind: "end", end: value } : undefined;
  }
  return record(line);
}

function record(line: string): ExportLine | undefined {
  try {
    const raw = parseExportLine(line);
    // One record, one form: what reads the same but is written otherwise was not exported.
    return exportLine(raw) === line ? { kind: "record", raw } : undefined;
  } catch {
    return undefined;
  }
}

function isHeader(value: object): value is ExportHeader {
  const header = value as Partial<Record<keyof ExportHeader, unknown>>;
  const scope = header.scope as Partial<Record<"kind" | "grantID", unknown>> | null | undefined;
  const kind = scope?.kind;
  return (
    header.export === "sallyport audit trail" &&
    header.v === 1 &&
    typeof header.installation === "string" &&
    (kind === "all" || kind === "range" || (kind === "grant" && typeof scope?.grantID === "string"))
  );
}

function isEnd(value: object): value is ExportEnd {
  const end = value as Partial<Record<keyof ExportEnd, unknown>>;
  return end.end === true && Number.isSafeInteger(end.heads) && Number.isSafeInteger(end.records);
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
