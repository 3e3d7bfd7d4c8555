import type { KeyObject } from "node:crypto";
import { createReadStream, mkdirSync } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import type { CancelTimer, Clock } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";
import { hashLine, parseHead, signHead, type ChainHead } from "./head-line.ts";
import { lockDirectory, type DirectoryLock } from "./spool/lock.ts";
import type { SessionHead, TaskHead } from "./store/types.ts";

export interface HeadLogOptions {
  /** Kept apart from the records: who can change one should not be able to change the other. */
  readonly directory: string;
  readonly privateKey: KeyObject;
  readonly installation: string;
  readonly clock: Clock;
  /**
   * A task's head is signed at most once in this many milliseconds. What was stored since the last signature is what an
   * attacker with the store could change unnoticed.
   */
  readonly intervalMs?: number;
  /** Called when a head cannot be signed or written, or would take back what was signed before. */
  readonly onFailed: (error: Error) => void;
}

/** One second: a line of about 500 bytes a busy task and second is 40 MB a day. */
const defaultIntervalMs = 1_000;

interface TaskState {
  pending: TaskHead | undefined;
  ended: string | undefined;
  /** Runs while nothing more may be signed for the task. */
  cancelTimer: CancelTimer | undefined;
  /** What was signed last, or is being signed. */
  last: Pick<TaskHead, "seq" | "chainSeq" | "chainHead">;
}

/** Appends signed heads to `heads.jsonl`, one line each, every line linked to the one before. */
export class HeadLog {
  readonly #options: HeadLogOptions;
  readonly #intervalMs: number;
  readonly #file: FileHandle;
  readonly #lock: DirectoryLock;
  readonly #tasks: Map<string, TaskState>;
  #line: number;
  #prevLine: string | null;
  #size: number;
  /** Lines are written one after the other. */
  #writing: Promise<void> = Promise.resolve();
  #closed = false;

  /** Opens the log and goes on after its last whole line. Throws `UserError` when another process writes to it. */
  static async open(options: HeadLogOptions): Promise<HeadLog> {
    mkdirSync(options.directory, { recursive: true, mode: 0o700 });
    const lock = lockDirectory(options.directory);
    try {
      const file = await open(headsPath(options.directory), "a+", 0o600);
      const found = await readLog(options.directory);
      await file.truncate(found.size);
      return new HeadLog(options, file, lock, found);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  private constructor(options: HeadLogOptions, file: FileHandle, lock: DirectoryLock, found: FoundLog) {
    this.#options = options;
    this.#intervalMs = options.intervalMs ?? defaultIntervalMs;
    this.#file = file;
    this.#lock = lock;
    this.#tasks = found.tasks;
    this.#line = found.line;
    this.#prevLine = found.prevLine;
    this.#size = found.size;
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
      await this.#file.close();
      this.#lock.release();
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
    this.#writing = this.#writing.then(() => this.#append(task, head));
  }

  async #append(task: TaskState, head: TaskHead): Promise<void> {
    try {
      const signed: ChainHead = {
        v: 1,
        line: this.#line + 1,
        prevLine: this.#prevLine,
        installation: this.#options.installation,
        ...head,
        ...(task.ended === undefined ? {} : { ended: task.ended }),
        time: new Date(this.#options.clock.now()).toISOString(),
      };
      const line = signHead(signed, this.#options.privateKey);
      // Cut first: an earlier write that failed half-way may have left a piece of a line.
      await this.#file.truncate(this.#size);
      await this.#file.appendFile(`${line}\n`);
      await this.#file.datasync();
      this.#line += 1;
      this.#prevLine = hashLine(line);
      this.#size += Buffer.byteLength(line) + 1;
    } catch (error) {
      // Tried again with the next head or at the end of the interval.
      task.pending = task.pending === undefined ? head : mergeHeads(head, task.pending);
      this.#options.onFailed(coerceError(error));
    }
  }
}

/** Where a head log's lines are. */
export function headsPath(directory: string): string {
  return `${directory}/heads.jsonl`;
}

/**
 * Lines of a head log, for verification. Nothing when there is no log. A last line without its end was never finished (the
 * controller died while it wrote) and is left out.
 */
export async function* readHeadLines(directory: string): AsyncGenerator<string, void, void> {
  let rest = "";
  try {
    for await (const chunk of createReadStream(headsPath(directory), "utf8")) {
      const lines = (rest + String(chunk)).split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
      throw error;
    }
  }
}

interface FoundLog {
  readonly line: number;
  readonly prevLine: string | null;
  readonly size: number;
  readonly tasks: Map<string, TaskState>;
}

/** Reads the log once from its beginning. A damaged line is verify's to report; the log goes on after it. */
async function readLog(directory: string): Promise<FoundLog> {
  const tasks = new Map<string, TaskState>();
  let found = { line: 0, prevLine: null as string | null, size: 0 };
  for await (const text of readHeadLines(directory)) {
    const head = parseHead(text);
    const size = found.size + Buffer.byteLength(text) + 1;
    found = { line: head?.line ?? found.line + 1, prevLine: hashLine(text), size };
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
