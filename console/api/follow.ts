import { backOffMs } from "./back-off.ts";
import type { Browser } from "./browser.ts";
import { LineSplitter } from "./lines.ts";
import { asProblem, type Problem, unreachable } from "./problem.ts";
import { type Query, withQuery } from "./query.ts";

/** Without a line for this long a connection is dead: three of the heartbeats that the controller sends each 15 s. */
export const silenceMs = 45_000;
/**
 * A page that nobody sees gives its connections back after this long: a browser allows six to one server, for all tabs together.
 * Short looks elsewhere keep them.
 */
export const hiddenGraceMs = 60_000;

/**
 * How a stream is.
 * - `connecting`: the first connection, or one after a pause, is being made.
 * - `live`: lines come.
 * - `waiting`: the connection was lost; the next try is on its way.
 * - `paused`: nobody sees the page.
 * - `refused`: the controller does not allow it; it will not be tried again.
 */
export type StreamState = "connecting" | "live" | "waiting" | "paused" | "refused";

export interface FollowOptions<T> {
  /** Query of the next connection; asked again for each, so that a stream resumes after what it has. */
  readonly query?: () => Query;
  /** All lines that came in one piece, in order; `{}` is left out. What is counted here must be in the next `query`. */
  readonly onLines: (lines: readonly T[]) => void;
  /** `{}` came, after the lines of its piece: a heartbeat, or the end of what a stream tells at first. */
  readonly onBeat?: () => void;
  /** A connection was made: what follows is either everything anew or, where `query` resumes, the rest. */
  readonly onOpen?: () => void;
  readonly onState?: (state: StreamState, problem?: Problem) => void;
  /** Ends it. */
  readonly signal: AbortSignal;
}

interface FollowWorld {
  readonly browser: Browser;
  readonly open: (path: string, init: RequestInit) => Promise<Response>;
}

/** See `Api.follow`. */
export function follow<T>(path: string, options: FollowOptions<T>, world: FollowWorld): void {
  void keepFollowing(path, options, world);
}

async function keepFollowing<T>(path: string, options: FollowOptions<T>, world: FollowWorld): Promise<void> {
  const { signal, onState } = options;
  let attempt = 0;
  onState?.("connecting");
  while (!signal.aborted) {
    const connection = watchOver(world.browser, signal);
    let problem: Problem | undefined;
    try {
      const answer = await world.open(withQuery(path, options.query?.()), { signal: connection.signal });
      await readAll(answer, options, connection, () => {
        attempt = 0;
        onState?.("live");
      });
    } catch (error) {
      problem = connection.signal.aborted ? unreachable() : asProblem(error);
    } finally {
      connection.close();
    }
    if (signal.aborted) {
      return;
    }
    if (problem !== undefined && isFinal(problem)) {
      onState?.("refused", problem);
      return;
    }
    if (connection.wasHidden()) {
      onState?.("paused");
      await visible(world.browser, signal);
      onState?.("connecting");
      continue;
    }
    attempt += 1;
    onState?.("waiting", problem);
    await pause(world.browser, backOffMs(attempt, world.browser.random()), signal);
  }
}

/** Answers that another try does not change: who may not, still may not. 401 too: signing in again starts anew. */
function isFinal({ status }: Problem): boolean {
  return status >= 400 && status < 500 && status !== 408 && status !== 429;
}

async function readAll<T>(
  answer: Response,
  { onLines, onBeat, onOpen }: FollowOptions<T>,
  connection: Connection,
  onLive: () => void,
): Promise<void> {
  const reader = (answer.body ?? new ReadableStream<Uint8Array>()).getReader();
  const decoder = new TextDecoder();
  const splitter = new LineSplitter();
  connection.signal.addEventListener("abort", () => void reader.cancel().catch(() => {}), { once: true });
  connection.heard();
  onOpen?.();
  onLive();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    connection.heard();
    const values = splitter.push(decoder.decode(piece.value, { stream: true }));
    const lines = values.filter((value) => !isBeat(value)) as T[];
    // Who asked to stop while the piece was on its way has no place for it any more.
    if (lines.length > 0 && !connection.signal.aborted) {
      onLines(lines);
    }
    if (lines.length < values.length && !connection.signal.aborted) {
      onBeat?.();
    }
  }
}

function isBeat(line: unknown): boolean {
  return typeof line === "object" && line !== null && Object.keys(line).length === 0;
}

/** One connection's guard: aborts when it is silent, when nobody looks, or when the whole is over. */
interface Connection {
  readonly signal: AbortSignal;
  heard(): void;
  wasHidden(): boolean;
  close(): void;
}

function watchOver(browser: Browser, over: AbortSignal): Connection {
  const abort = new AbortController();
  let hidden = false;
  let cancelHidden = (): void => {};
  let cancelSilence = (): void => {};
  const heard = (): void => {
    cancelSilence();
    cancelSilence = browser.after(silenceMs, () => abort.abort());
  };
  const look = (): void => {
    cancelHidden();
    cancelHidden = browser.isVisible()
      ? () => {}
      : browser.after(hiddenGraceMs, () => {
          hidden = true;
          abort.abort();
        });
  };
  const end = (): void => abort.abort();
  over.addEventListener("abort", end, { once: true });
  const stopLooking = browser.onChange(look);
  look();
  heard();
  return {
    signal: abort.signal,
    heard,
    wasHidden: () => hidden,
    close() {
      over.removeEventListener("abort", end);
      stopLooking();
      cancelHidden();
      cancelSilence();
      // Gives the connection back where reading ended by a line that could not be read.
      abort.abort();
    },
  };
}

/** Resolves when the page is seen again, or at the end. */
function visible(browser: Browser, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stop();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const stop = browser.onChange(() => {
      if (browser.isVisible()) {
        done();
      }
    });
    signal.addEventListener("abort", done, { once: true });
    if (browser.isVisible()) {
      done();
    }
  });
}

/** Resolves after the pause, at the end, or as soon as the network is back or the page is looked at again. */
function pause(browser: Browser, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      stop();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const cancel = browser.after(delayMs, done);
    const stop = browser.onChange(() => {
      if (browser.isVisible()) {
        done();
      }
    });
    signal.addEventListener("abort", done, { once: true });
  });
}
