import { ClientSide } from "./client-side.ts";
import { errorBytesKept, okBytesMax } from "./limits.ts";
import { verdict, type Verdict } from "./packets.ts";
import { fullPacketBytes, reply, status } from "./protocol.ts";
import { answer, type Expectation, type Success } from "./queue.ts";
import { refusalCodes } from "./refusal-codes.ts";
import {
  progressErrno,
  readColumnCount,
  readEOF,
  readErrorReply,
  readOK,
  readPrepared,
  type ErrorReply,
  type OKReply,
} from "./replies.ts";
import { resultOf } from "./results.ts";
import { MySqlViolation } from "./violation.ts";

export type { TrackerHooks, TrackerSink } from "./client-side.ts";

/** ER_QUERY_INTERRUPTED; MariaDB's ER_CONNECTION_KILLED. */
const killedErrnos: ReadonlySet<number> = new Set([1317, 1927]);
/** An EOF packet's payload is shorter than this; what begins with the same byte and is longer is something else. */
const eofBytesMax = 8;
/** First byte of every row of the binary protocol. */
const binaryRowHead = 0x00;
/** Highest first byte of a packet that can be nothing but a row of the text protocol. */
const rowHeadMax = 0xfd;

/** Where in an answer the stream stands. What a packet means depends on this, never on its first byte alone. */
const part = {
  /** The first packet of an answer, or of a further result. */
  head: 0,
  /** Descriptions of a result's columns; the EOF behind them. */
  columns: 1,
  columnsEnd: 2,
  rows: 3,
  /** Of a prepared statement: descriptions of parameters, of columns, and the EOFs behind each. */
  preparedParameters: 4,
  preparedParametersEnd: 5,
  preparedColumns: 6,
  preparedColumnsEnd: 7,
} as const;

/**
 * Follows both directions of one session and says which answer belongs to which statement. Pure state: it reads what decides, lets
 * everything else pass by its length, and tells its sink.
 */
export class MySqlTracker extends ClientSide {
  #part: number = part.head;
  /** Descriptions that have not come yet. */
  #left = 0;
  #preparedColumns = 0;
  #hasPreparedMetadata = true;
  #first = 0;
  #sequence = 0;
  #isMidAnswer = false;
  /** Both as they were before the packet that is being read. */
  #sequenceBefore = 0;
  #wasMidAnswer = false;
  #cancelAsked = false;
  /** What the server said to nobody's statement, last: the reason why it then closes. */
  partingWords: Buffer | undefined;

  /** The running statement is being cancelled from outside: its error is that cancel's doing. */
  cancelAsked(): void {
    this.#cancelAsked = true;
  }

  /** Whether a client reads an ERR packet as such where the stream to it stands now, given that it stands between two packets. */
  get acceptsError(): boolean {
    return this.#part === part.head || this.#part === part.rows;
  }

  /** Sequence number that the client expects of the next packet. */
  get nextSequence(): number {
    return this.#isMidAnswer ? (this.#sequence + 1) & 0xff : (this.queue.head?.sequence ?? 1);
  }

  /** The packet that is being read broke the protocol, and the client gets nothing of it. */
  withheld(): void {
    this.#sequence = this.#sequenceBefore;
    this.#isMidAnswer = this.#wasMidAnswer;
  }

  /** A packet of the server begins: see `PacketHandler.begin`. Throws `MySqlViolation` when it cannot belong here. */
  serverBegins(first: number, bytes: number, sequence: number): number {
    const head = this.queue.head;
    this.#first = first;
    this.#sequenceBefore = this.#sequence;
    this.#wasMidAnswer = this.#isMidAnswer;
    this.#sequence = sequence;
    if (head === undefined) {
      if (first !== reply.error) {
        throw new MySqlViolation("the server sent an answer that nobody waits for");
      }
      return errorBytesKept;
    }
    this.#isMidAnswer = true;
    const { execution } = head;
    if (execution !== undefined) {
      execution.bytesToClient += bytes + 4;
    }
    if (this.#part === part.head && (head.answer === answer.fetch || head.answer === answer.fields)) {
      this.#part = part.rows;
    }
    if (this.#part === part.rows) {
      return this.#rowBegins(head, first, bytes);
    }
    if (first === reply.error) {
      return errorBytesKept;
    }
    switch (this.#part) {
      case part.head:
        return headBegins(head, first);
      case part.columns:
      case part.preparedParameters:
      case part.preparedColumns:
        this.#left -= 1;
        return this.#left === 0 ? 0 : -1;
      default:
        if (first !== reply.eof || bytes > eofBytesMax) {
          throw new MySqlViolation("the server's answer lacks an EOF");
        }
        return eofBytesMax;
    }
  }

