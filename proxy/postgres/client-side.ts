import type { TransactionStatus } from "./backend.ts";
import { summarize } from "./execution.ts";
import type { Execution, ExecutionEnd, ExecutionResult, ExecutionStart } from "./execution.ts";
import { readBind, readExecute, readFunctionCall, readParse, readQuery, readTarget } from "./frontend.ts";
import { NameTable } from "./names.ts";
import { front, ProtocolViolation } from "./protocol.ts";
import { ExpectationQueue } from "./queue.ts";
import type { Expectation } from "./queue.ts";
import { splitStatements } from "./split.ts";

/** Hears of each statement twice: before the server sees it, and when its answer is known. */
export interface TrackerSink {
  /** Called before the message may be forwarded. What it throws refuses the statement. */
  started(number: number, start: ExecutionStart): void;
  ended(execution: Execution, end: ExecutionEnd): void;
}

/**
 * Answered executions wait for the transaction state of the next ReadyForQuery; a client that flushes instead of syncing
 * must not fill the memory with them, so beyond this many they are written without it.
 */
export const answeredMax = 1_000;

/** What was being done when the server began to ignore messages, and why. */
interface Skip {
  readonly failed: Expectation | undefined;
  readonly result: ExecutionResult;
  /** Whether a recorded statement carries the error already. */
  told: boolean;
}

/** The client's half of the tracker: reads its messages strictly and queues what the server will answer. */
export class ClientSide {
  protected readonly sink: TrackerSink;
  protected readonly now: () => number;
  protected readonly queue = new ExpectationQueue();
  protected readonly names = new NameTable();
  /** Between CopyInResponse and the end of the client's data. */
  protected copyIn = false;
  /** Transaction state as the server said it last. */
  transaction: TransactionStatus = "idle";
  /** standard_conforming_strings, as the server reported it. */
  standardStrings = true;
  #number = 0;
  #skip: Skip | undefined;
  #answered: Execution[] = [];
  #unforwarded: Execution[] = [];

  constructor(sink: TrackerSink, now: () => number) {
    this.sink = sink;
    this.now = now;
  }

  /** Messages that still wait for an answer. */
  get depth(): number {
    return this.queue.length;
  }

  /** One whole message of the client. CopyData is left out. Throws `ProtocolViolation`. */
  client(type: number, body: Buffer): void {
    if (this.copyIn && !allowedInCopy(type)) {
      throw new ProtocolViolation("unexpected message during COPY from stdin");
    }
    switch (type) {
      case front.query:
        return this.#query(body);
      case front.parse:
        return this.#parse(body);
      case front.bind:
        return this.#bind(body);
      case front.execute:
        return this.#execute(body);
      case front.describe:
        return this.#describe(body);
      case front.close:
        return this.#close(body);
      case front.functionCall:
        return this.#function(body);
      case front.sync:
        return this.#sync();
      case front.copyDone:
      case front.copyFail:
        return this.#copyEnds();
      case front.flush:
      case front.terminate:
        return;
      default:
        throw new ProtocolViolation(`invalid frontend message type ${type}`);
    }
  }

  /** Bytes of COPY data on their way to the server. */
  clientCopyData(bytes: number): void {
    const head = this.queue.head;
    if (head !== undefined && "execution" in head) {
      head.execution.bytesFromClient += bytes;
    }
  }

  /** Everything that the client sent so far is on its way to the server. */
  forwarded(): void {
    for (const execution of this.#unforwarded) {
      execution.forwarded = true;
    }
    this.#unforwarded = [];
  }

  protected addAnswered(execution: Execution): void {
    this.#answered.push(execution);
    if (this.#answered.length >= answeredMax) {
      this.flushAnswered(undefined);
    }
  }

  protected flushAnswered(transaction: TransactionStatus | undefined): void {
    for (const execution of this.#answered) {
      this.sink.ended(execution, {
        ...summarize(execution, "unknown"),
        durationMs: execution.answeredMs - execution.startedMs,
        ...(transaction === undefined ? {} : { transaction }),
      });
    }
    this.#answered = [];
  }

  /** The last answered statement turned out to have failed. */
  protected failAnswered(result: ExecutionResult): void {
    const last = this.#answered.at(-1);
    if (last !== undefined) {
      last.results = [result];
    }
  }

  protected beginSkip(failed: Expectation | undefined, result: ExecutionResult): void {
    this.#skip = { failed, result, told: false };
  }

  /** Ends a statement that the server ignores. The one that failed, or was to run what failed, carries the error. */
  protected endSkipped(execution: Execution, isFailed: boolean): void {
    const skip = this.#skip;
    const failed = skip?.failed;
    const carries =
      isFailed ||
      (failed?.kind === "parse" && execution.statementName === failed.name) ||
      (failed?.kind === "bind" && execution.portal === failed.portal);
    const result: ExecutionResult =
      skip !== undefined && carries && !skip.told
        ? execution.rows === 0
          ? skip.result
          : { ...skip.result, rows: execution.rows }
        : { outcome: "not-executed" };
    if (skip !== undefined && carries) {
      skip.told = true;
    }
    execution.results = [result];
    execution.answeredMs = this.now();
    this.addAnswered(execution);
  }

