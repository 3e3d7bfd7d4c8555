import type { ManualClock } from "#lib/clock.ts";

/** Moves the clock step by step until the promise settles; between steps everything that is on its way arrives. */
export async function advanceUntil<T>(clock: ManualClock, stepMs: number, promise: Promise<T>): Promise<T> {
  const state = { isOver: false };
  const over = (): void => {
    state.isOver = true;
  };
  promise.then(over, over);
  while (!state.isOver) {
    clock.advance(stepMs);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return promise;
}
