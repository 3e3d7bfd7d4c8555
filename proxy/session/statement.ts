import type { Secret } from "#lib/secret.ts";
import type { Outcome, StatementProtocol, TextReference, TransactionState } from "#audit/record.ts";
import type { Text } from "#audit/text.ts";

/**
 * What the recorder needs to know of a statement, whatever the protocol. The codecs import nothing of the session's: their own types
 * fit these.
 */
export interface StartedStatement {
  readonly protocol: StatementProtocol;
  /** As the client sent it; absent when it is not known. */
  readonly sql: Buffer | undefined;
  /** The text was written down already; what the record says of it. */
  readonly stored?: StartedText;
  /** One entry for each statement in the text. */
  readonly spans: { readonly length: number };
  /** Names in Latin-1: every byte is one character. */
  readonly statementName?: string;
  readonly portal?: string;
  readonly parameters?: readonly StartedValue[];
  /** Type numbers of the parameters, in their order; 0 or absent where the client left it to the server. */
  readonly types?: readonly number[];
  /** MySQL's query attributes. */
  readonly attributes?: readonly StartedAttribute[];
  readonly functionOID?: number;
  readonly rowLimit?: number;
  readonly continues?: number;
  readonly notices?: readonly string[];
}

/** A text that passed in pieces, as it was written down. */
export interface StartedText {
  readonly text: Text;
  readonly reference: TextReference | undefined;
  readonly isLost: boolean;
  readonly redacted: number;
  readonly removed: readonly Secret[];
}

/** One bound value. `bytes` null is NULL; bytes of a value that is not binary are text, in UTF-8 where it can be known. */
export interface StartedValue {
  readonly binary: boolean;
  readonly bytes: Buffer | null;
  /** The value was written down already; `bytes` is empty. */
  readonly stored?: StartedText;
  /** What stands for the value; `bytes` is null then. */
  readonly instead?: "default" | "ignore";
}

/** A value that the client gives to a statement under a name. */
export interface StartedAttribute extends StartedValue {
  readonly name: Buffer;
  readonly type: number;
}

/** A statement's counters when it ends. */
export interface EndedStatement {
  readonly number: number;
  readonly bytesToClient: number;
  readonly bytesFromClient: number;
}

/** The server's answer to one statement. */
export interface AnsweredStatement {
  readonly outcome: Outcome;
  readonly tag?: string;
  readonly rows?: number;
  readonly sqlState?: string;
  /** MySQL's error number. */
  readonly errno?: number;
  /** As the server sent it, not yet redacted. */
  readonly message?: Buffer;
  readonly suspended?: boolean;
  /** MySQL only, as the fields that follow. */
  readonly affectedRows?: number;
  /** Decimal: it may be beyond what a number holds. */
  readonly lastInsertID?: string;
  readonly warnings?: number;
  readonly info?: Buffer;
}

/** The whole answer. */
export interface StatementAnswer {
  readonly result: AnsweredStatement;
  /** One entry a statement when the text held several. */
  readonly results?: readonly AnsweredStatement[];
  readonly durationMs: number;
  /** Absent when the session ended before the server said it. */
  readonly transaction?: TransactionState;
}
