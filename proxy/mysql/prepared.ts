import { heldMessageBytesMax, preparedBytesMax, preparedMax } from "./limits.ts";
import { lastPreparedID } from "./protocol.ts";
import { refusalCodes } from "./refusal-codes.ts";
import { errors, type ErrorCode } from "./violation.ts";
import type { WrittenKill } from "./kill.ts";
import type { SessionEffect } from "./effects.ts";

/** A statement that the server has prepared, and what the next execution of it must know. */
export interface Prepared {
  readonly id: number;
  readonly sql: Buffer;
  readonly parameters: number;
  /** Set when it ends another thread, which its execution is asked about. */
  readonly kill: WrittenKill | undefined;
  readonly effects: readonly SessionEffect[];
  /** Type and flag of each parameter as sent last; an execution that sends none means these. */
  types: Buffer | undefined;
  /** Values that came in pieces, by parameter: absent from the values of the next execution. */
  longData: Map<number, Buffer[]> | undefined;
  longBytes: number;
  /** Why the next execution fails: pieces that were not taken. */
  fault: { readonly code: ErrorCode; readonly message: string } | undefined;
  /** The execution whose cursor is open. */
  cursor: number | undefined;
}

/** All prepared statements of one session. Their texts and pieces are bounded. */
export class PreparedTable {
  readonly #byID = new Map<number, Prepared>();
  #textBytes = 0;
  #longBytes = 0;
  #last: Prepared | undefined;

  get size(): number {
    return this.#byID.size;
  }

  /** Whether a text of `bytes` more can be kept. */
  hasRoom(bytes: number): boolean {
    return this.#byID.size < preparedMax && this.#textBytes + bytes <= preparedBytesMax;
  }

  find(id: number): Prepared | undefined {
    return id === lastPreparedID ? this.#last : this.#byID.get(id);
  }

  add(statement: Prepared): void {
    this.remove(statement.id);
    this.#byID.set(statement.id, statement);
    this.#textBytes += statement.sql.length;
    this.#last = statement;
  }

  /** A prepare failed: MariaDB forgets which statement was the last. */
  forgetLast(): void {
    this.#last = undefined;
  }

  remove(id: number): void {
    const statement = this.find(id);
    if (statement !== undefined) {
      this.resetLongData(statement);
      this.#byID.delete(statement.id);
      this.#textBytes -= statement.sql.length;
      if (this.#last === statement) {
        this.#last = undefined;
      }
    }
  }

  clear(): void {
    this.#byID.clear();
    this.#textBytes = 0;
    this.#longBytes = 0;
    this.#last = undefined;
  }

  /** Keeps a piece of a value. Returns false when it is not to be forwarded, and the next execution fails. */
  addLongData(statement: Prepared, parameter: number, data: Buffer): boolean {
    if (statement.fault !== undefined) {
      return false;
    }
    if (parameter >= statement.parameters) {
      statement.fault = {
        code: refusalCodes.wrongArguments,
        message: "a piece of a parameter that the statement has not",
      };
      return false;
    }
    if (this.#longBytes + data.length > heldMessageBytesMax) {
      statement.fault = {
        code: errors.packetTooLarge,
        message: `values sent in pieces are together too large to be recorded (at most ${heldMessageBytesMax} bytes)`,
      };
      return false;
    }
    statement.longData ??= new Map();
    const pieces = statement.longData.get(parameter) ?? [];
    statement.longData.set(parameter, pieces);
    joinPiece(pieces, data);
    statement.longBytes += data.length;
    this.#longBytes += data.length;
    return true;
  }

  /** An execution or COM_STMT_RESET uses them up. */
  resetLongData(statement: Prepared): void {
    this.#longBytes -= statement.longBytes;
    statement.longBytes = 0;
    statement.longData = undefined;
    statement.fault = undefined;
  }
}

/** Small pieces are joined in a buffer that doubles: a client may send a value byte by byte, and each object has a cost of its own. */
const pieceBytesMin = 4_096;

function joinPiece(pieces: Buffer[], data: Buffer): void {
  const last = pieces.at(-1);
  if (last !== undefined && last.length + data.length <= pieceBytesMin) {
    pieces[pieces.length - 1] = Buffer.concat([last, data]);
  } else {
    pieces.push(Buffer.from(data));
  }
}
