import type { WriteResult } from "#audit/journal.ts";
import type { Parameter, RecordBody, StatementEnd, StatementStart, StatementText } from "#audit/record.ts";
import type { Redaction } from "#audit/redact/redact.ts";
import { textOf, type Text } from "#audit/text.ts";
import type { Secret } from "#lib/secret.ts";
import type { AuditPolicy, SessionJournal } from "./journal-port.ts";
import {
  addNames,
  addResult,
  addValues,
  addView,
  isTextLost,
  noAttributes,
  noParameters,
  nothing,
  noValues,
  type RenderedValues,
  renderValue,
  resultRecord,
  type ValueFields,
  type Writable,
} from "./record-fields.ts";
import type { EndedStatement, StartedStatement, StartedValue, StatementAnswer } from "./statement.ts";

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
  readonly #onDefect: (error: unknown) => void;
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
      this.#guarded(() => this.#miss());
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
    /** Something failed in what the journal calls back, which serves other sessions too: this one has to end. */
    readonly onDefect: (error: unknown) => void;
  }) {
    this.#session = parts.session;
    this.#journal = parts.journal;
    this.#policy = parts.policy;
    this.#view = parts.view;
    this.#redactSQL = parts.redactSQL;
    this.#now = parts.now;
    this.#onDefect = parts.onDefect;
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
    this.#journal.writeThen(piece, "Written", (result) =>
      this.#guarded(() => {
        if (result === "full" && this.#policy.onFull === "Gap") {
          this.#isFull = true;
          this.#miss();
          onLost();
        } else if (result !== "written") {
          this.#refuse(result);
        }
        this.#recorded();
      }),
    );
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
    this.#journal.writeThen(record, this.#policy.durability, (result) =>
      this.#guarded(() => this.#settle(number, result)),
    );
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

  /** What failed is not on record, so nothing that waits for it goes on. */
  #guarded(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#onDefect(error);
    }
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
      this.#refuse(result);
    }
    this.#recorded();
  }

  #refuse(failure: RecordingFailure): void {
    if (failure === "full" && this.#failure === undefined) {
      this.#journal.denied?.();
    }
    this.#failure ??= failure;
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

/** Why the session of a statement that could not be recorded ends, for its client. */
export const recordingFailureMessage: Readonly<Record<RecordingFailure, string>> = {
  full: "the audit record cannot be written now, so the statement was not sent to the database",
  "too-large": "the statement is too large to be recorded, so it was not sent to the database",
};
