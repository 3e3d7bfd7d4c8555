import type { Secret } from "#lib/secret.ts";

/** A text or value that passed in pieces, as a record refers to it. */
export interface StoredText {
  /** After redaction: the whole of it where there is no `reference`, else its beginning. */
  readonly text: string | { readonly base64: string };
  /** Where the whole is. */
  readonly reference: { readonly text: number; readonly bytes: number } | undefined;
  /** The spool had no room for a part of it. */
  readonly isLost: boolean;
  readonly redacted: number;
  readonly removed: readonly Secret[];
}

/** SQL that passed in pieces. */
export interface StoredSQL extends StoredText {
  /** The SQL as it came, without the contents of long literals and comments: what is analysed. Cut off where it is too long. */
  readonly skeleton: Buffer;
  /** What a judge must know beside the skeleton. */
  readonly unread: UnreadSQL;
}

/** What a skeleton does not show. */
export interface UnreadSQL {
  /** It was cut off. */
  readonly isCut: boolean;
  /** Some of what it lacks holds words that a judge looks for. */
  readonly isSuspicious: boolean;
  /** A backslash came: what is literal and what is code depends on a setting. */
  readonly hasBackslash: boolean;
}

/** Takes a text or a value piece by piece, and writes it down as it comes. */
export interface TextSink<T extends StoredText = StoredText> {
  push(bytes: Buffer): void;
  end(): T;
}

/** Makes them. What they throw refuses the message. */
export interface TextStore {
  sql(): TextSink<StoredSQL>;
  /** `together`: bytes of the values of the same message that stay in its record. Undefined where policy keeps values out of the record. */
  value(binary: boolean, together: number): TextSink | undefined;
}
