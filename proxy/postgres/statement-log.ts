import { summarize } from "./execution.ts";
import type { Execution, ExecutionEnd, ExecutionOutcome, ExecutionResult, ExecutionStart } from "./execution.ts";
import type { TransactionStatus } from "./backend.ts";
import { readExecute } from "./frontend.ts";
import { changesMade, isNameTag, type NameChange } from "./name-changes.ts";
import { NameTable, type Portal } from "./names.ts";
import { front } from "./protocol.ts";
import { splitStatements } from "./split.ts";
import type { StoredSQL } from "./stored-text.ts";

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

/** Their texts may not fill the memory either. */
const answeredBytesMax = 1024 * 1024;

/** Which texts are on record, and under which numbers: the part of the tracker that talks to its sink. */
export class StatementLog {
  protected readonly sink: TrackerSink;
  protected readonly now: () => number;
  protected readonly names = new NameTable();
  #number = 0;
  #answered: Execution[] = [];
  #answeredBytes = 0;
  #unforwarded: Execution[] = [];
  /** A Bind that is held back until it is known whether an execution will be recorded with its text and values. */
  #bound: { readonly name: string; readonly portal: Portal; isDescribed: boolean } | undefined;

  constructor(sink: TrackerSink, now: () => number) {
    this.sink = sink;
    this.now = now;
  }

  /**
   * Whether the last message must not be forwarded yet. Planning a Bind can run functions, and SQL can fetch from a named portal, so
   * no Bind reaches the server without a record: that of the execution that follows, or its own.
   */
  get holdsBack(): boolean {
    return this.#bound !== undefined;
  }

  /** Everything that the client sent so far is on its way to the server. */
  forwarded(): void {
    for (const execution of this.#unforwarded) {
      execution.forwarded = true;
    }
    this.#unforwarded.length = 0;
  }

  protected addAnswered(execution: Execution): void {
    this.#answeredBytes += execution.sql?.length ?? 0;
    if (this.#answered.length >= answeredMax || this.#answeredBytes > answeredBytesMax) {
      this.flushAnswered(undefined);
      this.#answeredBytes = execution.sql?.length ?? 0;
    }
    // The newest stays: the commit that Sync implies may still fail, and that is its failure.
    this.#answered.push(execution);
  }

  protected flushAnswered(transaction: TransactionStatus | undefined): void {
    if (this.#answered.length === 0) {
      return;
    }
    const answered = this.#answered;
    this.#answered = [];
    this.#answeredBytes = 0;
    for (const execution of answered) {
      this.tellEnd(execution, "unknown", execution.answeredMs - execution.startedMs, transaction);
    }
  }

  /** Tells the sink of a statement's end; `unanswered` where no answer came. */
  protected tellEnd(
    execution: Execution,
    unanswered: ExecutionOutcome,
    durationMs: number,
    transaction: TransactionStatus | undefined,
  ): void {
    const { result, results } = summarize(execution, unanswered);
    const end: { -readonly [Key in keyof ExecutionEnd]: ExecutionEnd[Key] } = { result, durationMs };
    if (results !== undefined) {
      end.results = results;
    }
    if (transaction !== undefined) {
      end.transaction = transaction;
    }
    this.sink.ended(execution, end);
  }

  /** The last answered statement turned out to have failed. */
  protected failAnswered(result: ExecutionResult): void {
    const last = this.#answered.at(-1);
    if (last !== undefined) {
      last.results = [result];
    }
  }

  /** Learns what a statement that is over did to names: SQL's PREPARE and DECLARE share them with the protocol. */
  protected settleNames({ number, protocol, sql, isSkeleton, spans, results }: Execution): void {
    if (!hasNameTag(results)) {
      return this.names.settle(number, noChanges);
    }
    const text = sql?.toString("latin1") ?? "";
    // What is forgotten could not be put on record any more.
    this.recordPrepared();
    const changes = changesMade(text, protocol === "simple" ? spans : splitStatements(text), results);
    this.names.settle(number, isSkeleton ? changes.map(withoutText) : changes);
  }

  protected start(start: ExecutionStart): Execution {
    const number = this.#number + 1;
    this.sink.started(number, start);
    this.#number = number;
    const execution: Execution = {
      number,
      protocol: start.protocol,
      sql: start.sql,
      isSkeleton: start.stored !== undefined,
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

  /** A Bind was read; it is decided by what comes next. */
  protected bound(name: string, portal: Portal): void {
    this.#bound = { name, portal, isDescribed: false };
  }

  /** Puts what was given to the server by name on record, before a statement runs that could run it by that name. */
  protected recordPrepared(isUnnamedToo = false): void {
    for (const [statementName, { sql, stored, types, verdict }] of this.names.takeUnrecorded(isUnnamedToo)) {
      const notices = ["prepared", ...(verdict?.notices ?? [])];
      this.#note({ protocol: "extended", sql, ...storedIn(stored), spans: [], statementName, types, notices });
    }
  }

  /** What comes after a Bind decides about it. Returns its portal when that is about to be executed. */
  protected decideBound(type: number, body: Buffer): Portal | undefined {
    const bound = this.#bound;
    if (bound === undefined) {
      return undefined;
    }
    if (type === front.describe && !bound.isDescribed) {
      bound.isDescribed = true;
      return undefined;
    }
    this.#bound = undefined;
    const { name, portal } = bound;
    if (type === front.execute && readExecute(body).portal === name) {
      return portal;
    }
    const known = describePortal(portal);
    const { sql } = known;
    const notices =
      sql === undefined ? ["bound", "statement-unknown"] : ["bound", ...(portal.prepared?.verdict?.notices ?? [])];
    this.#note({ ...known, protocol: "extended", spans: [], portal: name, notices });
    return undefined;
  }

  /** A record of a text that was given to the server, and is not executed by the message that gives it. */
  #note(start: ExecutionStart): void {
    this.tellEnd(this.start(start), "not-executed", 0, undefined);
  }
}

/** The member of a start, where there is one. */
export const storedIn = (stored: StoredSQL | undefined): { readonly stored?: StoredSQL } =>
  stored === undefined ? {} : { stored };

const withoutText = (change: NameChange): NameChange => ("sql" in change ? { ...change, sql: undefined } : change);

const noChanges: readonly NameChange[] = [];
const noTypes: readonly number[] = [];

function hasNameTag(results: readonly ExecutionResult[]): boolean {
  for (const { tag } of results) {
    if (tag !== undefined && isNameTag(tag)) {
      return true;
    }
  }
  return false;
}

/** A start while it is made: members are added one by one, since spreads cost more than all the rest. */
export type StartDraft = { -readonly [Key in keyof ExecutionStart]: ExecutionStart[Key] };

/** What a record says of a portal, for an execution of it. The text counts as recorded, since every caller records it. */
export function describePortal(portal: Portal | undefined): StartDraft {
  if (portal === undefined) {
    return { protocol: "extended", sql: undefined, spans: [] };
  }
  const { statementName, prepared, parameters, limitedBy } = portal;
  if (prepared !== undefined) {
    prepared.isRecorded = true;
  }
  const start: StartDraft = {
    protocol: "extended",
    sql: prepared?.sql,
    spans: [],
    statementName,
    parameters,
    types: prepared?.types ?? noTypes,
  };
  if (prepared?.stored !== undefined) {
    start.stored = prepared.stored;
  }
  if (limitedBy !== undefined) {
    start.continues = limitedBy;
  }
  return start;
}
