/** What the API client needs of the browser. Tests give another. */
export interface Browser {
  readonly fetch: (path: string, init: RequestInit) => Promise<Response>;
  /** From 0 (included) to 1 (excluded). */
  readonly random: () => number;
  /** Calls back after `delayMs`, once; the result cancels. */
  readonly after: (delayMs: number, callback: () => void) => () => void;
  /** Whether somebody can see the page. */
  readonly isVisible: () => boolean;
  /** Calls back whenever the page is shown or hidden, or the network comes back; the result stops it. */
  readonly onChange: (callback: () => void) => () => void;
}

/** The real one. */
export const realBrowser: Browser = {
  fetch: (path, init) => fetch(path, init),
  random: Math.random,
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
  isVisible: () => document.visibilityState !== "hidden",
  onChange(callback) {
    document.addEventListener("visibilitychange", callback);
    window.addEventListener("online", callback);
    return () => {
      document.removeEventListener("visibilitychange", callback);
      window.removeEventListener("online", callback);
    };
  },
};
