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

/** What keeps the head log that several replicas share. */
export interface SharedLines {
  headLines(): AsyncIterable<string>;
  appendHead(number: number, line: string): Promise<void>;
}

/** `heads.jsonl` in a directory of one process, apart from the records: who can change one should not be able to change the other. */
export class HeadFile implements HeadPlace {
  readonly #directory: string;
  readonly #file: FileHandle;
  readonly #lock: DirectoryLock;
  #size: number;

  /** Opens the file and cuts off a line that was never finished. Throws `UserError` when another process writes to it. */
  static async open(directory: string): Promise<HeadFile> {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const lock = lockDirectory(directory);
    try {
      const file = await open(headsPath(directory), "a+", 0o600);
      let size = 0;
      for await (const line of readHeadLines(directory)) {
        size += Buffer.byteLength(line) + 1;
      }
      await file.truncate(size);
      return new HeadFile(directory, file, lock, size);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  private constructor(directory: string, file: FileHandle, lock: DirectoryLock, size: number) {
    this.#directory = directory;
    this.#file = file;
    this.#lock = lock;
    this.#size = size;
  }

  lines(): AsyncIterable<string> {
    return readHeadLines(this.#directory);
  }

  async append(_number: number, line: string): Promise<void> {
    // Cut first: an earlier write that failed half-way may have left a piece of a line.
    await this.#file.truncate(this.#size);
    await this.#file.appendFile(`${line}\n`);
    await this.#file.datasync();
    this.#size += Buffer.byteLength(line) + 1;
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
export class SharedHeads implements HeadPlace {
  readonly #shared: SharedLines;
  readonly #own: HeadFile;

  constructor(shared: SharedLines, own: HeadFile) {
    this.#shared = shared;
    this.#own = own;
  }

  lines(): AsyncIterable<string> {
    return this.#shared.headLines();
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
