import { readServerError, tags, readTransactionStatus, readParameterTypes } from "./backend.ts";
import type { ServerError, TransactionStatus } from "./backend.ts";
import type { Execution, ExecutionEnd, ExecutionOutcome, ExecutionResult, ExecutionStart } from "./execution.ts";
import { encodeError } from "./encode.ts";
import { LargeSide } from "./large-side.ts";
import { back, front, ProtocolViolation, sqlState } from "./protocol.ts";
import type { Portal } from "./names.ts";
import type { Expectation } from "./queue.ts";
import { nothingToUndo } from "./names.ts";

export type { TrackerSink } from "./client-side.ts";
export type { Execution, ExecutionEnd, ExecutionOutcome, ExecutionResult, ExecutionStart };

/** SQLSTATE query_canceled. */
const canceledState = "57014";

/**
 * Follows both directions of one session and says which answer belongs to which statement: a queue of expectations, since
 * counting replies goes wrong at the first error, COPY or pipeline. Pure state: it reads bodies, and tells its sink.
 */
export class Tracker extends LargeSide {
  #cancelAsked = false;
  #replacement: Buffer | undefined;
  /**
   * The client sent a Sync that the server ignores if COPY from stdin goes on, and obeys if it has failed. Until another Sync, or the
   * server's own word, nobody here knows whether it runs what comes next.
   */
  #isSyncInDoubt = false;
  /** What the server said to nobody's statement, last: the reason why it then closes. In the client's encoding. */
  partingWords: Buffer | undefined;

  /** A cancel request was sent to the server: the next `query_canceled` is its doing. */
  cancelAsked(): void {
    this.#cancelAsked = true;
  }

  /** Statement that the server works on, if any. */
  get running(): Execution | undefined {
    const head = this.queue.head;
    return head !== undefined && "execution" in head ? head.execution : undefined;
  }

  /** Statements that the server was given and has not answered. */
  get forwardedCount(): number {
    return this.queue.pending().filter((item) => "execution" in item && item.execution.forwarded).length;
  }

  /** Sees each message of the client, before all else. */
  protected override decideBound(type: number, body: Buffer): Portal | undefined {
    if (type === front.sync) {
      this.#isSyncInDoubt = this.copyIn;
    } else if (this.#isSyncInDoubt && !belongsToCopy.has(type)) {
      throw new ProtocolViolation("unexpected message before the end of COPY from stdin");
    }
    return super.decideBound(type, body);
  }

  /** Messages of one type on their way to the client, at their headers; `bytes` of all of them together. */
  serverBytes(type: number, messages: number, bytes: number): void {
    const execution = this.running;
    if (execution !== undefined) {
      execution.bytesToClient += bytes;
      if (type === back.dataRow || (type === back.copyData && !this.copyIn)) {
        execution.rows += messages;
      }
    }
  }

  /** What the client must get instead of the server's message that was read last; undefined for that itself. Asked once. */
  takeReplacement(): Buffer | undefined {
    const replacement = this.#replacement;
    this.#replacement = undefined;
    return replacement;
  }

  /** One whole message of the server; DataRow and CopyData are left out. Throws `ProtocolViolation` when it cannot belong here. */
  server(type: number, body: Buffer): void {
    switch (type) {
      case back.commandComplete:
        return this.#completed({ outcome: "ok", tag: tags.read(body) });
      case back.emptyQuery:
        return this.#completed({ outcome: "ok" });
      case back.portalSuspended:
        return this.#completed({ outcome: "ok", suspended: true });
      case back.readyForQuery:
        return this.#ready(readTransactionStatus(body));
      case back.error:
        return this.#failed(readServerError(body));
      case back.parseComplete:
        return this.#answered("parse");
      case back.bindComplete:
        return this.#answered("bind");
      case back.closeComplete:
        return this.#answered("close");
      case back.noData:
        return this.#answered("describe");
      case back.rowDescription:
        return this.#rowDescription();
      case back.parameterDescription:
        return this.#parameterTypes(body);
      case back.functionResult:
        this.#align("function");
        this.running?.results.push({ outcome: "ok" });
        return;
      case back.copyInResponse:
        return this.#copyInBegins();
      case back.copyOutResponse:
      case back.copyDone:
      case back.notice:
      case back.notification:
      case back.parameterStatus:
        return;
      default:
        throw new ProtocolViolation("the server sent a message that does not belong here");
    }
  }

  /**
   * No more answers come. Whatever waits is ended: `unanswered` for what the server was given, `not-executed` for the rest.
   */
  close(unanswered: "cut" | "unknown"): void {
    for (const item of this.queue.pending()) {
      if ("execution" in item) {
        this.#finish(item.execution, item.execution.forwarded ? unanswered : "not-executed", undefined);
      }
    }
    this.queue.replace([]);
    this.flushAnswered(undefined);
  }

