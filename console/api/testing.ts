import type { Browser } from "./browser.ts";

/** A browser of which a test says what happens: answers, time, whether somebody looks. */
export interface TestBrowser extends Browser {
  /** Requests so far, oldest first. */
  readonly requests: readonly { readonly path: string; readonly init: RequestInit }[];
  /** Answers the next request; those beyond the answers wait for one. */
  answer(response: Response | Error): void;
  /** Moves the time by `ms` milliseconds, and lets everything happen that follows. */
  pass(ms: number): Promise<void>;
  /** Shows or hides the page. */
  show(isVisible: boolean): Promise<void>;
}

/** See `TestBrowser`. `random` is always a half. */
export function testBrowser(): TestBrowser {
  const requests: { path: string; init: RequestInit }[] = [];
  const answers: (Response | Error)[] = [];
  const waiting: (() => void)[] = [];
  const timers = new Map<() => void, number>();
  const listeners = new Set<() => void>();
  let nowMs = 0;
  let visible = true;
  const take = (init: RequestInit): Promise<Response> =>
    new Promise((resolve, reject) => {
      const settle = (): void => {
        const next = answers.shift();
        if (next === undefined) {
          waiting.push(settle);
        } else if (next instanceof Error) {
          reject(next);
        } else {
          resolve(next);
        }
      };
      init.signal?.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
      settle();
    });
  return {
    requests,
    fetch(path, init) {
      requests.push({ path, init });
      return take(init);
    },
    random: () => 0.5,
    after(delayMs, callback) {
      const fire = (): void => callback();
      timers.set(fire, nowMs + delayMs);
      return () => timers.delete(fire);
    },
    isVisible: () => visible,
    onChange(callback) {
      listeners.add(callback);
      return () => listeners.delete(callback);
    },
    answer(response) {
      answers.push(response);
      waiting.shift()?.();
    },
    async pass(ms) {
      nowMs += ms;
      for (const [fire, atMs] of timers) {
        if (atMs <= nowMs) {
          timers.delete(fire);
          fire();
        }
      }
      await settled();
    },
    async show(isVisible) {
      visible = isVisible;
      for (const listener of listeners) {
        listener();
      }
      await settled();
    },
  };
}

/** Lets everything happen that waits for nothing but its turn. */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 0);
  });
}

/** An answer whose body a test writes piece by piece. */
export function openAnswer(): { readonly response: Response; write(text: string): void; end(): void; fail(): void } {
  const encoder = new TextEncoder();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const ignore = (): void => {};
  return {
    response: new Response(readable),
    write: (text) => void writer.write(encoder.encode(text)).catch(ignore),
    end: () => void writer.close().catch(ignore),
    fail: () => void writer.abort(new Error("cut")).catch(ignore),
  };
}
