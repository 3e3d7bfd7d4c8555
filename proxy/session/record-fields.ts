import type { Parameter, StatementResult, StatementStart } from "#audit/record.ts";
import { redactMessage } from "#audit/redact/message.ts";
import { redactValueBytes } from "#audit/redact/redact.ts";
import { bytesOfText, textOf, type Text } from "#audit/text.ts";
import type { Secret } from "#lib/secret.ts";
import type { SessionView } from "./recorder.ts";
import type { AnsweredStatement, StartedStatement, StartedValue } from "./statement.ts";

/** A record while it is made. Members are added one by one, since a spread for each costs more than all the rest. */
export type Writable<T> = { -readonly [Key in keyof T]: T[Key] };
/** What a record says of values. */
export type ValueFields = Pick<StatementStart, "parameters" | "attributes" | "parametersOmitted">;

/** Values as a record has them, and what was taken out of them. */
export interface RenderedValues {
  readonly fields: ValueFields;
  readonly redacted: number;
  readonly removed: readonly Secret[];
}

/** Of a statement that held no secret. */
export const nothing: readonly Secret[] = [];
/** Of a statement without values. */
export const noValues: readonly StartedValue[] = [];
/** Of a statement without attributes. */
export const noAttributes: NonNullable<StartedStatement["attributes"]> = [];
/** Of a statement without both. */
export const noParameters: RenderedValues = { fields: {}, redacted: 0, removed: nothing };

/** Names, and how one execution relates to others. */
export function addNames(record: Writable<StatementStart>, start: StartedStatement): void {
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

/** Values, or how many were left out. */
export function addValues(record: Writable<StatementStart>, fields: ValueFields): void {
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

/** The session as it is. */
export function addView(record: Writable<StatementStart>, view: SessionView): void {
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

/** Whether a part of one of its texts found no room: then no record may refer to it. */
export function isTextLost({ stored, parameters }: StartedStatement): boolean {
  return stored?.isLost === true || (parameters?.some((value) => value.stored?.isLost === true) ?? false);
}

/** A bound value, after redaction. */
export function renderValue(
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

/** One answer of several. */
export function resultRecord(result: AnsweredStatement, removed: readonly Secret[]): StatementResult {
  const record: Writable<StatementResult> = { outcome: result.outcome };
  addResult(record, result, removed);
  return record;
}

/** What the server said; `removed` was taken out of the statement and may be echoed. */
export function addResult(
  record: Writable<StatementResult>,
  result: AnsweredStatement,
  removed: readonly Secret[],
): void {
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