  #answered(kind: Expectation["kind"]): void {
    this.#align(kind);
    refuseAccepted(this.queue.head);
    const item = this.queue.shift();
    if (item?.kind === "parse") {
      this.names.confirmStatement(item.name);
    } else if (item?.kind === "bind") {
      this.names.confirmPortal(item.portal);
    } else if (item?.kind === "close") {
      const { kind: target, name } = item.target;
      return target === "statement" ? this.names.confirmStatement(name) : this.names.confirmPortal(name);
    }
  }

  #rowDescription(): void {
    this.#dropStale(describesOrRuns);
    if (this.queue.head?.kind === "describe") {
      this.queue.shift();
    }
  }

  #parameterTypes(body: Buffer): void {
    this.#align("describe");
    const head = this.queue.head;
    if (head?.kind === "describe" && head.prepared !== undefined) {
      head.prepared.types = readParameterTypes(body);
    }
  }

  #completed(result: ExecutionResult): void {
    this.#dropStale(runs);
    const execution = this.running;
    if (execution === undefined) {
      throw new ProtocolViolation("the server completed a statement that nobody asked for");
    }
    refuseAccepted(this.queue.head);
    this.copyIn = false;
    this.#isSyncInDoubt = false;
    const rows = execution.rows;
    execution.rows = 0;
    execution.answeredMs = this.now();
    execution.results.push(rows === 0 ? result : { ...result, rows });
    if (this.queue.head?.kind === "execute") {
      this.queue.shift();
      this.settleNames(execution);
      this.addAnswered(execution);
    }
  }

  #ready(transaction: TransactionStatus): void {
    this.copyIn = false;
    this.#isSyncInDoubt = false;
    this.#cancelAsked = false;
    this.transaction = transaction;
    // A Sync that was taken for one ignored during COPY may have counted after all (rust-postgres #789).
    this.#dropStale(endsWithReady);
    const head = this.queue.head;
    if (head !== undefined && head.kind !== "query" && head.kind !== "function" && head.kind !== "sync") {
      // It stays in the queue: closing the session ends what was never answered.
      throw new ProtocolViolation("the server is ready while an answer is missing");
    }
    if (head !== undefined && "execution" in head && head.execution.results.length === 0) {
      refuseAccepted(head);
    }
    this.queue.shift();
    if (head === undefined) {
      this.clearSkip();
    } else if (head.kind !== "sync") {
      if (head.kind === "query" && head.undo !== nothingToUndo) {
        this.names.confirmStatement("");
      }
      this.#finish(head.execution, "ok", transaction);
    }
    this.flushAnswered(transaction);
    if (transaction === "idle") {
      this.names.forgetPortals();
    }
  }

  #failed(error: ServerError): void {
    this.copyIn = false;
    this.#dropStale((head) => head.kind !== "copy-end");
    const head = this.queue.head;
    const result = this.#refusedResult(head, error) ?? this.#resultOf(error);
    if (head === undefined) {
      // A FATAL of the server's own, such as a shutdown: the stream ends next.
      this.partingWords = error.message;
      return;
    }
    if (head.kind === "query" || head.kind === "function") {
      this.#failSimple(head.execution, error, result);
    } else if (head.kind === "sync") {
      // The commit that Sync implies failed, after the statement itself was answered.
      this.failAnswered(result);
    } else {
      this.#skipToSync(result);
    }
  }

  /** The server failed what stood in a refused statement's place: the client is told why it was refused. */
  #refusedResult(head: Expectation | undefined, { severity }: ServerError): ExecutionResult | undefined {
    const refusal = head !== undefined && "refusal" in head ? head.refusal : undefined;
    // A FATAL is the session's end, whatever ran.
    if (refusal === undefined || severity === "FATAL" || severity === "PANIC") {
      return undefined;
    }
    const { message, hint } = refusal;
    this.#replacement = encodeError({ severity: "ERROR", sqlState: sqlState.refusedByPolicy, message, hint });
    return { outcome: "not-executed", sqlState: sqlState.refusedByPolicy, message: Buffer.from(message) };
  }

  #resultOf(error: ServerError): ExecutionResult {
    const cancelled = error.sqlState === canceledState && this.#cancelAsked;
    return {
      outcome: cancelled ? "cancelled" : "error",
      ...(error.sqlState === "" ? {} : { sqlState: error.sqlState }),
      message: error.message,
    };
  }

  /** The position tells which statement of several failed: a syntax error in the third means that none ran. */
  #failSimple(execution: Execution, error: ServerError, result: ExecutionResult): void {
    const isPlaced = error.position > 0 && result.outcome !== "not-executed";
    const at = isPlaced && execution.sql !== undefined ? byteOffset(execution.sql, error.position) : -1;
    const failing = at < 0 ? -1 : execution.spans.findIndex((span) => at >= span.start && at <= span.end);
    while (execution.results.length < failing) {
      execution.results.push({ outcome: "not-executed" });
    }
    execution.results.push(execution.rows === 0 ? result : { ...result, rows: execution.rows });
    execution.rows = 0;
    execution.answeredMs = this.now();
  }

  /** After an error in the extended protocol the server reads and ignores everything up to the next Sync. */
  #skipToSync(result: ExecutionResult): void {
    const pending = this.queue.pending();
    const [failed] = pending;
    const sync = pending.findIndex((item) => item.kind === "sync");
    const dropped = sync < 0 ? pending : pending.slice(0, sync);
    this.queue.replace(sync < 0 ? [] : pending.slice(sync));
    for (const item of [...dropped].reverse()) {
      if ("undo" in item) {
        item.undo();
      }
    }
    this.beginSkip(dropped, result);
    for (const item of dropped) {
      if ("execution" in item) {
        this.endSkipped(item.execution, item === failed);
      }
    }
    if (sync >= 0) {
      this.endSkip();
    }
  }

  /**
   * From here to CopyDone or CopyFail the server ignores Sync and Flush, those that are already on their way included.
   * Any other message that is on its way breaks the COPY and is itself lost.
   */
  #copyInBegins(): void {
    this.#dropStale((head) => head.kind === "query" || head.kind === "execute");
    const [head, ...rest] = this.queue.pending();
    if (head === undefined || !("execution" in head)) {
      throw new ProtocolViolation("the server asks for COPY data that nobody offered");
    }
    const stop = rest.findIndex((item) => item.kind !== "sync");
    const item = stop < 0 ? undefined : rest[stop];
    this.copyIn = item === undefined;
    this.#isSyncInDoubt = this.copyIn && rest.length > 0;
    if (item !== undefined && "execution" in item && head.kind === "query") {
      this.#finish(item.execution, "not-executed", undefined);
    }
    if (item !== undefined && "undo" in item && head.kind === "query") {
      item.undo();
    }
    const keepFrom = item?.kind === "copy-end" || head.kind === "query" ? stop + 1 : stop;
    this.queue.replace([head, ...(item === undefined ? [] : rest.slice(keepFrom))]);
  }

  #align(kind: Expectation["kind"]): void {
    if (this.queue.head?.kind === kind) {
      return;
    }
    this.#dropStale((head) => head.kind === kind);
    if (this.queue.head?.kind !== kind) {
      throw new ProtocolViolation("the server's answers are out of order");
    }
  }

  /** Drops heads that the server turned out not to answer: ends of a COPY that was none, a Sync read during COPY. */
  #dropStale(fits: (head: Expectation) => boolean): void {
    for (;;) {
      const head = this.queue.head;
      if (head === undefined || fits(head) || (head.kind !== "copy-end" && head.kind !== "sync")) {
        return;
      }
      this.queue.shift();
    }
  }

  #finish(execution: Execution, unanswered: ExecutionOutcome, transaction: TransactionStatus | undefined): void {
    this.settleNames(execution);
    const endedMs = execution.results.length > 0 ? execution.answeredMs : this.now();
    this.tellEnd(execution, unanswered, endedMs - execution.startedMs, transaction);
  }
}

const belongsToCopy: ReadonlySet<number> = new Set([
  front.copyData,
  front.copyDone,
  front.copyFail,
  front.flush,
  front.terminate,
]);

/** Fails closed: what took a refused statement's place cannot succeed. */
function refuseAccepted(head: Expectation | undefined): void {
  if (head !== undefined && "refusal" in head && head.refusal !== undefined) {
    throw new ProtocolViolation("the server accepted what stood in the place of a refused statement");
  }
}

const describesOrRuns = (head: Expectation): boolean => head.kind === "describe" || "execution" in head;
const runs = (head: Expectation): boolean => head.kind === "query" || head.kind === "execute";
const endsWithReady = (head: Expectation): boolean =>
  head.kind === "query" || head.kind === "function" || head.kind === "sync";

/** The server counts characters from 1; spans count bytes from 0. */
function byteOffset(sql: Buffer, position: number): number {
  let characters = 0;
  for (let offset = 0; offset < sql.length; offset += 1) {
    if (((sql[offset] ?? 0) & 0xc0) !== 0x80) {
      characters += 1;
      if (characters === position) {
        return offset;
      }
    }
  }
  return sql.length;
}