  /** Passes over rows that lie whole in the chunk: see `PacketHandler.skim`. */
  serverSkims(chunk: Buffer, from: number): number {
    const head = this.queue.head;
    if (this.#part !== part.rows || head === undefined) {
      return from;
    }
    const firstMax = head.statement === undefined ? rowHeadMax : binaryRowHead;
    const last = chunk.length - 5;
    let rows = 0;
    let at = from;
    while (at <= last) {
      const size = (chunk[at] ?? 0) | ((chunk[at + 1] ?? 0) << 8) | ((chunk[at + 2] ?? 0) << 16);
      const next = at + 4 + size;
      if (size === 0 || size === fullPacketBytes || (chunk[at + 4] ?? 0) > firstMax || next > chunk.length) {
        break;
      }
      this.#sequence = chunk[at + 3] ?? 0;
      rows += 1;
      at = next;
    }
    const { execution } = head;
    if (rows > 0 && execution !== undefined) {
      this.#isMidAnswer = true;
      execution.rows += head.answer === answer.fields ? 0 : rows;
      execution.bytesToClient += at - from;
    }
    return at;
  }

  /** A further packet of the same message begins. */
  serverGoesOn(bytes: number): void {
    this.#sequence = (this.#sequence + 1) & 0xff;
    const execution = this.queue.head?.execution;
    if (execution !== undefined) {
      execution.bytesToClient += bytes + 4;
    }
  }

  /** A packet that is not streamed is complete: see `PacketHandler.end`. */
  serverEnds(body: Buffer, bytes: number): Verdict {
    const head = this.queue.head;
    if (this.#first === reply.error) {
      this.#failed(head, readErrorReply(body));
    } else if (head !== undefined) {
      if (bytes > okBytesMax) {
        throw new MySqlViolation("the server sent a packet of impossible length");
      }
      this.#took(head, body);
    }
    return verdict.pass;
  }

