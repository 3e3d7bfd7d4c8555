import type { TransactionStatus } from "./backend.ts";
import type { Execution, ExecutionResult } from "./execution.ts";
import {
  type BoundValue,
  readBind,
  readExecute,
  readFunctionCall,
  readParse,
  readQuery,
  readTarget,
} from "./frontend.ts";
import { changesOfQuery, mayChangeNames, type NameChange, readNameChange } from "./name-changes.ts";
import { type Overwrite, type Refusal, type StatementJudge, unparsable, type Verdict } from "./judge.ts";
import type { Portal, PreparedText } from "./names.ts";
import { front, ProtocolViolation } from "./protocol.ts";
import { ExpectationQueue } from "./queue.ts";
import { latin1Of } from "./reader.ts";
import { type Skip, skipFrom } from "./skip.ts";
import type { Expectation } from "./queue.ts";
import { splitStatements } from "./split.ts";
import { describePortal, type StartDraft, StatementLog, storedIn } from "./statement-log.ts";
import type { StoredSQL } from "./stored-text.ts";

export type { TrackerSink } from "./statement-log.ts";

/** The client's half of the tracker: reads its messages strictly and queues what the server will answer. */
export class ClientSide extends StatementLog {
  protected readonly queue = new ExpectationQueue();
  /** Between CopyInResponse and the end of the client's data. */
  protected copyIn = false;
  /** Transaction state as the server said it last. */
  transaction: TransactionStatus = "idle";
  /** standard_conforming_strings, as the server reported it. */
  standardStrings = true;
  /** What is asked about each statement before it is recorded. */
  judge: StatementJudge | undefined;
  #overwrite: Overwrite | undefined;
  #hasRefused = false;
  #skip: Skip | undefined;

  /** Messages that still wait for an answer. */
  get depth(): number {
    return this.queue.length;
  }

  /** One whole message of the client. CopyData is left out. Throws `ProtocolViolation`. */
  client(type: number, body: Buffer): void {
    if (this.copyIn && !allowedInCopy(type)) {
      throw new ProtocolViolation("unexpected message during COPY from stdin");
    }
    const bound = this.decideBound(type, body);
    switch (type) {
      case front.query:
        return this.#query(body);
      case front.parse:
        return this.#parse(body);
      case front.bind:
        return this.#bind(body);
      case front.execute:
        return this.#execute(body, bound);
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

  /** What must stand in the message that was read last instead of what does; undefined where it may go as it is. Asked once. */
  takeOverwrite(): Overwrite | undefined {
    const overwrite = this.#overwrite;
    this.#overwrite = undefined;
    return overwrite;
  }

  /** Whether an answer that the client must not see as it is may be on its way. */
  get awaitsRefused(): boolean {
    if (this.#hasRefused && this.queue.length === 0) {
      this.#hasRefused = false;
    }
    return this.#hasRefused;
  }

  /** Bytes of COPY data on their way to the server. */
  clientCopyData(bytes: number): void {
    this.decideBound(front.copyData, noBody);
    const head = this.queue.head;
    if (head !== undefined && "execution" in head) {
      head.execution.bytesFromClient += bytes;
    }
  }

  /** `dropped`: what the server was asked for and does not answer any more; it failed at the first. */
  protected beginSkip(dropped: readonly Expectation[], result: ExecutionResult): void {
    this.#skip = skipFrom(dropped, result);
  }

  /** Ends a statement that the server ignores. The one that failed, or was to run what failed, carries the error. */
  protected endSkipped(execution: Execution, isFailed: boolean): void {
    const skip = this.#skip;
    const failed = skip?.failed;
    const isUnknown = execution.sql === undefined;
    const carries =
      isFailed ||
      (failed?.kind === "parse" &&
        (isUnknown ? execution.statementName === failed.name : execution.sql === failed.sql)) ||
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
    this.settleNames(execution);
    this.addAnswered(execution);
  }

  /** A text that failed to parse, and that no statement was going to run, is recorded all the same. */
  protected endSkip(): void {
    const skip = this.#skip;
    this.#skip = undefined;
    if (skip?.failed?.kind === "parse" && !skip.told) {
      const execution = this.start({
        protocol: "extended",
        sql: skip.failed.sql,
        ...storedIn(skip.failed.stored),
        spans: [],
        statementName: skip.failed.name,
        notices: ["parse-only", ...(skip.failed.verdict?.notices ?? [])],
      });
      execution.results = [skip.result];
      execution.answeredMs = this.now();
      this.addAnswered(execution);
    }
  }

  /** Whether the server ignores what comes, up to the next Sync. */
  protected get isSkipping(): boolean {
    return this.#skip !== undefined;
  }

  protected clearSkip(): void {
    this.#skip = undefined;
  }

  #beforeExecution(): void {
    if (this.#skip === undefined) {
      this.recordPrepared();
    }
  }

  #doubt({ number }: Execution, change: NameChange | undefined): void {
    if (change !== undefined && this.#skip === undefined) {
      this.names.doubt(number, change);
    }
  }

