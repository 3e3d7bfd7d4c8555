import { type FileHandle, mkdir, open, readdir, rename } from "node:fs/promises";
import path from "node:path";
import type { CancelTimer, Clock } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";
import { SinkFailure } from "./failure.ts";
import { syncDirectory } from "./file-cursors.ts";
import { closedName, type FileStem, type NamedFile, openName, readName } from "./file-names.ts";
import { wholeLines } from "./file-tail.ts";
import type { RecordLine } from "./record-line.ts";
import type { DeliveryContext, Sink, SinkItem } from "./sink.ts";

export interface FileOptions {
  /** Directory of the files; made where it is missing. */
  readonly directory: string;
  /** A file that has as many bytes is complete. */
  readonly maxBytes: number;
  /** A file is complete this many milliseconds after its first record, whatever its size. */
  readonly maxAgeMs: number;
  /** What the names begin with: records go into `audit` files, which is the default, signed lines into `heads` files. */
  readonly stem?: FileStem;
  readonly clock: Clock;
}

/** The file that is written to. */
interface OpenFile {
  readonly handle: FileHandle;
  readonly epoch: string;
  readonly first: number;
  /** Position of its last line. */
  readonly last: number;
  readonly size: number;
}

/** What a person must change before a write can succeed; everything else may pass, such as a full disk. */
const refusals = new Set(["EACCES", "EPERM", "EROFS", "EEXIST", "ENOTDIR", "EISDIR", "ELOOP", "ENAMETOOLONG"]);

/**
 * Files of JSON lines in a directory. Confirmed means: on the device. A file gets its final name, such as `audit-<epoch>-<first>-<last>.jsonl`, when
 * it is complete, and is never touched again. After a crash it goes on behind the last whole line, without repeating one.
 */
export class FileSink implements Sink<RecordLine> {
  readonly #options: FileOptions;
  readonly #stem: FileStem;
  #file: OpenFile | undefined;
  /** Positions up to here are in files already, by epoch. */
  #inFiles: { readonly epoch: string; readonly last: number } | undefined;
  #cancelTimer: CancelTimer | undefined;
  /** Deliveries and the timer's rotation follow each other. */
  #turn: Promise<void> = Promise.resolve();

  constructor(options: FileOptions) {
    this.#options = options;
    this.#stem = options.stem ?? "audit";
  }

  deliver(items: readonly SinkItem<RecordLine>[], { epoch }: DeliveryContext): Promise<void> {
    return this.#inTurn(async () => {
      try {
        await this.#append(items, epoch);
      } catch (thrown) {
        // How much of it was written is not known: the next delivery looks.
        await this.#forget();
        throw fileFailure(thrown);
      }
    });
  }

  /** Leaves the file under its open name: the next process goes on with it. */
  close(): Promise<void> {
    this.#cancelTimer?.();
    return this.#inTurn(() => this.#forget());
  }

  async #append(items: readonly SinkItem<RecordLine>[], epoch: string): Promise<void> {
    const known = await this.#recover(epoch);
    const fresh = items.filter(({ position }) => position > known);
    const last = fresh.at(-1)?.position;
    if (last === undefined) {
      return;
    }
    const file = this.#file ?? (await this.#begin(epoch, fresh[0]?.position ?? last));
    const bytes = Buffer.from(fresh.map(({ value }) => `${value.line}\n`).join(""));
    await file.handle.appendFile(bytes);
    await file.handle.datasync();
    this.#inFiles = { epoch, last };
    this.#file = { ...file, last, size: file.size + bytes.byteLength };
    if (this.#file.size >= this.#options.maxBytes) {
      await this.#complete();
    }
  }

  /** Looks once, and after every failure, at what is there. Answers the last position that is in files. */
  async #recover(epoch: string): Promise<number> {
    if (this.#inFiles?.epoch === epoch) {
      return this.#inFiles.last;
    }
    const { directory } = this.#options;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const names = (await readdir(directory)).map(readName).filter((file) => file !== undefined);
    const own = names.filter((file) => file.epoch === epoch && file.stem === this.#stem);
    let last = Math.max(0, ...own.map((file) => file.last ?? 0));
    for (const file of own.filter(({ last: end }) => end === undefined)) {
      last = Math.max(last, await this.#resume(file));
    }
    this.#inFiles = { epoch, last };
    return last;
  }

  /** Goes on with a file that a process left behind. Answers its last position, or 0 where it is empty. */
  async #resume({ name, epoch, first }: NamedFile): Promise<number> {
    const file = path.join(this.#options.directory, name);
    const handle = await open(file, "a+", 0o600);
    try {
      const { size, last } = await wholeLines(handle);
      if (last !== undefined && (last < first || this.#file !== undefined)) {
        throw new SinkFailure("refused", `${file} is not as this sink left it`);
      }
      await handle.truncate(size);
      await handle.datasync();
      this.#file = { handle, epoch, first, last: last ?? 0, size };
      this.#armTimer();
      return last ?? 0;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async #begin(epoch: string, first: number): Promise<OpenFile> {
    const { directory } = this.#options;
    const handle = await open(path.join(directory, openName(epoch, first, this.#stem)), "ax", 0o600);
    await syncDirectory(directory);
    this.#file = { handle, epoch, first, last: 0, size: 0 };
    this.#armTimer();
    return this.#file;
  }

  #armTimer(): void {
    const { clock, maxAgeMs } = this.#options;
    this.#cancelTimer?.();
    this.#cancelTimer = clock.after(maxAgeMs, () => {
      // What fails here fails again at the next delivery, which says so.
      void this.#inTurn(() => this.#complete()).catch(() => this.#forget());
    });
  }

  async #complete(): Promise<void> {
    const file = this.#file;
    if (file === undefined || file.last === 0) {
      return;
    }
    const { epoch, first, last } = file;
    const { directory } = this.#options;
    await file.handle.close();
    this.#file = undefined;
    this.#cancelTimer?.();
    const stem = this.#stem;
    const closed = closedName(epoch, first, last, stem);
    await rename(path.join(directory, openName(epoch, first, stem)), path.join(directory, closed));
    await syncDirectory(directory);
  }

  async #forget(): Promise<void> {
    const { handle } = this.#file ?? {};
    this.#file = undefined;
    this.#inFiles = undefined;
    await handle?.close().catch(() => {});
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }
}

function fileFailure(thrown: unknown): SinkFailure {
  if (thrown instanceof SinkFailure) {
    return thrown;
  }
  const error = coerceError(thrown) as NodeJS.ErrnoException;
  return new SinkFailure(refusals.has(error.code ?? "") ? "refused" : "unreachable", error.message, { cause: thrown });
}
