import type { UnreadSQL } from "./stored-text.ts";

/** What somebody who knows policy says of a statement. */
export interface Verdict {
  /** Go into its record. */
  readonly notices: readonly string[];
  /** It must not reach the server; this is what the client is told instead. */
  readonly refusal?: Refusal;
}

/** Why a statement is refused, in the words of an ErrorResponse. */
export interface Refusal {
  readonly message: string;
  readonly hint: string;
}

/** Judges what a client sends, before the server sees it. Undefined: nothing to be said. */
export interface StatementJudge {
  /** The text of a Query, or of a Parse that gives it a name (empty for the unnamed statement). */
  text(sql: Buffer, preparedAs?: string): Verdict | undefined;
  /** As `text`, for one that passed in pieces: `skeleton` is what is left of it to be read. */
  skeleton(skeleton: Buffer, unread: UnreadSQL, preparedAs?: string): Verdict | undefined;
  functionCall(oid: number): Verdict | undefined;
}

/** Bytes that take the place of others in a message's body, so that the server answers with an error in the refused one's place. */
export interface Overwrite {
  readonly offset: number;
  readonly bytes: Buffer;
}

/** No statement begins with a closing bracket, so the server's parser refuses it whatever its state. */
const noStatement = ")";
const mark = " /* refused by Sallyport */";

/**
 * As many bytes as the refused text, which the server cannot parse: it answers in the refused statement's place and turn, with the
 * transaction's state and the skipping up to Sync that an error has.
 */
export function unparsable(length: number): Buffer {
  const text = length >= noStatement.length + mark.length ? noStatement + mark : noStatement;
  return Buffer.from(text.padEnd(length, " ").slice(0, length), "latin1");
}
