import type { WriteResult } from "#audit/journal.ts";
import type {
  Parameter,
  RecordBody,
  StatementEnd,
  StatementResult,
  StatementStart,
  StatementText,
} from "#audit/record.ts";
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
  /** What becomes of a record that nothing waits for. */
  readonly #unawaited = (result: WriteResult): void => {
    if (result !== "written") {
      this.#miss();
    }
  };

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

  get session(): string {
    return this.#session;
  }

  /** Number of the next text that is written piece by piece. */
  nextText(): number {
    return this.#journal.nextText(this.#session);
  }

  /**
   * Writes a piece of a large text; nothing is forwarded before it is on record. `onLost`: there was no room, and policy goes on. A turn
   * is kept or lost as one: a piece that is lost when its statement has started takes the start with it.
   */
  writePiece(piece: StatementText, onLost: () => void): void {
    this.#waiting += 1;
    this.#journal.writeThen(piece, "Written", (result) => {
      if (result === "full" && this.#policy.onFull === "Gap") {
        this.#isFull = true;
        this.#miss();
        onLost();
      } else if (result !== "written") {
        this.#failure ??= result;
      }
      this.#recorded();
    });
  }

  /** What is bound stays out of the record. */
  get omitsParameters(): boolean {
    return this.#policy.parameters === "Omit";
  }

  started(number: number, start: StartedStatement): void {
    if (isTextLost(start)) {
      this.#missing.add(number);
      this.#miss();
      return;
    }
    const { record, removed } = this.#startRecord(number, start);
    if (removed.length > 0) {
      this.#removed.set(number, removed);
    }
    this.#waiting += 1;
    this.#journal.writeThen(record, this.#policy.durability, (result) => this.#settle(number, result));
  }

  ended(execution: EndedStatement, end: StatementAnswer): void {
    const removed = this.#takeRemoved(execution.number);
    if (this.#missing.size > 0 && this.#missing.delete(execution.number)) {
      this.#miss();
      return;
    }
    const record: Writable<StatementEnd> = {
      kind: "statement.end",
      session: this.#session,
      statement: execution.number,
      outcome: end.result.outcome,
      bytesToClient: execution.bytesToClient,
      bytesFromClient: execution.bytesFromClient,
      durationMs: Math.round(end.durationMs * 1_000) / 1_000,
    };
    addResult(record, end.result, removed);
    if (end.results !== undefined) {
      record.results = end.results.map((result) => resultRecord(result, removed));
    }
    if (end.transaction !== undefined) {
      record.transaction = end.transaction;
    }
    this.write(record);
  }

  /** Writes a record that nothing waits for. */
  write(record: RecordBody): void {
    if (!this.#isFull || record.kind === "session.close") {
      this.#writeGap();
    }
    this.#journal.writeThen(record, "Written", this.#unawaited);
  }

  #takeRemoved(number: number): readonly Secret[] {
    const removed = this.#removed.size === 0 ? undefined : this.#removed.get(number);
    if (removed === undefined) {
      return nothing;
    }
    this.#removed.delete(number);
    return removed;
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
    this.#recorded();
  }

  #recorded(): void {
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
    const sql = start.stored ?? (start.sql === undefined ? undefined : this.#redactSQL(start.sql));
    const bound = this.#parameters(start);
    const redacted = (sql?.redacted ?? 0) + bound.redacted;
    const record: Writable<StatementStart> = {
      kind: "statement.start",
      session: this.#session,
      statement: number,
      protocol: start.protocol,
      transaction: view.transaction,
    };
    if (sql !== undefined) {
      record.sql = sql.text;
    }
    if (start.stored?.reference !== undefined) {
      record.sqlText = start.stored.reference;
    }
    if (redacted > 0) {
      record.redacted = redacted;
    }
    if (start.spans.length > 1) {
      record.statements = start.spans.length;
    }
    addNames(record, start);
    addValues(record, bound.fields);
    addView(record, view);
    if (start.notices !== undefined) {
      record.notices = start.notices;
    }
    const cut = sql === undefined ? nothing : sql.removed;
    return { record, removed: bound.removed.length === 0 ? cut : [...cut, ...bound.removed] };
  }

  #parameters(start: StartedStatement): RenderedValues {
    const values = start.parameters ?? noValues;
    const named = start.attributes ?? noAttributes;
    const count = values.length + named.length;
    if (count === 0) {
      return noParameters;
    }
    if (this.#policy.parameters === "Omit") {
      return { fields: { parametersOmitted: count }, redacted: 0, removed: nothing };
    }
    let redacted = 0;
    const removed: Secret[] = [];
    const render = (value: StartedValue, type: number): Parameter => {
      const rendered = renderValue(value, type);
      if (rendered.redacted > 0) {
        redacted += rendered.redacted;
        removed.push(...rendered.removed);
      }
      return rendered.parameter;
    };
    const fields: Writable<ValueFields> = {};
    if (values.length > 0) {
      fields.parameters = values.map((value, index) => render(value, start.types?.[index] ?? 0));
    }
    if (named.length > 0) {
      fields.attributes = named.map((value) => ({ name: textOf(value.name), ...render(value, value.type) }));
    }
    return { fields, redacted, removed };
  }
}

