import { createReadStream, mkdirSync } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { lockDirectory, type DirectoryLock } from "./spool/lock.ts";

/** Where the lines of a head log are kept, in order. */
export interface HeadPlace {
  lines(): AsyncIterable<string>;
  /**
   * Keeps line `number`, which follows the last one. It is there for good when it resolves. After a rejection it may be there or not: the
   * same line may be given again, no other.
   */
  append(number: number, line: string): Promise<void>;
  close(): Promise<void>;
}

/** Reads a head log by the places of its lines, from 1, while it is written. A line that it has shown once is there for good. */
export interface HeadReader {
  /** How many lines there are. */
  newest(): Promise<number>;
  /** At most `limit` lines that stand after the first `after`, in order. */
  read(after: number, limit: number): Promise<string[]>;
}

/** What keeps the head log that several replicas share. */
export interface SharedLines {
  /** Lines that stand after the first `after`; all of them by default. */
  headLines(after?: number): AsyncIterable<string>;
  appendHead(number: number, line: string): Promise<void>;
}

/** `heads.jsonl` in a directory of one process, apart from the records: who can change one should not be able to change the other. */
export class HeadFile implements HeadPlace, HeadReader {
  readonly #directory: string;
  readonly #file: FileHandle;
  readonly #lock: DirectoryLock;
  readonly #index: LineIndex;

  /** Opens the file and cuts off a line that was never finished. Throws `UserError` when another process writes to it. */
  static async open(directory: string): Promise<HeadFile> {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const lock = lockDirectory(directory);
    try {
      const file = await open(headsPath(directory), "a+", 0o600);
      const index = new LineIndex();
      for await (const line of readHeadLines(directory)) {
        index.add(line);
      }
      await file.truncate(index.size);
      // What the last process wrote may have been on its way to the device when it ended.
      await file.datasync();
      return new HeadFile(directory, file, lock, index);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  private constructor(directory: string, file: FileHandle, lock: DirectoryLock, index: LineIndex) {
    this.#directory = directory;
    this.#file = file;
    this.#lock = lock;
    this.#index = index;
  }

  lines(): AsyncIterable<string> {
    return readHeadLines(this.#directory);
  }

  newest(): Promise<number> {
    return Promise.resolve(this.#index.count);
  }

  async read(after: number, limit: number): Promise<string[]> {
    const { size, count } = this.#index;
    const found: string[] = [];
    const wanted = Math.min(limit, count - after);
    if (wanted <= 0) {
      return found;
    }
    const { line, offset } = this.#index.before(after);
    let skip = after - line;
    // Up to what is on the device: what is written just now may be cut off and written otherwise.
    for await (const text of linesIn(headsPath(this.#directory), { start: offset, end: size - 1 })) {
      if (skip > 0) {
        skip -= 1;
      } else if (found.push(text) === wanted) {
        break;
      }
    }
    return found;
  }

  async append(_number: number, line: string): Promise<void> {
    // Cut first: an earlier write that failed half-way may have left a piece of a line.
    await this.#file.truncate(this.#index.size);
    await this.#file.appendFile(`${line}\n`);
    await this.#file.datasync();
    this.#index.add(line);
  }

  async close(): Promise<void> {
    await this.#file.close();
    this.#lock.release();
  }
}

/**
 * The head log of an installation whose replicas share the store: it is in the store, where each leader continues it, and each replica
 * keeps the lines that it wrote in a file of its own too. Who can change the store can then cut neither off unnoticed.
 */
export class SharedHeads implements HeadPlace, HeadReader {
  readonly #shared: SharedLines;
  readonly #own: HeadFile;
  /** Lines that were counted. */
  #count = 0;

  constructor(shared: SharedLines, own: HeadFile) {
    this.#shared = shared;
    this.#own = own;
  }

  lines(): AsyncIterable<string> {
    return this.#shared.headLines();
  }

  /** Reads what has come since the last call. */
  async newest(): Promise<number> {
    let count = this.#count;
    for await (const _ of this.#shared.headLines(count)) {
      count += 1;
    }
    this.#count = Math.max(this.#count, count);
    return this.#count;
  }

  async read(after: number, limit: number): Promise<string[]> {
    const found: string[] = [];
    for await (const line of this.#shared.headLines(after)) {
      if (found.push(line) >= limit) {
        break;
      }
    }
    return found;
  }

  /** Lines that this replica wrote. */
  ownLines(): AsyncIterable<string> {
    return this.#own.lines();
  }

  async append(number: number, line: string): Promise<void> {
    await this.#shared.appendHead(number, line);
    // After the store: a line that is in the file must be in the store.
    await this.#own.append(number, line);
  }

  close(): Promise<void> {
    return this.#own.close();
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
  try {
    yield* linesIn(headsPath(directory));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
      throw error;
    }
  }
}

/** Whole lines of a part of a file, from the byte `start` to the byte `end`. */
async function* linesIn(
  file: string,
  range: { readonly start?: number; readonly end?: number } = {},
): AsyncGenerator<string, void, void> {
  let rest = "";
  for await (const chunk of createReadStream(file, { encoding: "utf8", ...range })) {
    const lines = (rest + String(chunk)).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

/** Every so many lines it is remembered where one begins: a reader goes through fewer than that, and a million lines need a thousand numbers. */
const indexEvery = 1_000;

/** Where the lines of a file are. */
class LineIndex {
  count = 0;
  /** Bytes of all lines and their ends. */
  size = 0;
  readonly #offsets: number[] = [];

  add(line: string): void {
    if (this.count % indexEvery === 0) {
      this.#offsets.push(this.size);
    }
    this.count += 1;
    this.size += Buffer.byteLength(line) + 1;
  }

  /** A place at or before the one after `after` lines: how many lines stand before it, and its byte. */
  before(after: number): { readonly line: number; readonly offset: number } {
    const index = Math.floor(after / indexEvery);
    return { line: index * indexEvery, offset: this.#offsets[index] ?? this.size };
  }
}
