import { createHash, hash } from "node:crypto";
import type { Parameter, StatementStart, StatementText, TextReference } from "./record.ts";
import { bytesOfText, type Text } from "./text.ts";

/**
 * A text longer than this goes into records of its own. In characters of the string, or of the base64: 256 Ki of them are at most
 * 1.5 MiB of JSON, a tenth of the largest record.
 */
export const inlineCharactersMax = 256 * 1024;
/** All texts of one statement that stay in its record, together. A longer one that does not fit any more goes out. */
export const inlineTogetherMax = 1024 * 1024;
/** What stays in the record of a text that went out: enough to recognise it and to search in. */
export const previewCharacters = { sql: 4_096, parameter: 64 } as const;
/** Characters of one piece. A multiple of 4, so that base64 is cut between groups (RFC 4648 section 4). */
export const pieceCharacters = 128 * 1024;

/**
 * Makes the records of one large text, piece by piece, for whoever has it in memory and for whoever sees it pass. Every piece goes
 * to the journal as it comes (`writeThen(text.piece(data), …)`); the last one with `end`, after which `reference` is what
 * `statement.start` carries as `sqlText` or as a parameter's `text`. Nothing of the statement may be forwarded before its start
 * is on record, and no start may be written after a piece was refused.
 *
 * Pieces must be redacted, cut between characters, and at most about `pieceCharacters` long; empty ones are allowed at the end.
 */
export class LargeText {
  readonly #session: string;
  readonly #text: number;
  readonly #digest = createHash("sha256");
  #index = 0;
  #bytes = 0;

  /** `text`: number within the session, from `Journal.nextText`. */
  constructor(session: string, text: number) {
    this.#session = session;
    this.#text = text;
  }

  /** What refers to the text. Good after `end`. */
  get reference(): TextReference {
    return { text: this.#text, bytes: this.#bytes };
  }

  /** The record of the next piece. */
  piece(data: Text): StatementText {
    const bytes = bytesOfText(data);
    this.#digest.update(bytes);
    this.#bytes += bytes.length;
    const index = this.#index;
    this.#index += 1;
    return { kind: "statement.text", session: this.#session, text: this.#text, index, data };
  }

  /** The record of the last piece. */
  end(data: Text): StatementText {
    const last = this.piece(data);
    return { ...last, whole: { bytes: this.#bytes, sha256: this.#digest.digest("hex") } };
  }
}

/** Whether a statement has a text that does not fit its record. */
export function isLarge(start: StatementStart): boolean {
  const sql = start.sql === undefined ? 0 : characters(start.sql);
  if (sql > inlineCharactersMax) {
    return true;
  }
  let together = sql;
  for (const { value } of start.parameters ?? []) {
    const length = value === null ? 0 : characters(value);
    together += length;
    if (length > inlineCharactersMax) {
      return true;
    }
  }
  return together > inlineTogetherMax;
}

/** Large texts that a session has on record, so that one which comes again is only referred to. */
export type KnownTexts = Map<string, TextReference>;
/** More are recorded again: a session's memory is bounded. */
export const knownTextsMax = 32;

/** Moves the large texts of a statement out: the records to write before it, and what is left of it. */
export function splitStart(
  start: StatementStart,
  nextText: () => number,
  known: KnownTexts,
): { readonly pieces: readonly StatementText[]; readonly start: StatementStart } {
  const pieces: StatementText[] = [];
  const moveOut = (text: Text): TextReference => {
    const digest = hash("sha256", bytesOfText(text), "hex");
    const before = known.get(digest);
    if (before !== undefined) {
      return before;
    }
    const writer = new LargeText(start.session, nextText());
    const parts = cut(text);
    for (const [index, part] of parts.entries()) {
      pieces.push(index === parts.length - 1 ? writer.end(part) : writer.piece(part));
    }
    if (known.size < knownTextsMax) {
      known.set(digest, writer.reference);
    }
    return writer.reference;
  };
  let together = 0;
  const { sql } = start;
  const movesSQL = sql !== undefined && characters(sql) > inlineCharactersMax;
  together += sql === undefined || movesSQL ? 0 : characters(sql);
  const parameters = start.parameters?.map((parameter): Parameter => {
    const { value } = parameter;
    const length = value === null ? 0 : characters(value);
    const fits = length <= inlineCharactersMax && together + length <= inlineTogetherMax;
    if (value === null || fits || length <= previewCharacters.parameter) {
      together += length;
      return parameter;
    }
    return { ...parameter, value: firstOf(value, previewCharacters.parameter), text: moveOut(value) };
  });
  return {
    pieces,
    start: {
      ...start,
      ...(movesSQL ? { sql: firstOf(sql, previewCharacters.sql), sqlText: moveOut(sql) } : {}),
      ...(parameters === undefined ? {} : { parameters }),
    },
  };
}

const characters = (text: Text): number => (typeof text === "string" ? text.length : text.base64.length);

/** Pieces in order, at least one. */
function cut(text: Text): Text[] {
  const whole = typeof text === "string" ? text : text.base64;
  const pieces: Text[] = [];
  for (let from = 0; from < whole.length;) {
    const end = boundary(whole, from + pieceCharacters);
    const piece = whole.slice(from, end);
    pieces.push(typeof text === "string" ? piece : { base64: piece });
    from = end;
  }
  return pieces.length === 0 ? [""] : pieces;
}

function firstOf(text: Text, count: number): Text {
  return typeof text === "string" ? text.slice(0, boundary(text, count)) : { base64: text.base64.slice(0, count) };
}

/** `at`, or one less where it would part a surrogate pair. */
function boundary(text: string, at: number): number {
  const before = text.charCodeAt(at - 1);
  return at < text.length && before >= 0xd800 && before <= 0xdbff ? at - 1 : Math.min(at, text.length);
}
