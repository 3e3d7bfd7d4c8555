import type { CancelTimer, Clock } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";
import {
  hashLine,
  type HeadSigner,
  parseHead,
  type RemovedRecords,
  signHeadWith,
  type ChainHead,
} from "./head-line.ts";
import type { HeadPlace } from "./head-place.ts";
import type { SessionHead, TaskHead } from "./store/types.ts";

export interface HeadLogOptions {
  /** Where the lines are kept; closed with the log. */
  readonly place: HeadPlace;
  readonly signer: HeadSigner;
  readonly installation: string;
  readonly clock: Clock;
  /**
   * A task's head is signed at most once in this many milliseconds; the signer's own interval by default. What was stored since the last
   * signature is what an attacker with the store could change unnoticed.
   */
  readonly intervalMs?: number;
  /** Called when a head would take back what was signed before: the store is not what it was. */
  readonly onFailed: (error: Error) => void;
  /** Called when a head cannot be signed or written now; it is tried again. `onFailed` by default. */
  readonly onDelayed?: (error: Error) => void;
}

interface TaskState {
  pending: TaskHead | undefined;
  ended: string | undefined;
  /** Runs while nothing more may be signed for the task. */
  cancelTimer: CancelTimer | undefined;
  /** What was signed last, or is being signed. */
  last: Pick<TaskHead, "seq" | "chainSeq" | "chainHead">;
}

/** What a signer may take between two heads, in milliseconds, to be asked for one more than that: a key at hand costs nothing. */
const atHandMs = 1_000;

/** Appends signed heads to the head log, one line each, every line linked to the one before. */
export class HeadLog {
  readonly #options: HeadLogOptions;
  readonly #intervalMs: number;
  #tasks = new Map<string, TaskState>();
  /** Undefined until the log was read. */
  #line: number | undefined;
  #prevLine: string | null = null;
  /** A line that was given to its place without an answer: it may be there. */
  #unconfirmed: { readonly number: number; readonly line: string } | undefined;
  /** Lines are written one after the other. */
  #writing: Promise<void> = Promise.resolve();
  #closed = false;

  /** Opens the log and goes on after its last line. */
  static async open(options: HeadLogOptions): Promise<HeadLog> {
    const log = new HeadLog(options);
    await log.reload();
    return log;
  }

  /** For who does not write yet: `reload` has to be called before anything is noted. */
  constructor(options: HeadLogOptions) {
    this.#options = options;
    this.#intervalMs = options.intervalMs ?? options.signer.intervalMs;
  }

  /**
   * Reads the log anew and goes on after its last line: another replica may have written since. Waits for its turn as a line does, so that
   * nothing is written in between; what was noted meanwhile and is newer than the log is signed after it.
   */
  async reload(): Promise<void> {
    const reloaded = this.#writing.then(() => this.#reload());
    this.#writing = reloaded.catch(() => {});
    await reloaded;
  }

  async #reload(): Promise<void> {
    const found = await readLog(this.#options.place);
    const noted = this.#tasks;
    this.#tasks = found.tasks;
    this.#line = found.line;
    this.#prevLine = found.prevLine;
    this.#unconfirmed = undefined;
    for (const task of noted.values()) {
      stopTimer(task);
      const { pending } = task;
      if (pending !== undefined && pending.seq > this.#task(pending.proxy, pending.task).last.seq) {
        this.note(pending);
      }
    }
  }

  /**
   * Something was stored: the head that ingest returned. Signed at once, or with what comes until the task's interval is
   * over. A head that is signed already is passed over.
   */
  note(head: TaskHead): void {
    const task = this.#task(head.proxy, head.task);
    const { seq, chainHead } = task.last;
    if (head.seq < seq || (head.seq === seq && head.chainHead !== chainHead)) {
      const where = `${head.proxy} ${head.task}`;
      this.#options.onFailed(new Error(`the audit store of ${where} ends at ${head.seq}, signed was up to ${seq}`));
      return;
    }
    if (head.seq > seq) {
      task.pending = task.pending === undefined ? head : mergeHeads(task.pending, head);
      this.#sign(task);
    }
  }

  /**
   * The same, and settles when it is signed, where the key is at hand: a process that dies then leaves nothing unsigned. Never rejects; what
   * could not be signed is signed later.
   */
  async noteNow(head: TaskHead): Promise<void> {
    this.note(head);
    if (this.#options.signer.intervalMs <= atHandMs) {
      const task = this.#task(head.proxy, head.task);
      stopTimer(task);
      this.#sign(task);
      await this.#writing;
    }
  }

  /** The task is gone for good and everything it shipped was noted. Signed at once. */
  endTask(proxy: string, task: string, reason: string): void {
    const state = this.#task(proxy, task);
    if (state.ended !== undefined) {
      return;
    }
    state.ended = reason;
    state.pending ??= { proxy, task, ...state.last, openSessions: [] };
    stopTimer(state);
    this.#sign(state);
  }

