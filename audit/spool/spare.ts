import type { SpoolFiles } from "./files.ts";

const fileName = "spare-segment";

/**
 * The next segment's file, written full of zeros ahead of its time, in the thread pool: a flush into it has no size and no place of
 * new blocks to bring to the device (measured: a quarter less time than a growing file).
 */
export class SpareSegment {
  readonly #files: SpoolFiles;
  readonly #path: string;
  readonly #size: number;
  #state: "none" | "making" | "unwanted" | "ready" = "none";

  constructor(files: SpoolFiles, directory: string, size: number) {
    this.#files = files;
    this.#path = `${directory}/${fileName}`;
    this.#size = size;
    files.rmSync(this.#path, { force: true });
  }

  /** Bytes it takes on the device, those that are still to be written included. */
  get bytes(): number {
    return this.#state === "none" ? 0 : this.#size;
  }

  /** Size of the file that `take` would give; 0 when there is none. */
  get readyBytes(): number {
    return this.#state === "ready" ? this.#size : 0;
  }

  /** Makes one where there is none. `done` is called when it is there, or could not be made. */
  prepare(done: () => void = () => {}): void {
    if (this.#state !== "none") {
      return;
    }
    this.#state = "making";
    this.#files.writeFile(this.#path, Buffer.alloc(this.#size), { mode: 0o600, flush: true }, (error) => {
      const isReady = error === null && this.#state === "making";
      this.#state = isReady ? "ready" : "none";
      if (!isReady) {
        this.#files.rmSync(this.#path, { force: true });
      }
      done();
    });
  }

  /** Gives its path away; undefined when none is ready. Whoever takes it renames it. */
  take(): string | undefined {
    if (this.#state !== "ready") {
      return undefined;
    }
    this.#state = "none";
    return this.#path;
  }

  /** Takes it from the device, if need be once it is made: the spool is closed. */
  drop(): void {
    if (this.#state === "making") {
      this.#state = "unwanted";
    } else if (this.#state === "ready") {
      this.#state = "none";
      this.#files.rmSync(this.#path, { force: true });
    }
  }
}
