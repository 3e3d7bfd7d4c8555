import { useEffect, useState } from "preact/hooks";

/** Whether the screen fits a media query, as it is now. */
export function useMedia(query: string): boolean {
  const [fits, setFits] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const look = (): void => setFits(list.matches);
    look();
    list.addEventListener("change", look);
    return () => list.removeEventListener("change", look);
  }, [query]);
  return fits;
}

/** A phone held upright, or a narrow window. */
export const narrow = "(max-width: 700px)";
