import { type ComponentChildren, createContext } from "preact";
import { useCallback, useContext, useEffect, useState } from "preact/hooks";

/** How long a message stays on the screen, in milliseconds: two lines are read in half of it. */
const shownMs = 6_000;

type Announce = (message: string) => void;
const AnnounceContext = createContext<Announce>(() => {});

/** Says a change to everybody: a line at the edge of the screen, and the same to screen readers. */
export function useAnnounce(): Announce {
  return useContext(AnnounceContext);
}

/** The one live region of the page. */
export function Announcer({ children }: { readonly children: ComponentChildren }) {
  const [said, setSaid] = useState<{ readonly message: string; readonly count: number }>({ message: "", count: 0 });
  const announce = useCallback<Announce>(
    (message) => setSaid(({ count }) => ({ message, count: count + 1 })),
    [setSaid],
  );
  useEffect(() => {
    if (said.message === "") {
      return;
    }
    const timer = setTimeout(() => setSaid(({ count }) => ({ message: "", count })), shownMs);
    return () => clearTimeout(timer);
  }, [said.count, said.message]);
  return (
    <AnnounceContext.Provider value={announce}>
      {children}
      <div class="announcer" role="status" aria-live="polite">
        {said.message === "" ? null : (
          <p key={said.count} class="announcement">
            {said.message}
          </p>
        )}
      </div>
    </AnnounceContext.Provider>
  );
}
