import { hashRecord, tryDecodeRecord } from "../codec.ts";
import type { AuditRecord } from "../record.ts";
import type { Flag, RawRecord, SessionOwner } from "../store/types.ts";
import { exportLine } from "../store/export.ts";

/** Whose record it is, in every line of a session, so that a reader needs no look at the session's first. Empty fields are left out. */
export type LineOwner = Partial<
  Pick<SessionOwner, "grantID" | "userName" | "database" | "databaseName" | "engine" | "roleName">
>;

/** A record, or a signed line of the head log, as sinks deliver it. */
export interface RecordLine {
  readonly id: string;
  /** One JSON object without a line end: `docs/sinks.md` describes it. `parseExportLine` reads it. */
  readonly line: string;
  /** What kind of record; `unreadable` for bytes that are none; `head` for a signed line. */
  readonly kind: string;
  /** When it was written, by the proxy's clock; when it was stored, where that cannot be read. Milliseconds since 1970. */
  readonly timeMs: number;
  /** Of a record: its position in the store. */
  readonly storeSeq?: number;
  /** Of a signed line: its place in the head log, from 1. */
  readonly headLine?: number;
  /** Absent in a signed line that cannot be read. */
  readonly proxy?: string;
  /** What is wrong with its place in the chain. */
  readonly flag?: Flag;
  readonly session?: string;
  readonly owner?: LineOwner;
  /** What happened, where it is one of the controller's own records. */
  readonly event?: string;
  /** Of the statement, where the record is the end of one that did not go well. */
  readonly outcome?: string;
}

/**
 * The record's own hash, which the next of its chain carries. A record with a flag may repeat another's bytes, and is told apart by its
 * position.
 */
export function recordID({ bytes, flag, storeSeq }: RawRecord): string {
  const hash = hashRecord(bytes);
  return flag === undefined ? hash : `${hash}.${storeSeq}`;
}

/** Session that a record belongs to or tells of; undefined where there is none, and for bytes that are no record. */
export function sessionOf(record: AuditRecord | undefined): string | undefined {
  return record?.kind === "event" ? record.about.session : record?.session;
}

/** Renders one record. What a person or a SIEM looks at first stands before the record, whose bytes are as their hash was made. */
export function recordLine(
  raw: RawRecord,
  installation: string,
  owner: LineOwner | undefined,
  record: AuditRecord | undefined = tryDecodeRecord(raw.bytes),
): RecordLine {
  const session = sessionOf(record);
  const kind = record?.kind ?? "unreadable";
  const id = recordID(raw);
  const head = {
    id,
    installation,
    kind,
    ...(record === undefined ? {} : { time: record.time }),
    ...(record?.kind === "event" ? { event: record.event } : {}),
    ...(session === undefined ? {} : { session }),
    ...owner,
  };
  return {
    id,
    line: `${JSON.stringify(head).slice(0, -1)},${exportLine(raw).slice(1)}`,
    kind,
    timeMs: Date.parse(record?.time ?? raw.receivedTime),
    storeSeq: raw.storeSeq,
    proxy: raw.proxy,
    ...(raw.flag === undefined ? {} : { flag: raw.flag }),
    ...(session === undefined ? {} : { session }),
    ...(owner === undefined ? {} : { owner }),
    ...(record?.kind === "event" ? { event: record.event } : {}),
    ...(record?.kind === "statement.end" ? { outcome: record.outcome } : {}),
  };
}
