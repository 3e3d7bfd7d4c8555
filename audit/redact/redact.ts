import { Secret } from "#lib/secret.ts";
import { asciiOf, bytesOfText, textOf, type Text } from "../text.ts";
import { contentSecrets } from "./content.ts";
import type { Dialect, LexerOptions } from "./lexer.ts";
import { mysqlSecrets } from "./mysql-secrets.ts";
import { cutSpans, mergeSpans, type Span } from "./spans.ts";
import { statementSecrets } from "./statement.ts";
import { isPlain } from "./trigger.ts";
import { trigger } from "./words.ts";

export type { Dialect, LexerOptions } from "./lexer.ts";

/** Text without its secrets. */
export interface Redaction<T> {
  /** The same text, unit by unit, where there is no secret. */
  readonly text: T;
  /** How many stretches were taken out. */
  readonly redacted: number;
  /** What was taken out, so that a server's message that echoes it can be redacted too. Forget it with the statement. */
  readonly removed: readonly Secret[];
}

const noSecrets: readonly Secret[] = [];

const defaults: LexerOptions = { standardConformingStrings: true, ansiQuotes: false, noBackslashEscapes: false };

/**
 * Takes passwords and other secrets out of SQL before it is written anywhere. Works on the tokens of the server's own
 * lexer, so that a quote in a comment or a password with a quote in it does not mislead it. What cannot be read as SQL (a
 * literal without end) is taken out from the first suspicious word to the end.
 *
 * It knows the ways in which SQL carries credentials, not secrets in general: data in ordinary columns stays.
 */
export function redact(sql: string, dialect: Dialect, options: Partial<LexerOptions> = {}): Redaction<string> {
  if (!trigger.test(sql)) {
    return { text: sql, redacted: 0, removed: [] };
  }
  const reading = { ...defaults, ...options };
  return cut(sql, dialect === "mysql" ? mysqlSecrets(sql, reading) : statementSecrets(sql, reading));
}

/** A bound value, a COPY option, a name: text that may be a connection string or a statement. */
export function redactValue(text: string): Redaction<string> {
  return trigger.test(text) ? cut(text, contentSecrets(text).spans) : { text, redacted: 0, removed: [] };
}

/**
 * As `redactValue`, for the bytes of a bound value in either format: drivers send text in binary form too, where it is the same bytes.
 * Bytes that are not UTF-8 are kept where they are no secret.
 */
export function redactValueBytes(bytes: Uint8Array): Redaction<Text> {
  if (isPlain(bytes)) {
    return { text: asciiOf(bytes), redacted: 0, removed: noSecrets };
  }
  const text = textOf(bytes);
  if (typeof text === "string") {
    return redactValue(text);
  }
  const redaction = redactValue(bytesOfText(text).toString("latin1"));
  return redaction.redacted === 0
    ? { ...redaction, text }
    : { ...redaction, text: textOf(Buffer.from(redaction.text, "latin1")) };
}

/**
 * Encodings that a client may use and in which a byte below 0x80 may be the second half of a character (Postgres:
 * "client-only" encodings), by Postgres name, with the name that `TextDecoder` knows.
 */
const doubleByteEncodings: Readonly<Record<string, string | undefined>> = {
  SJIS: "shift_jis",
  SHIFT_JIS_2004: "shift_jis",
  BIG5: "big5",
  GBK: "gbk",
  GB18030: "gb18030",
  UHC: "euc-kr",
  JOHAB: undefined,
  // MySQL's name.
  CP932: "shift_jis",
};

/**
 * As `redact`, for the bytes that a client sent. Bytes that are not UTF-8 are kept; quotes are the same byte in every
 * encoding but those in which half a character can look like one. Text in these is decoded first, and text that cannot be
 * decoded and looks suspicious is taken out whole.
 */
export function redactBytes(
  bytes: Uint8Array,
  dialect: Dialect,
  options: Partial<LexerOptions> & { readonly encoding?: string } = {},
): Redaction<Text> {
  // In an encoding in which a byte below 0x80 may be half a character, the other half is above.
  if (isPlain(bytes)) {
    return { text: asciiOf(bytes), redacted: 0, removed: noSecrets };
  }
  const text = textOf(bytes);
  const encoding = options.encoding?.toUpperCase() ?? "";
  if (encoding in doubleByteEncodings) {
    return redactDecoded(text, decode(bytes, doubleByteEncodings[encoding]), dialect, options);
  }
  if (typeof text === "string") {
    return redact(text, dialect, options);
  }
  const redaction = redact(bytesOfText(text).toString("latin1"), dialect, options);
  return redaction.redacted === 0
    ? { ...redaction, text }
    : { ...redaction, text: textOf(Buffer.from(redaction.text, "latin1")) };
}

function redactDecoded(
  raw: Text,
  decoded: string | undefined,
  dialect: Dialect,
  options: Partial<LexerOptions>,
): Redaction<Text> {
  if (decoded === undefined) {
    const whole = bytesOfText(raw).toString("latin1");
    return trigger.test(whole)
      ? cut(whole, [{ start: 0, end: whole.length }])
      : { text: raw, redacted: 0, removed: [] };
  }
  const redaction = redact(decoded, dialect, options);
  return redaction.redacted === 0 ? { ...redaction, text: raw } : redaction;
}

function decode(bytes: Uint8Array, label: string | undefined): string | undefined {
  try {
    return label === undefined ? undefined : new TextDecoder(label, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function cut(text: string, spans: readonly Span[]): Redaction<string> {
  const merged = mergeSpans(spans);
  return {
    text: cutSpans(text, merged),
    redacted: merged.length,
    removed: merged.map((span) => new Secret(text.slice(span.start, span.end))),
  };
}
