import { controllerPrefix } from "../../event/event-record.ts";
import { hazardsIn, refusedNotice } from "../../hazard-notice.ts";
import type { AuditRecord, StatementStart } from "../../record.ts";
import { readableText } from "../../text.ts";
import type { JudgedRecord, SessionState, TaskState } from "../judge.ts";

type RecordOf<K extends AuditRecord["kind"]> = Extract<AuditRecord, { kind: K }>;

/** A session and its row. */
export interface SessionRow extends SessionState {
  readonly id: number;
  /** Week of its first record. */
  readonly week: number;
}

/** A statement of which a batch has the start, the end, or both. */
export interface StatementRow {
  readonly session: SessionRow;
  readonly statement: number;
  start?: { readonly storeSeq: number; readonly record: RecordOf<"statement.start">; readonly isLate: boolean };
  end?: { readonly storeSeq: number; readonly record: RecordOf<"statement.end"> };
}

/** What a batch adds to each table. */
export interface BatchRows {
  /** All records' bytes, one after the other: one value is far cheaper to send than thousands. */
  readonly bytes: Buffer;
  readonly records: readonly JudgedRecord<SessionRow>[];
  readonly statements: readonly StatementRow[];
  readonly opens: readonly { readonly session: SessionRow; readonly record: RecordOf<"session.open"> }[];
  readonly texts: readonly { session: SessionRow; text: number; piece: number; storeSeq: number }[];
  readonly hazards: readonly { session: SessionRow; statement: number; hazard: string; refused: boolean }[];
  readonly events: readonly { storeSeq: number; event: string; grantID: string | null }[];
}

/** Sorts what was judged by table. The first record gets position `before` + 1. Pure. */
export function batchRows(task: TaskState, judged: readonly JudgedRecord<SessionRow>[], before: number): BatchRows {
  const statements = new Map<string, StatementRow>();
  const rows = { opens: [], texts: [], hazards: [], events: [] } as {
    [K in "opens" | "texts" | "hazards" | "events"]: BatchRows[K][number][];
  };
  const statementOf = (session: SessionRow, statement: number): StatementRow => {
    const key = `${session.id} ${statement}`;
    const row = statements.get(key) ?? { session, statement };
    statements.set(key, row);
    return row;
  };
  for (const [index, { record, session, flag }] of judged.entries()) {
    const storeSeq = before + index + 1;
    if (record?.kind === "event" && task.proxy.startsWith(controllerPrefix)) {
      rows.events.push({ storeSeq, event: record.event, grantID: record.about.grantID ?? null });
    }
    if (record === undefined || session === undefined) {
      continue;
    }
    if (record.kind === "session.open") {
      rows.opens.push({ session, record });
    } else if (record.kind === "statement.text") {
      rows.texts.push({ session, text: record.text, piece: record.index, storeSeq });
    } else if (record.kind === "statement.start") {
      statementOf(session, record.statement).start = { storeSeq, record, isLate: flag === "late" };
      const refused = record.notices?.includes(refusedNotice) === true;
      for (const hazard of hazardsIn(record.notices)) {
        rows.hazards.push({ session, statement: record.statement, hazard, refused });
      }
    } else if (record.kind === "statement.end") {
      statementOf(session, record.statement).end = { storeSeq, record };
    }
  }
  return {
    bytes: Buffer.concat(judged.map(({ bytes }) => bytes)),
    records: judged,
    statements: [...statements.values()],
    ...rows,
  };
}

/** The text that is searched; null where none is known. */
export function searchedText({ sql }: StatementStart): string | null {
  return sql === undefined ? null : storable(readableText(sql));
}

/**
 * Postgres holds no NUL in a text, and no half of a character (postgresql.org/docs/current/datatype-character.html). The record's bytes keep
 * them.
 */
export function storable(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\u{fffd}");
}
