import { emptyChainState, type ChainState } from "./chain.ts";
import type { Boundary } from "./linking/linking.ts";
import { systemFiles, type SpoolFiles } from "./spool/files.ts";
import { loadStates, prepareStates, saveState } from "./spool/state-slots.ts";

/**
 * Where the chains stood at the beginnings of segments. The state before the oldest segment is kept on the device, since from there
 * all that is in the spool is linked again after a restart; a newer one must be there before older segments are given back.
 */
export class JournalState {
  readonly #files: SpoolFiles;
  readonly #directory: string;
  #slot = 0;
  #anchor: ChainState = emptyChainState;
  #saving = false;
  #closed = false;
  #known: Boundary[] = [];

  constructor(directory: string, files: SpoolFiles = systemFiles) {
    this.#files = files;
    this.#directory = directory;
  }

  /** State from which linking begins. */
  get anchor(): ChainState {
    return this.#anchor;
  }

  /** Segments before this number are not needed. */
  get neededFrom(): number {
    return this.#anchor.seq + 1;
  }

  /**
   * Finds the state before `firstSeq`, the oldest segment's. False when it is lost: then the newest older one is taken, and the
   * records after it do not follow on.
   */
  load(firstSeq: number): boolean {
    for (const { slot, text } of loadStates(this.#files, this.#directory)) {
      const state = JSON.parse(text) as ChainState;
      if (state.seq + 1 <= firstSeq && state.seq >= this.#anchor.seq) {
        this.#anchor = state;
        this.#slot = slot + 1;
      }
    }
    prepareStates(this.#files, this.#directory);
    return this.#anchor.seq + 1 === firstSeq;
  }

  /** Boundaries that linking has passed. */
  learn(boundaries: readonly Boundary[]): void {
    for (const boundary of boundaries) {
      if (boundary.firstSeq > this.neededFrom && !this.#known.some(({ firstSeq }) => firstSeq === boundary.firstSeq)) {
        this.#known.push(boundary);
      }
    }
  }

  /** Whether `moveTo(firstSeq)` has something to move to. */
  knows(firstSeq: number): boolean {
    return this.#known.some((known) => known.firstSeq === firstSeq);
  }

  /** Keeps the state of the segment that begins with `firstSeq`, if it is known, and then calls `saved`. */
  moveTo(firstSeq: number, saved: () => void): void {
    const boundary = this.#known.findLast((known) => known.firstSeq <= firstSeq);
    if (boundary === undefined || this.#saving) {
      return;
    }
    this.#saving = true;
    const { state } = boundary;
    saveState(this.#files, this.#directory, { slot: this.#slot, text: JSON.stringify(state) }, (isSaved) => {
      this.#saving = false;
      if (isSaved && !this.#closed) {
        this.#slot += 1;
        this.#anchor = state;
        this.#known = this.#known.filter((known) => known.firstSeq > boundary.firstSeq);
        saved();
      }
    });
  }

  /** Nothing is called back any more. */
  close(): void {
    this.#closed = true;
  }
}
