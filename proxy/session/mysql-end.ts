import { type Clock, pause } from "#lib/clock.ts";
import type { MySqlUpstream } from "../upstream/mysql-login.ts";
import { ask, MySqlQueryError, openSide, quit } from "../upstream/mysql-side.ts";
import type { PasswordSource } from "../upstream/target.ts";
import {
  type BackendFate,
  type BackendRef,
  confirmEveryMs,
  confirmGone,
  type ConfirmOptions,
  confirmTimeoutMs,
} from "./confirm.ts";

/** How long the KILL for a client that left may take: the server handles it within milliseconds. */
const cancelTimeoutMs = 5_000;
/** ER_NO_SUCH_THREAD, and ER_KILL_DENIED_ERROR: by now the number is that of somebody else's connection. */
const goneErrors: ReadonlySet<number> = new Set([1094, 1095]);
/** Uptime has whole seconds, rounded down on both ends. */
const uptimeSlackSeconds = 2;
/** Two clocks that drift from each other, in parts of the age. */
const driftTolerance = 100;

/** One session's connection to its server, and how to reach that server again. */
export interface Thread {
  readonly upstream: MySqlUpstream;
  readonly target: BackendRef["target"];
  readonly username: string;
  readonly password: PasswordSource;
  /** Whether the server was sent more than the one command it works on: none of the rest may begin. */
  readonly isPipelined: boolean;
  /** By the monotonic clock. */
  readonly loggedInMs: number;
}

/**
 * Ends what a connection does and makes sure that it is gone. The server notices that its client has left only between two statements,
 * so the connection is closed, or broken off where more commands are on their way, and killed over a second connection of the same
 * role, which may do so to its own ones. That connection names no default schema, which the role might not be let into. What a killed
 * statement then does is the server's: MySQL's SLEEP returns 1, and an INSERT around it is committed as if it had slept.
 */
export async function endThread(
  { upstream, loggedInMs, isPipelined, ...rest }: Thread,
  clock: Clock,
): Promise<BackendFate> {
  const giveUp = new AbortController();
  const cancelTimer = clock.after(confirmTimeoutMs, () => giveUp.abort(new Error("timeout")));
  const options = { clock, signal: giveUp.signal };
  if (isPipelined) {
    upstream.reset();
  } else {
    upstream.socket.end();
    upstream.socket.resume();
  }
  const pid = upstream.greeting.threadID;
  const terminate = (): Promise<BackendFate> =>
    terminateThread({ ...rest, databaseName: "", pid, ageMs: clock.monotonicMs() - loggedInMs }, options);
  try {
    return await confirmGone(upstream.socket, terminate, options);
  } finally {
    cancelTimer();
    upstream.socket.destroy();
  }
}

/**
 * Kills a connection of a MySQL or MariaDB server; see `TerminateBackend`. KILL is repeated until the server knows no such thread: it
 * is listed until its rollback is done.
 */
export async function terminateThread(backend: BackendRef, options: ConfirmOptions): Promise<BackendFate> {
  const { target, username, password, pid, ageMs } = backend;
  return onSide({ target, username, password }, options, async (side) => {
    // Where the greeting's number is not the connection's own, a pooler made it up.
    const [own] = await ask(side, "select connection_id()");
    if (own?.[0] !== String(side.greeting.threadID)) {
      return "unknown";
    }
    const [uptime] = await ask(side, "show global status like 'Uptime'");
    const ageSeconds = ageMs / 1_000;
    // A server that has started anew has lost the connection, and counts its threads from one again.
    if (Number(uptime?.[1]) + uptimeSlackSeconds + ageSeconds / driftTolerance < ageSeconds) {
      return "gone";
    }
    while (!options.signal.aborted) {
      if (!(await kill(side, pid))) {
        return "gone";
      }
      await pause(options.clock, confirmEveryMs, options.signal);
    }
    return "alive";
  }).catch((error: unknown): BackendFate => {
    if (options.signal.aborted) {
      return "alive";
    }
    throw error;
  });
}

/**
 * Asks the server to break off what a connection runs, and the connection with it, over a connection of the same role: for a client that
 * has left. Throws `UpstreamError`.
 */
export async function cancelThread(
  { upstream, target, username, password }: Omit<Thread, "loggedInMs" | "isPipelined">,
  clock: Clock,
): Promise<void> {
  const giveUp = new AbortController();
  const cancelTimer = clock.after(cancelTimeoutMs, () => giveUp.abort(new Error("timeout")));
  try {
    await onSide({ target, username, password }, { clock, signal: giveUp.signal }, (side) =>
      kill(side, upstream.greeting.threadID),
    );
  } finally {
    cancelTimer();
  }
}

/** Whether the server still had such a thread. */
async function kill(side: MySqlUpstream, threadID: number): Promise<boolean> {
  try {
    await ask(side, `kill connection ${Math.trunc(threadID)}`);
    return true;
  } catch (error) {
    if (error instanceof MySqlQueryError && goneErrors.has(error.errno)) {
      return false;
    }
    throw error;
  }
}

async function onSide<T>(
  login: Pick<Thread, "target" | "username" | "password">,
  options: ConfirmOptions,
  use: (side: MySqlUpstream) => Promise<T>,
): Promise<T> {
  const side = await openSide(login.target, login, options);
  // A server that takes the login and then says nothing more must not hold up anything.
  const onAbort = (): void => void side.socket.destroy();
  options.signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await use(side);
  } finally {
    options.signal.removeEventListener("abort", onAbort);
    quit(side);
  }
}
