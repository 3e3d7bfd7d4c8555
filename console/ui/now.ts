import { useEffect, useState } from "preact/hooks";

/** Each second; pages look at it less often as they say. */
const tickMs = 1_000;
const listeners = new Set<(now: number) => void>();
let timer: ReturnType<typeof setInterval> | undefined;

/** One timer for everything that shows the time, so that what stands together changes together. */
function listen(listener: (now: number) => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    const now = Date.now();
    for (const each of listeners) {
      each(now);
    }
  }, tickMs);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** The time by this browser's clock, in milliseconds since 1970, anew each `stepMs`. */
export function useNow(stepMs: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(
    () => listen((at) => setNow((shown) => (Math.floor(at / stepMs) === Math.floor(shown / stepMs) ? shown : at))),
    [stepMs],
  );
  return now;
}
