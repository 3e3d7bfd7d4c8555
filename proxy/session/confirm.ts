import type { Duplex } from "node:stream";
import { type Clock, pause } from "#lib/clock.ts";
import { ignoreErrors } from "../streams.ts";
import type { PasswordSource, UpstreamTarget } from "../upstream/target.ts";

/** How long a cut waits for the server to say that the backend is gone. A rollback of a large transaction takes its time. */
export const confirmTimeoutMs = 15_000;
/** Between two looks at the server's list of backends. */
export const confirmEveryMs = 100;
/** Before another try to get a second connection: where many sessions end at once, slots come free as they do. */
const confirmAgainMs = 250;

/** Whether the server's backend was seen to be gone. */
export type BackendFate = "gone" | "alive" | "unknown";

/** A backend as a second connection of its role finds it. */
export interface BackendRef {
  /** With the address of the backend's own server: another one behind the same name knows nothing of it, and has others by its number. */
  readonly target: UpstreamTarget & { readonly address: string };
  readonly username: string;
  readonly databaseName: string;
  readonly password: PasswordSource;
  /** The server's own number of it. */
  readonly pid: number;
  /** How long ago its login was answered; tells it from a later one with the same number. */
  readonly ageMs: number;
}

/** Time, and the moment from which on nothing more is tried. */
export interface ConfirmOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Terminates a backend over a connection of its own role, and looks until it is gone. `alive` when the signal ends it first,
 * `unknown` where the server's numbers are not those of backends (a pooler made them up). Throws when there is no such connection.
 */
export type TerminateBackend = (backend: BackendRef, options: ConfirmOptions) => Promise<BackendFate>;

/**
 * Tries to terminate a backend until a try is answered or the signal ends it. Where there is no second connection (a server without a
 * free slot, or gone itself), its closing `socket`, the session's own, is a sign as good as any.
 */
export async function confirmGone(
  socket: Duplex,
  terminate: () => Promise<BackendFate>,
  options: ConfirmOptions,
): Promise<BackendFate> {
  const socketClosed = closedByServer(socket);
  while (!options.signal.aborted) {
    try {
      return await terminate();
    } catch {
      const again = pause(options.clock, confirmAgainMs, options.signal).catch(() => {});
      await Promise.race(socket.destroyed ? [again] : [socketClosed, again]);
      if (socket.readableEnded) {
        return "gone";
      }
      await again;
    }
  }
  return "unknown";
}

function closedByServer(socket: Duplex): Promise<void> {
  ignoreErrors(socket);
  return new Promise((resolve) => {
    socket.once("end", resolve);
    socket.once("close", () => resolve());
  });
}