/** A record while it is made. Members are added one by one, since a spread for each costs more than all the rest. */
type Writable<T> = { -readonly [Key in keyof T]: T[Key] };
type ValueFields = Pick<StatementStart, "parameters" | "attributes" | "parametersOmitted">;

interface RenderedValues {
  readonly fields: ValueFields;
  readonly redacted: number;
  readonly removed: readonly Secret[];
}

const nothing: readonly Secret[] = [];
const noValues: readonly StartedValue[] = [];
const noAttributes: NonNullable<StartedStatement["attributes"]> = [];
const noParameters: RenderedValues = { fields: {}, redacted: 0, removed: nothing };

function addNames(record: Writable<StatementStart>, start: StartedStatement): void {
  if (start.statementName !== undefined) {
    record.statementName = nameText(start.statementName);
  }
  if (start.portal !== undefined) {
    record.portal = nameText(start.portal);
  }
  if (start.functionOID !== undefined) {
    record.functionOID = start.functionOID;
  }
  if (start.rowLimit !== undefined) {
    record.rowLimit = start.rowLimit;
  }
  if (start.continues !== undefined) {
    record.continues = start.continues;
  }
}

function addValues(record: Writable<StatementStart>, fields: ValueFields): void {
  if (fields.parameters !== undefined) {
    record.parameters = fields.parameters;
  }
  if (fields.attributes !== undefined) {
    record.attributes = fields.attributes;
  }
  if (fields.parametersOmitted !== undefined) {
    record.parametersOmitted = fields.parametersOmitted;
  }
}

function addView(record: Writable<StatementStart>, view: SessionView): void {
  if (view.user !== undefined) {
    record.user = view.user;
  }
  if (view.encoding !== undefined) {
    record.encoding = view.encoding;
  }
  if (view.database !== undefined) {
    record.database = view.database;
  }
}

function isTextLost({ stored, parameters }: StartedStatement): boolean {
  return stored?.isLost === true || (parameters?.some((value) => value.stored?.isLost === true) ?? false);
}

function renderValue(
  value: StartedValue,
  type: number,
): { parameter: Parameter; redacted: number; removed: readonly Secret[] } {
  const format = value.binary ? "binary" : "text";
  if (value.bytes === null) {
    const { instead } = value;
    const parameter = { type, format, value: null, ...(instead === undefined ? {} : { instead }) } as const;
    return { parameter, redacted: 0, removed: nothing };
  }
  if (value.stored !== undefined) {
    const { text, reference, redacted, removed } = value.stored;
    const whole = reference === undefined ? {} : { text: reference };
    return { parameter: { type, format, value: text, ...whole }, redacted, removed };
  }
  const { text, redacted, removed } = redactValueBytes(value.bytes);
  const recorded = value.binary ? { base64: bytesOfText(text).toString("base64") } : text;
  return { parameter: { type, format, value: recorded }, redacted, removed };
}

function resultRecord(result: AnsweredStatement, removed: readonly Secret[]): StatementResult {
  const record: Writable<StatementResult> = { outcome: result.outcome };
  addResult(record, result, removed);
  return record;
}

function addResult(record: Writable<StatementResult>, result: AnsweredStatement, removed: readonly Secret[]): void {
  if (result.tag !== undefined) {
    record.tag = result.tag;
  }
  if (result.rows !== undefined) {
    record.rows = result.rows;
  }
  if (result.suspended !== undefined) {
    record.suspended = result.suspended;
  }
  addFailure(record, result, removed);
  if (result.affectedRows !== undefined) {
    record.affectedRows = result.affectedRows;
  }
  if (result.lastInsertID !== undefined) {
    record.lastInsertID = result.lastInsertID;
  }
  if (result.warnings !== undefined) {
    record.warnings = result.warnings;
  }
  if (result.info !== undefined) {
    record.info = textOf(result.info);
  }
}

function addFailure(record: Writable<StatementResult>, result: AnsweredStatement, removed: readonly Secret[]): void {
  if (result.sqlState !== undefined) {
    record.sqlState = result.sqlState;
  }
  if (result.errno !== undefined) {
    record.errno = result.errno;
  }
  if (result.message !== undefined) {
    const message = textOf(result.message);
    record.message = redactMessage(typeof message === "string" ? message : result.message.toString("latin1"), removed);
  }
}

/** A name of ASCII is its own text; names are short. */
function nameText(name: string): Text {
  for (let at = 0; at < name.length; at += 1) {
    if (name.charCodeAt(at) >= 0x80) {
      return textOf(Buffer.from(name, "latin1"));
    }
  }
  return name;
}

/** Why the session of a statement that could not be recorded ends, for its client. */
export const recordingFailureMessage: Readonly<Record<RecordingFailure, string>> = {
  full: "the audit record cannot be written now, so the statement was not sent to the database",
  "too-large": "the statement is too large to be recorded, so it was not sent to the database",
};
