/**
 * Shortest time between two drawings, in milliseconds. Nobody reads lines that change more often, and each drawing of a list that runs
 * replaces a screen of rows, which costs the same however few statements came.
 */
export const drawEveryMs = 100;

/** What a pace needs of the browser. Each call gives back what undoes it. */
export interface PaceWorld {
  readonly nowMs: () => number;
  readonly after: (delayMs: number, callback: () => void) => () => void;
  /** Calls back before the next frame; never while the page is hidden. */
  readonly onFrame: (callback: () => void) => () => void;
}

/** Draws soon after it is asked to: in the next frame, and `drawEveryMs` after the last time at the earliest. However often it is asked, it draws once. */
export class Pace {
  readonly #world: PaceWorld;
  readonly #draw: () => void;
  #drawnMs = Number.NEGATIVE_INFINITY;
  #cancel: (() => void) | undefined;

  constructor(world: PaceWorld, draw: () => void) {
    this.#world = world;
    this.#draw = draw;
  }

  ask(): void {
    if (this.#cancel !== undefined) {
      return;
    }
    const waitMs = this.#drawnMs + drawEveryMs - this.#world.nowMs();
    if (waitMs > 0) {
      this.#cancel = this.#world.after(waitMs, () => this.#onNextFrame());
    } else {
      this.#onNextFrame();
    }
  }

  /** Forgets what it was asked. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #onNextFrame(): void {
    this.#cancel = this.#world.onFrame(() => {
      this.#cancel = undefined;
      this.#drawnMs = this.#world.nowMs();
      this.#draw();
    });
  }
}

/** The real one. */
export const realPaceWorld: PaceWorld = {
  nowMs: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
  onFrame(callback) {
    const frame = requestAnimationFrame(callback);
    return () => cancelAnimationFrame(frame);
  },
};
