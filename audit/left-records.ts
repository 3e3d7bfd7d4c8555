import type { EpochMs } from "#lib/clock.ts";
import { ChainLinker, type SessionState } from "./chain.ts";
import { tryDecodeEntry } from "./entry/decode.ts";
import type { JournalState } from "./journal-state.ts";

/** What the last process left, gone over entry by entry while the spool is opened. */
export class LeftRecords {
  readonly damage: string[] = [];
  readonly #proxy: string;
  readonly #task: string;
  readonly #state: JournalState;
  #linker: ChainLinker | undefined;

  constructor(proxy: string, task: string, state: JournalState) {
    this.#proxy = proxy;
    this.#task = task;
    this.#state = state;
  }

  /** Answers when it was written; undefined where that cannot be read. */
  take(bytes: Buffer, seq: number, oldestSeq: () => number): EpochMs | undefined {
    this.#linker ??= this.#begin(oldestSeq());
    const entry = tryDecodeEntry(bytes);
    if (entry === undefined) {
      this.damage.push(`Record ${seq} cannot be read by this release.`);
    } else {
      this.#linker.pass(entry.body, seq);
    }
    return entry?.time;
  }

  /** All entries were given; `oldestSeq` is where they begin when there was none. */
  finish(oldestSeq: number): void {
    this.#linker ??= this.#begin(oldestSeq);
  }

  openSessions(): SessionState[] {
    return this.#linker?.openSessions() ?? [];
  }

  #begin(oldestSeq: number): ChainLinker {
    if (!this.#state.load(oldestSeq)) {
      this.damage.push(`The state of the chains before record ${oldestSeq} is lost.`);
    }
    return new ChainLinker(this.#proxy, this.#task, this.#state.anchor);
  }
}