  /**
   * Says what of a task was removed because of its age, before it is. Rejects when that cannot be signed and kept now: then nothing may be
   * removed.
   */
  noteRemoved(proxy: string, task: string, removed: RemovedRecords): Promise<void> {
    const { last } = this.#task(proxy, task);
    const written = this.#writing.then(() => this.#write({ proxy, task, ...last, openSessions: [], removed }));
    this.#writing = written.catch(() => {});
    return written;
  }

  /** Signs what waits for its interval and settles when everything is on the device. */
  async flush(): Promise<void> {
    for (const task of this.#tasks.values()) {
      stopTimer(task);
      this.#sign(task);
      stopTimer(task);
    }
    await this.#writing;
  }

  /** Flushes and gives the directory free. */
  async close(): Promise<void> {
    if (!this.#closed) {
      await this.flush();
      this.#closed = true;
      await this.#options.place.close();
    }
  }

  #task(proxy: string, task: string): TaskState {
    const key = taskKey(proxy, task);
    const known = this.#tasks.get(key);
    if (known !== undefined) {
      return known;
    }
    const created = newTask();
    this.#tasks.set(key, created);
    return created;
  }

  #sign(task: TaskState): void {
    if (task.cancelTimer !== undefined || task.pending === undefined) {
      return;
    }
    const head = task.pending;
    task.pending = undefined;
    task.last = { seq: head.seq, chainSeq: head.chainSeq, chainHead: head.chainHead };
    task.cancelTimer = this.#options.clock.after(this.#intervalMs, () => {
      task.cancelTimer = undefined;
      this.#sign(task);
    });
    this.#writing = this.#writing.then(() => this.#append(head, task.ended));
  }

  async #append(head: TaskHead, ended: string | undefined): Promise<void> {
    try {
      await this.#write({ ...head, ...(ended === undefined ? {} : { ended }) });
    } catch (error) {
      // Tried again with the next head or at the end of the interval.
      const task = this.#task(head.proxy, head.task);
      task.pending = task.pending === undefined ? head : mergeHeads(head, task.pending);
      (this.#options.onDelayed ?? this.#options.onFailed)(coerceError(error));
    }
  }

  async #write(head: TaskHead & Pick<ChainHead, "ended" | "removed">): Promise<void> {
    const { signer, installation, clock } = this.#options;
    if (this.#unconfirmed !== undefined) {
      await this.#keep(this.#unconfirmed);
    }
    if (this.#line === undefined) {
      throw new Error("the head log was not read yet");
    }
    const number = this.#line + 1;
    const time = new Date(clock.now()).toISOString();
    const fields: ChainHead = { v: 1, line: number, prevLine: this.#prevLine, installation, ...head, time };
    await this.#keep({ number, line: await signHeadWith(fields, signer) });
  }

  /** Whether a line whose answer was lost is there or not, the same line can be given again, and no other one. */
  async #keep(next: { readonly number: number; readonly line: string }): Promise<void> {
    this.#unconfirmed = next;
    await this.#options.place.append(next.number, next.line);
    this.#unconfirmed = undefined;
    this.#line = next.number;
    this.#prevLine = hashLine(next.line);
  }
}

interface FoundLog {
  readonly line: number;
  readonly prevLine: string | null;
  readonly tasks: Map<string, TaskState>;
}

/** Reads the log once from its beginning. A damaged line is verify's to report; the log goes on after it. */
async function readLog(place: HeadPlace): Promise<FoundLog> {
  const tasks = new Map<string, TaskState>();
  let found = { line: 0, prevLine: null as string | null };
  for await (const text of place.lines()) {
    const head = parseHead(text);
    found = { line: head?.line ?? found.line + 1, prevLine: hashLine(text) };
    if (head !== undefined) {
      const last = { seq: head.seq, chainSeq: head.chainSeq, chainHead: head.chainHead };
      tasks.set(taskKey(head.proxy, head.task), { ...newTask(), ended: head.ended, last });
    }
  }
  return { ...found, tasks };
}

function newTask(): TaskState {
  const last = { seq: 0, chainSeq: 0, chainHead: null };
  return { pending: undefined, ended: undefined, cancelTimer: undefined, last };
}

function stopTimer(task: TaskState): void {
  task.cancelTimer?.();
  task.cancelTimer = undefined;
}

function taskKey(proxy: string, task: string): string {
  return `${proxy} ${task}`;
}

/** The newer head, with the sessions of both. A session that was closed meanwhile is vouched for by its close. */
function mergeHeads(older: TaskHead, newer: TaskHead): TaskHead {
  const sessions = new Map<string, SessionHead>();
  for (const session of [...older.openSessions, ...newer.openSessions]) {
    sessions.set(session.session, session);
  }
  return { ...newer, openSessions: [...sessions.values()] };
}
