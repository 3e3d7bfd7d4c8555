import type { SpoolFiles } from "./files.ts";

/** Called with whether the bytes are on the device. */
export type SyncDone = (synced: boolean) => void;

/**
 * Flushes a file to its device for all who wait, one flush at a time: who comes while one is under way shares the next.
 * No timer forms the group (measured: waiting even 1 ms costs more than it gains).
 *
 * After one failed flush nothing is ever reported as synced again: the kernel may have dropped the dirty pages, and a
 * second flush would succeed without them.
 */
export class GroupSync {
  readonly #files: SpoolFiles;
  readonly #monotonicMs: () => number;
  readonly #onFlushed: (ms: number) => void;
  #waiting: SyncDone[] = [];
  #running: number | undefined;
  #closeLater: number[] = [];
  #failed = false;
  /** Descriptor that those who wait have written to. */
  #latest = -1;

  /** `onFlushed` is told how long each flush took, in milliseconds of `monotonicMs`. */
  constructor(files: SpoolFiles, monotonicMs: () => number, onFlushed: (ms: number) => void) {
    this.#files = files;
    this.#monotonicMs = monotonicMs;
    this.#onFlushed = onFlushed;
  }

  /** Whether a flush is under way. */
  get isBusy(): boolean {
    return this.#running !== undefined;
  }

  /** A flush elsewhere has failed: see above. */
  fail(): void {
    this.#failed = true;
  }

  /** Whether a flush has failed. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Flushes `fd`, whose bytes are written already, and reports to all of `done`. */
  request(fd: number, done: readonly SyncDone[]): void {
    this.#waiting.push(...done);
    this.#latest = fd;
    if (this.#running === undefined) {
      this.#start(fd);
    }
  }

  /** `fd` gets no more bytes: reports to all who wait, on the spot, and closes it once no flush uses it. */
  retire(fd: number): void {
    if (this.#waiting.length > 0) {
      this.#finish(this.#waiting.splice(0), this.#syncNow(fd));
    }
    if (this.#running === fd) {
      this.#closeLater.push(fd);
    } else {
      this.#files.closeSync(fd);
    }
  }

  #start(fd: number): void {
    const group = this.#waiting.splice(0);
    this.#running = fd;
    const startedMs = this.#monotonicMs();
    this.#files.fdatasync(fd, (error) => {
      this.#running = undefined;
      this.#onFlushed(this.#monotonicMs() - startedMs);
      for (const retired of this.#closeLater.splice(0)) {
        this.#files.closeSync(retired);
      }
      this.#finish(group, error === null);
      if (this.#waiting.length > 0 && this.#running === undefined) {
        this.#start(this.#latest);
      }
    });
  }

  #syncNow(fd: number): boolean {
    try {
      this.#files.fsyncSync(fd);
      return true;
    } catch {
      return false;
    }
  }

  #finish(group: readonly SyncDone[], succeeded: boolean): void {
    this.#failed ||= !succeeded;
    for (const done of group) {
      done(!this.#failed);
    }
  }
}
