import type { Clock } from "#lib/clock.ts";
import { serialize } from "pg-protocol";
import { pause } from "#lib/clock.ts";
import type { Upstream } from "../upstream/login.ts";
import { queryUpstream } from "../upstream/query.ts";
import { cancelUpstream, closeUpstream, openSide } from "../upstream/side.ts";
import type { PasswordSource } from "../upstream/target.ts";
import {
  type BackendFate,
  type BackendRef,
  confirmEveryMs,
  confirmGone,
  type ConfirmOptions,
  confirmTimeoutMs,
} from "./confirm.ts";

/** One session's backend, and how to reach its server again. */
export interface Backend {
  readonly upstream: Upstream;
  readonly target: BackendRef["target"];
  readonly username: string;
  readonly databaseName: string;
  readonly password: PasswordSource;
  /** Whether the server was sent more than the one statement it works on: none of the rest may begin. */
  readonly isPipelined: boolean;
  /** By the monotonic clock; tells this backend from a later one with the same pid. */
  readonly loggedInMs: number;
}

/**
 * Ends what a backend does and makes sure that it is gone. Closing the socket is not enough: the server goes on until the
 * statement is done, and commits it. So the statement is cancelled, the connection closed, and the backend terminated and looked
 * for over a second connection of the same role, which may do both to its own sessions. Cancelling alone would only clear the way
 * for what is queued behind the statement, so then the connection is broken off first.
 */
export async function endBackend(backend: Backend, clock: Clock): Promise<BackendFate> {
  const { upstream, target } = backend;
  const giveUp = new AbortController();
  const cancelTimer = clock.after(confirmTimeoutMs, () => giveUp.abort(new Error("timeout")));
  const options = { clock, signal: giveUp.signal };
  if (backend.isPipelined) {
    upstream.reset();
  } else {
    upstream.socket.end(serialize.end());
    upstream.socket.resume();
  }
  const cancelled =
    upstream.key === undefined ? Promise.resolve() : cancelUpstream(target, upstream.key, options).catch(() => {});
  try {
    const { pid } = upstream;
    if (pid === undefined) {
      return "unknown";
    }
    const terminate = (): Promise<BackendFate> =>
      terminateBackend({ ...backend, pid, ageMs: clock.monotonicMs() - backend.loggedInMs }, options);
    return await confirmGone(upstream.socket, terminate, options);
  } finally {
    await cancelled;
    cancelTimer();
    upstream.socket.destroy();
  }
}

/** Terminates a Postgres backend; see `TerminateBackend`. */
export async function terminateBackend(backend: BackendRef, options: ConfirmOptions): Promise<BackendFate> {
  const { pid, target, username, databaseName, password } = backend;
  const side = await openSide(target, { username, databaseName, password }, options);
  // A server that takes the login and then says nothing more must not hold up anything.
  const onAbort = (): void => void side.socket.destroy();
  options.signal.addEventListener("abort", onAbort, { once: true });
  try {
    // A key whose process ID is not the backend's own is a pooler's; without a key, the server itself was asked.
    const [own] = await queryUpstream(side, "select pg_catalog.pg_backend_pid()");
    if (side.pid === undefined || own?.[0] !== String(side.pid)) {
      return "unknown";
    }
    const [found] = await queryUpstream(side, terminateSQL(pid, backend.ageMs / 1_000 / clockTolerance));
    const started = found?.[1];
    if (started === undefined || started === null) {
      return "gone";
    }
    while (!options.signal.aborted) {
      const [left] = await queryUpstream(side, aliveSQL(pid, started));
      if (left === undefined) {
        return "gone";
      }
      await pause(options.clock, confirmEveryMs, options.signal);
    }
    return "alive";
  } catch (error) {
    if (options.signal.aborted) {
      return "alive";
    }
    throw error;
  } finally {
    options.signal.removeEventListener("abort", onAbort);
    closeUpstream(side);
  }
}

/** A backend that took the pid over is much younger than ours; half the age leaves room for clocks that drift or are set. */
const clockTolerance = 2;

/** When a backend started, as a number: how dates are written is a setting of the role. */
const startedSQL = "extract(epoch from backend_start)::pg_catalog.text";

/**
 * Terminates the backend, unless the pid is by now that of another one: ours started before its login was answered.
 * Names are qualified: the role's own search_path settings must not choose what runs here. */
function terminateSQL(pid: number, ageSeconds: number): string {
  return (
    "select pg_catalog.pg_terminate_backend(pid), " +
    `${startedSQL} from pg_catalog.pg_stat_activity where pid operator(pg_catalog.=) ${Math.trunc(pid)} and backend_start operator(pg_catalog.<=) ` +
    `(pg_catalog.clock_timestamp() operator(pg_catalog.-) pg_catalog.make_interval(secs => ${ageSeconds.toFixed(3)}))`
  );
}

function aliveSQL(pid: number, started: string): string {
  const literal = started.replaceAll(/[^0-9.]/g, "");
  return (
    "select pid from pg_catalog.pg_stat_activity " +
    `where pid operator(pg_catalog.=) ${Math.trunc(pid)} and ${startedSQL} operator(pg_catalog.=) '${literal}'`
  );
}