  #took(head: Expectation, body: Buffer): void {
    switch (this.#part) {
      case part.head:
        return this.#headEnds(head, body);
      case part.columns:
        this.#part = this.agreed.deprecatesEOF ? part.rows : part.columnsEnd;
        return;
      case part.columnsEnd:
        return this.#columnsEnd(head, readEOF(body));
      case part.rows:
        return this.#resultEnds(head, this.#readEnd(body), true);
      case part.preparedParameters:
        this.#part = part.preparedParametersEnd;
        return this.agreed.deprecatesEOF ? this.#beginPreparedColumns(head) : undefined;
      case part.preparedParametersEnd:
        readEOF(body);
        return this.#beginPreparedColumns(head);
      case part.preparedColumns:
        this.#part = part.preparedColumnsEnd;
        return this.agreed.deprecatesEOF ? this.#prepareEnds(head) : undefined;
      default:
        readEOF(body);
        return this.#prepareEnds(head);
    }
  }

  #rowBegins(head: Expectation, first: number, bytes: number): number {
    if (first === reply.error) {
      return errorBytesKept;
    }
    // With DEPRECATE_EOF an OK packet of another first byte stands at the end; only a value of 16 MiB begins with the same.
    const isEnd = first === reply.eof && (this.agreed.deprecatesEOF ? bytes < fullPacketBytes : bytes <= eofBytesMax);
    if (isEnd) {
      return okBytesMax;
    }
    if (first < 0 || (head.statement !== undefined && first !== binaryRowHead)) {
      throw new MySqlViolation("the server sent a row that is none");
    }
    const { execution } = head;
    if (execution !== undefined && head.answer !== answer.fields) {
      execution.rows += 1;
    }
    return -1;
  }

  /** An EOF packet, or an OK packet in its place, which is never as short. */
  #readEnd(body: Buffer): OKReply {
    return this.agreed.deprecatesEOF && body.length !== 5 ? this.#readOK(body) : readEOF(body);
  }

  #headEnds(head: Expectation, body: Buffer): void {
    switch (head.answer) {
      case answer.status:
        return this.#resultEnds(head, this.#first === reply.ok ? this.#readOK(body) : this.#readEnd(body), false);
      case answer.prepare:
        return this.#preparedBegins(head, body);
      case answer.text:
        head.execution?.add({ outcome: "ok" }, false);
        return this.#finish(head);
      case answer.results:
        return this.#first === reply.ok ? this.#resultEnds(head, this.#readOK(body), false) : this.#setBegins(body);
      default:
        throw new MySqlViolation("the server sent an answer of another kind");
    }
  }

  #readOK(body: Buffer): OKReply {
    return readOK(body, this.agreed.tracksSession);
  }

  #setBegins(body: Buffer): void {
    const { columns, hasMetadata } = readColumnCount(
      body,
      this.agreed.hasOptionalMetadata || this.agreed.cachesMetadata,
    );
    this.#left = hasMetadata ? columns : 0;
    this.#part = hasMetadata ? part.columns : this.agreed.deprecatesEOF ? part.rows : part.columnsEnd;
  }

  /** Where a cursor was opened, the rows come by COM_STMT_FETCH. */
  #columnsEnd(head: Expectation, end: OKReply): void {
    if ((end.status & status.cursorExists) !== 0 && head.statement !== undefined) {
      return this.#resultEnds(head, end, true);
    }
    this.session.applyStatus(end.status);
    this.#part = part.rows;
  }

  #resultEnds(head: Expectation, ok: OKReply, isSet: boolean): void {
    const { execution, statement } = head;
    const hasCursor = isSet && statement !== undefined && (ok.status & status.cursorExists) !== 0;
    if (execution !== undefined) {
      if (!isSet || execution.spans[execution.current] !== "call") {
        this.session.applyEffects(execution.effects, execution.current);
      }
      execution.add(resultOf(ok, execution.rows, isSet, hasCursor), isSet);
    }
    this.session.applyReply(ok);
    this.#part = part.head;
    if ((ok.status & status.moreResults) !== 0 && head.answer === answer.results) {
      return;
    }
    if (head.success !== undefined) {
      this.#succeed(head.success);
    }
    this.#finish(head);
  }

  #succeed(success: Success): void {
    switch (success.kind) {
      case "multi-statements":
        this.session.isMulti = success.isOn;
        return;
      case "reset":
        this.prepared.clear();
        this.session.reset();
    }
  }

  #preparedBegins(head: Expectation, body: Buffer): void {
    const { preparing } = head;
    if (this.#first !== reply.ok || preparing === undefined) {
      throw new MySqlViolation("the server sent an answer of another kind");
    }
    const { id, columns, parameters, hasMetadata } = readPrepared(body, this.agreed.hasOptionalMetadata);
    this.prepared.add({ ...preparing, id, parameters });
    this.preparing -= 1;
    head.execution?.add({ outcome: "not-executed" }, false);
    this.#preparedColumns = columns;
    this.#hasPreparedMetadata = hasMetadata;
    if (parameters === 0 || (!hasMetadata && this.agreed.deprecatesEOF)) {
      return this.#beginPreparedColumns(head);
    }
    this.#left = parameters;
    this.#part = hasMetadata ? part.preparedParameters : part.preparedParametersEnd;
  }

  #beginPreparedColumns(head: Expectation): void {
    const hasMetadata = this.#hasPreparedMetadata;
    if (this.#preparedColumns === 0 || (!hasMetadata && this.agreed.deprecatesEOF)) {
      return this.#prepareEnds(head);
    }
    this.#left = this.#preparedColumns;
    this.#part = hasMetadata ? part.preparedColumns : part.preparedColumnsEnd;
  }

  #prepareEnds(head: Expectation): void {
    this.#part = part.head;
    this.#finish(head);
  }

  #failed(head: Expectation | undefined, error: ErrorReply): void {
    if (error.errno === progressErrno && this.agreed.hasProgress) {
      return;
    }
    if (head === undefined) {
      // The server's own words to nobody, such as of a shutdown: the stream ends next.
      this.partingWords = error.message;
      return;
    }
    const { execution } = head;
    if (execution !== undefined) {
      execution.add(
        {
          outcome: this.#cancelAsked && killedErrnos.has(error.errno) ? "cancelled" : "error",
          ...(execution.rows === 0 ? {} : { rows: execution.rows }),
          errno: error.errno,
          sqlState: error.sqlState,
          message: error.message,
        },
        false,
      );
    }
    if (head.answer === answer.prepare && this.#part === part.head) {
      this.preparing -= 1;
      this.prepared.forgetLast();
    }
    this.#part = part.head;
    this.#finish(head);
  }

  #finish(head: Expectation): void {
    this.queue.shift();
    this.#isMidAnswer = false;
    this.#cancelAsked = false;
    if (head.execution !== undefined) {
      this.end(head.execution, "unknown", true);
    }
    this.answerRefused();
  }
}

/** The first packet of an answer. Returns how much of it is read. */
function headBegins(head: Expectation, first: number): number {
  if (first === reply.localFile && head.answer === answer.results) {
    throw new MySqlViolation(
      "the server asked for a file of the client's computer (LOAD DATA LOCAL), which is not available here",
      refusalCodes.notAllowed,
    );
  }
  if (first < 0) {
    throw new MySqlViolation("the server sent an empty packet");
  }
  if (head.answer === answer.status && first !== reply.ok && first !== reply.eof) {
    throw new MySqlViolation("the server sent an answer of another kind");
  }
  return okBytesMax;
}
