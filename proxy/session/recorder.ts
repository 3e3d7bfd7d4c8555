import type { WriteResult } from "#audit/journal.ts";
import type { Parameter, RecordBody, StatementEnd, StatementResult, StatementStart } from "#audit/record.ts";
import { redactMessage } from "#audit/redact/message.ts";
import { redactBytes, redactValueBytes } from "#audit/redact/redact.ts";
import { bytesOfText, textOf } from "#audit/text.ts";
import type { Secret } from "#lib/secret.ts";
import type { BoundValue } from "../postgres/frontend.ts";
import { ProtocolViolation, sqlState } from "../postgres/protocol.ts";
import type { Execution, ExecutionEnd, ExecutionResult, ExecutionStart } from "../postgres/tracker.ts";
import type { AuditPolicy, SessionJournal } from "./journal-port.ts";

/** Why a statement may not be forwarded. */
export type RecordingFailure = "full" | "too-large";

/** The session's state that a record quotes. */
export interface SessionView {
  readonly transaction: "idle" | "transaction" | "failed";
  readonly standardStrings: boolean;
  /** client_encoding. */
  readonly encoding: string;
  /** session_authorization, when it differs from the login. */
  readonly user: string | undefined;
}

/**
 * Writes the records of one session's statements. A start is on record before `whenRecorded` calls back, and nothing is
 * forwarded before that.
 */
export class Recorder {
  readonly #session: string;
  readonly #journal: SessionJournal;
  readonly #policy: AuditPolicy;
  readonly #view: () => SessionView;
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
    /** Wall clock in milliseconds, for the start of a gap. */
    readonly now: () => number;
  }) {
    this.#session = parts.session;
    this.#journal = parts.journal;
    this.#policy = parts.policy;
    this.#view = parts.view;
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

  started(number: number, start: ExecutionStart): void {
    const { record, removed } = this.#startRecord(number, start);
    if (removed.length > 0) {
      this.#removed.set(number, removed);
    }
    this.#waiting += 1;
    this.#journal.writeThen(record, this.#policy.durability, (result) => this.#settle(number, result));
  }

  ended(execution: Execution, end: ExecutionEnd): void {
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

  #startRecord(number: number, start: ExecutionStart): { record: StatementStart; removed: readonly Secret[] } {
    const view = this.#view();
    const sql =
      start.sql === undefined
        ? undefined
        : redactBytes(start.sql, "postgres", {
            standardConformingStrings: view.standardStrings,
            encoding: view.encoding,
          });
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
      ...(view.encoding === "UTF8" ? {} : { encoding: view.encoding }),
      ...(start.notices === undefined ? {} : { notices: start.notices }),
    };
    return { record, removed: [...(sql?.removed ?? []), ...bound.removed] };
  }

  #parameters(start: ExecutionStart): {
    fields: Pick<StatementStart, "parameters" | "parametersOmitted">;
    redacted: number;
    removed: readonly Secret[];
  } {
    const values = start.parameters ?? [];
    if (values.length === 0) {
      return { fields: {}, redacted: 0, removed: [] };
    }
    if (this.#policy.parameters === "Omit") {
      return { fields: { parametersOmitted: values.length }, redacted: 0, removed: [] };
    }
    let redacted = 0;
    const removed: Secret[] = [];
    const parameters = values.map((value, index): Parameter => {
      const rendered = renderValue(value, start.types?.[index] ?? 0);
      redacted += rendered.redacted;
      removed.push(...rendered.removed);
      return rendered.parameter;
    });
    return { fields: { parameters }, redacted, removed };
  }
}

function renderValue(
  value: BoundValue,
  type: number,
): { parameter: Parameter; redacted: number; removed: readonly Secret[] } {
  if (value.bytes === null) {
    return { parameter: { type, format: value.binary ? "binary" : "text", value: null }, redacted: 0, removed: [] };
  }
  const redaction = redactValueBytes(value.bytes);
  const recorded = value.binary ? { base64: bytesOfText(redaction.text).toString("base64") } : redaction.text;
  return { parameter: { type, format: value.binary ? "binary" : "text", value: recorded }, ...redaction };
}

function resultRecord(result: ExecutionResult, removed: readonly Secret[]): StatementResult {
  const message = result.message === undefined ? undefined : textOf(result.message);
  return {
    outcome: result.outcome,
    ...(result.tag === undefined ? {} : { tag: result.tag }),
    ...(result.rows === undefined ? {} : { rows: result.rows }),
    ...(result.sqlState === undefined ? {} : { sqlState: result.sqlState }),
    ...(message === undefined
      ? {}
      : {
          message: redactMessage(
            typeof message === "string" ? message : (result.message?.toString("latin1") ?? ""),
            removed,
          ),
        }),
    ...(result.suspended === undefined ? {} : { suspended: result.suspended }),
  };
}

const nameText = (name: string) => textOf(Buffer.from(name, "latin1"));

/** The error that ends a session whose statement could not be recorded. */
export function recordingViolation(failure: RecordingFailure): ProtocolViolation {
  return failure === "full"
    ? new ProtocolViolation(
        "the audit record cannot be written now, so the statement was not sent to the database",
        sqlState.ioError,
      )
    : new ProtocolViolation(
        "the statement is too large to be recorded, so it was not sent to the database",
        sqlState.limitExceeded,
      );
}
