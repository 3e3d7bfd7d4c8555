import type { Clock } from "#lib/clock.ts";
import type { Log } from "#lib/log.ts";
import { formatKey, type ObjectKey } from "#kinds/index.ts";
import type { Verdicts } from "./decide.ts";
import type { Snapshot } from "./snapshot.ts";
import { timestamp } from "./rows.ts";

/** How far the folder has been read. */
export interface FolderProgress {
  /** Monotonic milliseconds of the last read that was taken over; undefined: none was. */
  readonly lastReadMs: number | undefined;
  /** Manifest files there were then, and those of them with something that could not be read or accepted. */
  readonly files: number;
  readonly filesWithProblems: number;
}

/** The command that confirms a mass disappearance. */
export const confirmCommand = "sallyport deletions confirm";

/** What people must know about the folder. Says in the log what is new, once, and what is over. */
export class Reports {
  readonly #clock: Clock;
  readonly #log: Log;
  #scanFailure: Error | undefined;
  #problems: readonly string[] = [];
  #progress: FolderProgress = { lastReadMs: undefined, files: 0, filesWithProblems: 0 };
  #held: { readonly keys: readonly ObjectKey[]; readonly since: string } | undefined;

  /** Nothing to report yet. */
  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Why the last scan came to nothing; undefined where it did not. */
  scanFailure(): Error | undefined {
    return this.#scanFailure;
  }

  /** See `scanFailure`. */
  setScanFailure(failure: Error | undefined): void {
    if (failure !== undefined && failure.message !== this.#scanFailure?.message) {
      this.#log.error("the folder could not be taken over, all objects stay as they are", { why: failure.message });
    }
    this.#scanFailure = failure;
    if (failure === undefined) {
      this.#progress = { ...this.#progress, lastReadMs: this.#clock.monotonicMs() };
    }
  }

  progress(): FolderProgress {
    return this.#progress;
  }

  /** Takes over the problems of a scan. */
  setProblems({ fileProblems, refusals }: Verdicts, { files }: Pick<Snapshot, "files">): void {
    const bad = [...files.values()].filter(
      (file) => file.problems.length > 0 || file.entries.some(({ key }) => (refusals.get(key) ?? []).length > 0),
    );
    this.#progress = { ...this.#progress, files: files.size, filesWithProblems: bad.length };
    const problems = [...fileProblems, ...[...refusals.values()].flat()];
    const before = new Set(this.#problems);
    for (const problem of problems) {
      if (!before.has(problem)) {
        this.#log.warn("a manifest was not accepted, its last good version stays", { problem });
      }
    }
    this.#problems = problems;
  }

  /** Takes over which objects are held; none where the list is empty. */
  setHeld(keys: readonly ObjectKey[]): void {
    const before = this.#held;
    if (keys.length === 0) {
      this.#held = undefined;
      if (before !== undefined) {
        this.#log.info("deletions are no longer held");
      }
      return;
    }
    const names = keys.map(formatKey);
    if (before?.keys.map(formatKey).join() === names.join()) {
      return;
    }
    this.#held = Object.freeze({ keys, since: before?.since ?? timestamp(this.#clock.now()) });
    this.#log.error("too many objects disappeared at once, their deletion is held", {
      count: keys.length,
      keys: names,
      confirm: confirmCommand,
    });
  }

  /** See `Source.held`. */
  held(): { readonly keys: readonly ObjectKey[]; readonly since: string } | undefined {
    return this.#held;
  }

  /** Everything as sentences, the most serious first. */
  problems(): readonly string[] {
    const held = this.#held;
    return [
      ...(this.#scanFailure === undefined ? [] : [`The folder cannot be taken over: ${this.#scanFailure.message}.`]),
      ...(held === undefined
        ? []
        : [
            `${held.keys.length} objects disappeared at once since ${held.since}; their deletion is held. Bring the files ` +
              `back, or run \`${confirmCommand}\` to delete them. Expiry and revocation go on.`,
          ]),
      ...this.#problems,
    ];
  }
}
