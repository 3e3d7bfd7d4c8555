import type { WriteResult } from "#audit/journal.ts";
import type { Parameter, RecordBody, StatementEnd, StatementResult, StatementStart } from "#audit/record.ts";
import { redactMessage } from "#audit/redact/message.ts";
import { redactValueBytes, type Redaction } from "#audit/redact/redact.ts";
import { bytesOfText, textOf, type Text } from "#audit/text.ts";
import type { Secret } from "#lib/secret.ts";
import type { AuditPolicy, SessionJournal } from "./journal-port.ts";
import type {
  AnsweredStatement,
  EndedStatement,
  StartedStatement,
  StartedValue,
  StatementAnswer,
} from "./statement.ts";

/** Why a statement may not be forwarded. */
export type RecordingFailure = "full" | "too-large";

/** The session's state that a record quotes. */
export interface SessionView {
  readonly transaction: "idle" | "transaction" | "failed";
  /** The client's encoding, as its server names it, when it is not UTF-8. */
  readonly encoding: string | undefined;
  /** The database user of the moment, when it differs from the login. */
  readonly user: string | undefined;
  /** The database of the moment, when it differs from the granted one. */
  readonly database?: Text | undefined;
}

/** Takes the secrets out of a statement, as the server would read it at this moment. */
export type RedactSQL = (sql: Buffer) => Redaction<Text>;

/**
 * Writes the records of one session's statements. A start is on record before `whenRecorded` calls back, and nothing is
 * forwarded before that.
 */
export class Recorder {
  readonly #session: string;
  readonly #journal: SessionJournal;
  readonly #policy: AuditPolicy;
  readonly #view: () => SessionView;
  readonly #redactSQL: RedactSQL;
  readonly #now: () => number;
  #waiting = 0;
  #failure: RecordingFailure | undefined;
  #callback: ((failure: RecordingFailure | undefined) => void) | undefined;
  /** Secrets cut from statements that still run, since the server's message may echo them. */
  readonly #removed = new Map<number, readonly Secret[]>();
  /** Statements whose start could not be written, under `onFull: Gap`. */
  readonly #missing = new Set<number>();
  #gap: { count: number; since: number } | undefined;
  /**
   * The last start found no room. A gap record has room in the spool's reserve, which is for ending what is open: one for each
   * statement would use it up.
   */
  #isFull = false;

  constructor(parts: {
    readonly session: string;
    readonly journal: SessionJournal;
    readonly policy: AuditPolicy;
    readonly view: () => SessionView;
    readonly redactSQL: RedactSQL;
    /** Wall clock in milliseconds, for the start of a gap. */
    readonly now: () => number;
  }) {
    this.#session = parts.session;
    this.#journal = parts.journal;
    this.#policy = parts.policy;
    this.#view = parts.view;
    this.#redactSQL = parts.redactSQL;
    this.#now = parts.now;
  }

