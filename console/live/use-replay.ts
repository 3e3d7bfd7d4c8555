import { useEffect, useRef, useState } from "preact/hooks";
import { advance, type Replay } from "./replay.ts";

/** A replay that goes on by the frame while it plays. Undefined: the whole session is shown. */
export function useReplay(
  times: () => readonly number[],
): readonly [Replay | undefined, (replay: Replay | undefined) => void] {
  const [replay, setReplay] = useState<Replay>();
  const current = useRef(times);
  current.current = times;
  const isPlaying = replay?.isPlaying === true;
  useEffect(() => {
    if (!isPlaying) {
      return undefined;
    }
    let before = performance.now();
    let frame = requestAnimationFrame(function next(now) {
      const elapsed = Math.max(0, now - before);
      before = now;
      setReplay((shown) => (shown === undefined ? shown : advance(shown, elapsed, current.current())));
      frame = requestAnimationFrame(next);
    });
    return () => cancelAnimationFrame(frame);
  }, [isPlaying]);
  return [replay, setReplay];
}
