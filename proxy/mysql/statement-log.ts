import { encodeError } from "./answers.ts";
import type { SessionEffect } from "./effects.ts";
import {
  Execution,
  type ExecutionEnd,
  type ExecutionOutcome,
  type ExecutionStart,
  type Writable,
} from "./execution.ts";
import { encodePacket } from "./fields.ts";
import type { KillStatement } from "./kill.ts";
import { PreparedTable } from "./prepared.ts";
import { answer, ExpectationQueue, type Expectation, type Refusal } from "./queue.ts";
import { readAgreed, SessionState, type Agreed, type SessionOptions } from "./session-state.ts";

/** Hears of each statement twice: before the server sees it, and when its answer is known. */
export interface TrackerSink {
  /** Called before the message may be forwarded. */
  started(number: number, start: ExecutionStart): void;
  ended(execution: Execution, end: ExecutionEnd): void;
}

/** What somebody who knows policy says of a statement. */
export interface Judgement {
  /** Go into its record. */
  readonly notices: readonly string[];
  readonly refusal?: Refusal;
}

/** Who is asked before a statement is forwarded, and who puts the proxy's own answers to the client. */
export interface TrackerHooks {
  /** May this statement end another thread's work? Undefined lets it pass. */
  readonly onKill?: ((kill: KillStatement) => Refusal | undefined) | undefined;
  /** What is there to say about this statement, in its record or to the client instead of an answer? Undefined lets it pass. */
  readonly judge?: ((start: ExecutionStart) => Judgement | undefined) | undefined;
  /** Puts a packet of the proxy's own where the stream to the client stands now. */
  readonly onReply: (packet: Buffer) => void;
}

/** Which statements are open, and in what order they are answered: the part of the tracker that talks to its sink. */
export class StatementLog {
  protected readonly sink: TrackerSink;
  protected readonly now: () => number;
  protected readonly agreed: Agreed;
  protected readonly queue = new ExpectationQueue();
  protected readonly prepared = new PreparedTable();
  /** What the server told of its session. */
  readonly session: SessionState;
  /** Set by the relay before anything flows. */
  hooks: TrackerHooks = { onReply: () => undefined };
  /** Prepares that wait for an answer: until then nobody knows their ids. */
  protected preparing = 0;
  /** Statements that wait for an answer and change how texts after them are read. */
  protected pendingEffects = 0;
  #number = 0;
  /** Statements that are not on their way yet: mostly one. */
  #unforwarded: Execution | undefined;
  #moreUnforwarded: Execution[] = [];

  constructor(sink: TrackerSink, now: () => number, options: SessionOptions) {
    this.sink = sink;
    this.now = now;
    this.agreed = readAgreed(options);
    this.session = new SessionState(options);
  }

  /** Commands that still wait for an answer. */
  get depth(): number {
    return this.queue.length;
  }

  /**
   * Whether an answer is on its way that commands may have to wait for: which number a prepared statement got, or whether a statement
   * has changed how texts are read.
   */
  get isUncertain(): boolean {
    return this.preparing > 0 || this.pendingEffects > 0;
  }

  /** Number of the statement that was started last. */
  protected get lastNumber(): number {
    return this.#number;
  }

  /** Statement that the server works on, if any. */
  get running(): Execution | undefined {
    return this.queue.head?.execution;
  }

  /** Statements that the server was given and has not answered. */
  get forwardedCount(): number {
    return this.queue.pending().filter(({ execution }) => execution?.forwarded === true).length;
  }

  /** Everything that the client sent so far, and that was not left out, is on its way to the server. */
  forwarded(): void {
    if (this.#unforwarded === undefined) {
      return;
    }
    this.#unforwarded.forwarded = true;
    this.#unforwarded = undefined;
    if (this.#moreUnforwarded.length > 0) {
      for (const execution of this.#moreUnforwarded) {
        execution.forwarded = true;
      }
      this.#moreUnforwarded = [];
    }
  }

  /**
   * No more answers come. Whatever waits is ended: `unanswered` for what the server was given, `not-executed` for the rest.
   */
  close(unanswered: "cut" | "unknown"): void {
    for (const { execution, refusal } of this.queue.pending()) {
      if (execution !== undefined) {
        this.end(execution, execution.forwarded && refusal === undefined ? unanswered : "not-executed", false);
      }
    }
    this.queue.clear();
  }

  protected start(
    start: ExecutionStart,
    bytesFromClient: number,
    effects: readonly SessionEffect[],
    isRefused: boolean,
  ): Execution {
    const number = this.#number + 1;
    this.sink.started(number, start);
    this.#number = number;
    const execution = new Execution(number, this.now(), bytesFromClient, start, effects);
    if (!isRefused) {
      this.#addUnforwarded(execution);
      this.pendingEffects += effects.length > 0 ? 1 : 0;
    }
    return execution;
  }

  #addUnforwarded(execution: Execution): void {
    if (this.#unforwarded === undefined) {
      this.#unforwarded = execution;
    } else {
      this.#moreUnforwarded.push(execution);
    }
  }

  protected end(execution: Execution, unanswered: ExecutionOutcome, isAnswered: boolean): void {
    this.pendingEffects -= execution.effects.length > 0 ? 1 : 0;
    const { result, results } = execution.summarize(unanswered);
    const end: Writable<ExecutionEnd> = { result, durationMs: this.now() - execution.startedMs };
    if (results !== undefined) {
      end.results = results;
    }
    if (isAnswered) {
      end.transaction = this.session.transaction;
    }
    this.sink.ended(execution, end);
  }

  protected expect(expectation: Expectation): void {
    this.queue.push(expectation);
    if (expectation.answer === answer.refused && this.queue.length === 1) {
      this.answerRefused();
    }
  }

  /** Refusals whose turn has come are answered. */
  protected answerRefused(): void {
    for (let head = this.queue.head; head?.answer === answer.refused; head = this.queue.head) {
      this.queue.shift();
      const { execution, refusal, sequence } = head;
      if (refusal === undefined) {
        return;
      }
      const { code, message } = refusal;
      const packet = encodePacket(sequence, encodeError(message, code));
      this.hooks.onReply(packet);
      if (execution !== undefined) {
        execution.bytesToClient += packet.length;
        const said = { errno: code.errno, sqlState: code.sqlState, message: Buffer.from(message) };
        execution.add({ outcome: "not-executed", ...said }, false);
        this.end(execution, "not-executed", true);
      }
    }
  }
}