  /** Calls back once everything started so far is on record: at once, when nothing waits. */
  whenRecorded(callback: (failure: RecordingFailure | undefined) => void): void {
    if (this.#waiting === 0) {
      callback(this.#failure);
    } else {
      this.#callback = callback;
    }
  }

  started(number: number, start: StartedStatement): void {
    const { record, removed } = this.#startRecord(number, start);
    if (removed.length > 0) {
      this.#removed.set(number, removed);
    }
    this.#waiting += 1;
    this.#journal.writeThen(record, this.#policy.durability, (result) => this.#settle(number, result));
  }

  ended(execution: EndedStatement, end: StatementAnswer): void {
    const removed = this.#removed.get(execution.number) ?? [];
    this.#removed.delete(execution.number);
    if (this.#missing.delete(execution.number)) {
      this.#miss();
      return;
    }
    const record: StatementEnd = {
      kind: "statement.end",
      session: this.#session,
      statement: execution.number,
      ...resultRecord(end.result, removed),
      ...(end.results === undefined ? {} : { results: end.results.map((result) => resultRecord(result, removed)) }),
      bytesToClient: execution.bytesToClient,
      bytesFromClient: execution.bytesFromClient,
      durationMs: Math.round(end.durationMs * 1_000) / 1_000,
      ...(end.transaction === undefined ? {} : { transaction: end.transaction }),
    };
    this.write(record);
  }

  /** Writes a record that nothing waits for. */
  write(record: RecordBody): void {
    if (!this.#isFull || record.kind === "session.close") {
      this.#writeGap();
    }
    this.#journal.writeThen(record, "Written", (result) => {
      if (result !== "written") {
        this.#miss();
      }
    });
  }

  #settle(number: number, result: WriteResult): void {
    this.#isFull = result === "full";
    if (result === "written") {
      this.#writeGap();
    }
    if (result === "full" && this.#policy.onFull === "Gap") {
      this.#missing.add(number);
      this.#miss();
    } else if (result !== "written") {
      this.#failure ??= result;
    }
    this.#waiting -= 1;
    if (this.#waiting === 0) {
      const callback = this.#callback;
      this.#callback = undefined;
      callback?.(this.#failure);
    }
  }

  #miss(): void {
    this.#gap ??= { count: 0, since: this.#now() };
    this.#gap.count += 1;
  }

  /** A gap is said as soon as a record can be written again. */
  #writeGap(): void {
    const gap = this.#gap;
    if (gap === undefined) {
      return;
    }
    this.#gap = undefined;
    const since = new Date(gap.since).toISOString();
    this.#journal.writeThen(
      { kind: "gap", session: this.#session, count: gap.count, reason: "spool-full", since },
      "Written",
      (result) => {
        if (result !== "written") {
          this.#gap = { count: gap.count + (this.#gap?.count ?? 0), since: gap.since };
        }
      },
    );
  }

  #startRecord(number: number, start: StartedStatement): { record: StatementStart; removed: readonly Secret[] } {
    const view = this.#view();
    const sql = start.sql === undefined ? undefined : this.#redactSQL(start.sql);
    const bound = this.#parameters(start);
    const redacted = (sql?.redacted ?? 0) + bound.redacted;
    const record: StatementStart = {
      kind: "statement.start",
      session: this.#session,
      statement: number,
      protocol: start.protocol,
      ...(sql === undefined ? {} : { sql: sql.text }),
      ...(redacted === 0 ? {} : { redacted }),
      ...(start.spans.length > 1 ? { statements: start.spans.length } : {}),
      ...(start.statementName === undefined ? {} : { statementName: nameText(start.statementName) }),
      ...(start.portal === undefined ? {} : { portal: nameText(start.portal) }),
      ...bound.fields,
      ...(start.functionOID === undefined ? {} : { functionOID: start.functionOID }),
      ...(start.rowLimit === undefined ? {} : { rowLimit: start.rowLimit }),
      ...(start.continues === undefined ? {} : { continues: start.continues }),
      transaction: view.transaction,
      ...(view.user === undefined ? {} : { user: view.user }),
      ...(view.encoding === undefined ? {} : { encoding: view.encoding }),
      ...(view.database === undefined ? {} : { database: view.database }),
      ...(start.notices === undefined ? {} : { notices: start.notices }),
    };
    return { record, removed: [...(sql?.removed ?? []), ...bound.removed] };
  }

  #parameters(start: StartedStatement): {
    fields: Pick<StatementStart, "parameters" | "attributes" | "parametersOmitted">;
    redacted: number;
    removed: readonly Secret[];
  } {
    const values = start.parameters ?? [];
    const named = start.attributes ?? [];
    const count = values.length + named.length;
    if (count === 0) {
      return { fields: {}, redacted: 0, removed: [] };
    }
    if (this.#policy.parameters === "Omit") {
      return { fields: { parametersOmitted: count }, redacted: 0, removed: [] };
    }
    let redacted = 0;
    const removed: Secret[] = [];
    const render = (value: StartedValue, type: number): Parameter => {
      const rendered = renderValue(value, type);
      redacted += rendered.redacted;
      removed.push(...rendered.removed);
      return rendered.parameter;
    };
    const parameters = values.map((value, index) => render(value, start.types?.[index] ?? 0));
    const attributes = named.map((value) => ({ name: textOf(value.name), ...render(value, value.type) }));
    return {
      fields: { ...(values.length === 0 ? {} : { parameters }), ...(named.length === 0 ? {} : { attributes }) },
      redacted,
      removed,
    };
  }
}

function renderValue(
  value: StartedValue,
  type: number,
): { parameter: Parameter; redacted: number; removed: readonly Secret[] } {
  if (value.bytes === null) {
    return { parameter: { type, format: value.binary ? "binary" : "text", value: null }, redacted: 0, removed: [] };
  }
  const redaction = redactValueBytes(value.bytes);
  const recorded = value.binary ? { base64: bytesOfText(redaction.text).toString("base64") } : redaction.text;
  return { parameter: { type, format: value.binary ? "binary" : "text", value: recorded }, ...redaction };
}

function resultRecord(result: AnsweredStatement, removed: readonly Secret[]): StatementResult {
  const message = result.message === undefined ? undefined : textOf(result.message);
  return {
    outcome: result.outcome,
    ...(result.tag === undefined ? {} : { tag: result.tag }),
    ...(result.rows === undefined ? {} : { rows: result.rows }),
    ...(result.sqlState === undefined ? {} : { sqlState: result.sqlState }),
    ...(result.errno === undefined ? {} : { errno: result.errno }),
    ...(message === undefined
      ? {}
      : {
          message: redactMessage(
            typeof message === "string" ? message : (result.message?.toString("latin1") ?? ""),
            removed,
          ),
        }),
    ...(result.suspended === undefined ? {} : { suspended: result.suspended }),
    ...(result.affectedRows === undefined ? {} : { affectedRows: result.affectedRows }),
    ...(result.lastInsertID === undefined ? {} : { lastInsertID: result.lastInsertID }),
    ...(result.warnings === undefined ? {} : { warnings: result.warnings }),
    ...(result.info === undefined ? {} : { info: textOf(result.info) }),
  };
}

const nameText = (name: string) => textOf(Buffer.from(name, "latin1"));

/** Why the session of a statement that could not be recorded ends, for its client. */
export const recordingFailureMessage: Readonly<Record<RecordingFailure, string>> = {
  full: "the audit record cannot be written now, so the statement was not sent to the database",
  "too-large": "the statement is too large to be recorded, so it was not sent to the database",
};