  #expect(kind: "query" | "function" | "execute", execution: Execution, refusal?: Refusal): void {
    if (this.#skip === undefined) {
      if (refusal !== undefined && kind !== "execute") {
        this.queue.push(
          kind === "query"
            ? { kind, execution, undo: this.names.dropUnnamed(), refusal }
            : { kind, execution, refusal },
        );
      } else {
        // A simple query drops the unnamed statement.
        this.queue.push(kind === "query" ? { kind, execution, undo: this.names.dropUnnamed() } : { kind, execution });
      }
    } else {
      this.endSkipped(execution, false);
    }
  }

  #query(body: Buffer): void {
    const sql = Buffer.from(readQuery(body));
    const verdict = this.judge?.text(sql);
    this.runQuery(sql, undefined, verdict, body.length);
    if (verdict?.refusal !== undefined) {
      this.#refuse({ offset: 0, bytes: unparsable(sql.length) });
    }
  }

  /** A Query of this text is on its way. `stored`: it passed in pieces, and `sql` is its skeleton. */
  protected runQuery(
    sql: Buffer,
    stored: StoredSQL | undefined,
    verdict: Verdict | undefined,
    bodyBytes: number,
  ): void {
    const text = latin1Of(sql);
    const spans = splitStatements(text, this.standardStrings);
    this.#beforeExecution();
    const start: StartDraft = { protocol: "simple", sql, spans };
    if (stored !== undefined) {
      start.stored = stored;
    }
    if (verdict !== undefined) {
      start.notices = verdict.notices;
    }
    const execution = this.start(start);
    execution.bytesFromClient += bodyBytes + 5;
    if (verdict?.refusal === undefined) {
      this.#doubt(execution, stored?.unread.isCut === true ? { kind: "unreadable" } : changesOfQuery(text));
    }
    this.#expect("query", execution, verdict?.refusal);
  }

  #refuse(overwrite: Overwrite): void {
    this.#overwrite = overwrite;
    this.#hasRefused = true;
  }

  #parse(body: Buffer): void {
    const { name, sql, types } = readParse(body);
    if (this.#skip === undefined) {
      const text = Buffer.from(sql);
      const verdict = this.judge?.text(text, name);
      this.prepare(name, { sql: text, types, isRecorded: false }, verdict);
      if (verdict?.refusal !== undefined) {
        this.#refuse({ offset: name.length + 1, bytes: unparsable(sql.length) });
      }
    } else {
      this.#skip.parsed = { name, prepared: { sql: Buffer.from(sql), types, isRecorded: true } };
    }
  }

  /** A Parse that the server will not ignore. */
  protected prepare(name: string, prepared: PreparedText, verdict: Verdict | undefined): void {
    const { sql, stored } = prepared;
    if (verdict !== undefined) {
      prepared.verdict = verdict;
    }
    const undo = this.names.setStatement(name, prepared);
    const judged = verdict === undefined ? {} : { verdict };
    const refused = verdict?.refusal === undefined ? {} : { refusal: verdict.refusal };
    this.queue.push(
      stored === undefined
        ? { kind: "parse", name, sql, undo, ...judged, ...refused }
        : { kind: "parse", name, sql, stored, undo, ...judged, ...refused },
    );
  }

  #bind(body: Buffer): void {
    const { portal, statement, parameters } = readBind(Buffer.from(body));
    this.makePortal(portal, statement, parameters, body.length);
  }

  /** A Bind; `bytes` is what its values hold in memory. */
  protected makePortal(portal: string, statement: string, parameters: readonly BoundValue[], bytes: number): void {
    if (this.#skip === undefined) {
      const prepared = this.names.statement(statement);
      if (prepared === undefined) {
        // Nobody can tell yet which text it runs: all that it may be are on record before it.
        this.recordPrepared(true);
      }
      const value: Portal = { statementName: statement, prepared, parameters, bytes };
      const undo = this.names.setPortal(portal, value);
      this.queue.push({ kind: "bind", portal, undo });
      this.bound(portal, value);
    } else {
      const { parsed } = this.#skip;
      const prepared = parsed?.name === statement ? parsed.prepared : this.names.statement(statement);
      this.#skip.bound = { name: portal, portal: { statementName: statement, prepared, parameters, bytes } };
    }
  }

  #execute(body: Buffer, bound: Portal | undefined): void {
    const { portal: name, rowLimit } = readExecute(body);
    const ignored = this.#skip?.bound;
    const portal = bound ?? (ignored?.name === name ? ignored.portal : this.names.portal(name));
    const start = describePortal(portal);
    const { sql } = start;
    this.#beforeExecution();
    start.portal = name;
    if (rowLimit > 0) {
      start.rowLimit = rowLimit;
    }
    const verdict = portal?.prepared?.verdict;
    if (sql === undefined) {
      start.notices = ["statement-unknown"];
    } else {
      start.spans = [{ start: 0, end: sql.length }];
      if (verdict !== undefined) {
        start.notices = verdict.notices;
      }
    }
    const execution = this.start(start);
    // The message holds one statement: its first word says what it is.
    if (sql !== undefined && mayChangeNames(sql)) {
      this.#doubt(execution, readNameChange(sql.toString("latin1")));
    }
    execution.bytesFromClient += body.length + 5 + (portal?.bytes ?? 0);
    if (portal !== undefined && rowLimit > 0) {
      portal.limitedBy = execution.number;
    }
    this.#expect("execute", execution);
  }

  #describe(body: Buffer): void {
    const target = readTarget(body);
    if (this.#skip === undefined) {
      const prepared = target.kind === "statement" ? this.names.described(target.name) : undefined;
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
      this.queue.push({ kind: "close", target, undo });
    }
  }

  #function(body: Buffer): void {
    const call = readFunctionCall(body);
    const verdict = this.judge?.functionCall(call.functionOID);
    this.#beforeExecution();
    const execution = this.start({
      protocol: "function-call",
      sql: undefined,
      spans: [],
      functionOID: call.functionOID,
      parameters: call.arguments,
      types: [],
      ...noticesOf(verdict),
    });
    execution.bytesFromClient += body.length + 5;
    if (verdict?.refusal !== undefined) {
      // There is no function 0.
      this.#refuse({ offset: 0, bytes: Buffer.alloc(4) });
    }
    this.#expect("function", execution, verdict?.refusal);
  }

  #sync(): void {
    if (this.copyIn) {
      return;
    }
    this.endSkip();
    this.names.synced();
    this.queue.push(sync);
  }

  #copyEnds(): void {
    if (this.copyIn) {
      this.copyIn = false;
    } else if (this.queue.length > 0) {
      this.queue.push({ kind: "copy-end" });
    }
  }
}

/** Of a message that is decided about by its type alone. */
export const noBody = Buffer.alloc(0);

const sync: Expectation = { kind: "sync" };

const noticesOf = (verdict: Verdict | undefined): { readonly notices?: readonly string[] } =>
  verdict === undefined ? {} : { notices: verdict.notices };

function allowedInCopy(type: number): boolean {
  return (
    type === front.copyDone ||
    type === front.copyFail ||
    type === front.sync ||
    type === front.flush ||
    type === front.terminate
  );
}
