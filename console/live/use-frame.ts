import { useCallback, useEffect, useRef, useState } from "preact/hooks";

/**
 * Draws the component anew at most once a frame, however often it is asked to. The number counts the drawings, for memos.
 */
export function useFrame(): readonly [number, () => void] {
  const [version, setVersion] = useState(0);
  const asked = useRef<number | undefined>(undefined);
  const ask = useCallback(() => {
    asked.current ??= requestAnimationFrame(() => {
      asked.current = undefined;
      setVersion((before) => before + 1);
    });
  }, []);
  useEffect(
    () => () => {
      if (asked.current !== undefined) {
        cancelAnimationFrame(asked.current);
      }
    },
    [],
  );
  return [version, ask];
}
