import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { Pace, realPaceWorld } from "./pace.ts";

/**
 * Draws the component anew at its `Pace`, however often it is asked to. The number counts the drawings, for memos.
 */
export function useFrame(): readonly [number, () => void] {
  const [version, setVersion] = useState(0);
  const pace = useRef<Pace | undefined>(undefined);
  pace.current ??= new Pace(realPaceWorld, () => setVersion((before) => before + 1));
  const ask = useCallback(() => pace.current?.ask(), []);
  useEffect(() => () => pace.current?.stop(), []);
  return [version, ask];
}