  /** A text that failed to parse, and that no statement was going to run, is recorded all the same. */
  protected endSkip(): void {
    const skip = this.#skip;
    this.#skip = undefined;
    if (skip?.failed?.kind === "parse" && !skip.told) {
      const execution = this.#start({
        protocol: "extended",
        sql: skip.failed.sql,
        spans: [],
        statementName: skip.failed.name,
        notices: ["parse-only"],
      });
      execution.results = [skip.result];
      execution.answeredMs = this.now();
      this.addAnswered(execution);
    }
  }

  protected clearSkip(): void {
    this.#skip = undefined;
  }

  #start(start: ExecutionStart): Execution {
    const number = this.#number + 1;
    this.sink.started(number, start);
    this.#number = number;
    const execution: Execution = {
      number,
      protocol: start.protocol,
      sql: start.sql,
      spans: start.spans,
      statementName: start.statementName,
      portal: start.portal,
      startedMs: this.now(),
      forwarded: false,
      rows: 0,
      bytesToClient: 0,
      bytesFromClient: 0,
      results: [],
      answeredMs: 0,
    };
    this.#unforwarded.push(execution);
    return execution;
  }

  #expect(kind: "query" | "function" | "execute", execution: Execution): void {
    if (this.#skip === undefined) {
      this.queue.push({ kind, execution });
    } else {
      this.endSkipped(execution, false);
    }
  }

  #query(body: Buffer): void {
    const sql = Buffer.from(readQuery(body));
    const spans = splitStatements(sql.toString("latin1"), this.standardStrings);
    const execution = this.#start({ protocol: "simple", sql, spans });
    execution.bytesFromClient += body.length + 5;
    this.#expect("query", execution);
    if (this.#skip === undefined) {
      this.names.setStatement("", undefined);
    }
  }

  #parse(body: Buffer): void {
    const { name, sql, types } = readParse(body);
    if (this.#skip === undefined) {
      const text = Buffer.from(sql);
      const undo = this.names.setStatement(name, { sql: text, types });
      this.queue.push({ kind: "parse", name, sql: text, undo });
    }
  }

  #bind(body: Buffer): void {
    const { portal, statement, parameters } = readBind(Buffer.from(body));
    if (this.#skip === undefined) {
      const prepared = this.names.statement(statement);
      const undo = this.names.setPortal(portal, { statementName: statement, prepared, parameters, bytes: body.length });
      this.queue.push({ kind: "bind", portal, undo });
    }
  }

  #execute(body: Buffer): void {
    const { portal: name, rowLimit } = readExecute(body);
    const portal = this.names.portal(name);
    const sql = portal?.prepared?.sql;
    const execution = this.#start({
      protocol: "extended",
      sql,
      spans: sql === undefined ? [] : [{ start: 0, end: sql.length }],
      portal: name,
      ...(rowLimit > 0 ? { rowLimit } : {}),
      ...(sql === undefined ? { notices: ["statement-unknown"] } : {}),
      ...(portal === undefined
        ? {}
        : {
            statementName: portal.statementName,
            parameters: portal.parameters,
            types: portal.prepared?.types ?? [],
            ...(portal.limitedBy === undefined ? {} : { continues: portal.limitedBy }),
          }),
    });
    execution.bytesFromClient += body.length + 5 + (portal?.bytes ?? 0);
    if (portal !== undefined && rowLimit > 0) {
      portal.limitedBy = execution.number;
    }
    this.#expect("execute", execution);
  }

  #describe(body: Buffer): void {
    const target = readTarget(body);
    if (this.#skip === undefined) {
      const prepared = target.kind === "statement" ? this.names.statement(target.name) : undefined;
      this.queue.push({ kind: "describe", prepared });
    }
  }

  #close(body: Buffer): void {
    const target = readTarget(body);
    if (this.#skip === undefined) {
      const undo =
        target.kind === "statement"
          ? this.names.setStatement(target.name, undefined)
          : this.names.setPortal(target.name, undefined);
      this.queue.push({ kind: "close", undo });
    }
  }

  #function(body: Buffer): void {
    const call = readFunctionCall(body);
    const execution = this.#start({
      protocol: "function-call",
      sql: undefined,
      spans: [],
      functionOID: call.functionOID,
      parameters: call.arguments,
      types: [],
    });
    execution.bytesFromClient += body.length + 5;
    this.#expect("function", execution);
  }

  #sync(): void {
    if (this.copyIn) {
      return;
    }
    this.endSkip();
    this.queue.push({ kind: "sync" });
  }

  #copyEnds(): void {
    if (this.copyIn) {
      this.copyIn = false;
    } else if (this.queue.length > 0) {
      this.queue.push({ kind: "copy-end" });
    }
  }
}

function allowedInCopy(type: number): boolean {
  return (
    type === front.copyDone ||
    type === front.copyFail ||
    type === front.sync ||
    type === front.flush ||
    type === front.terminate
  );
}
