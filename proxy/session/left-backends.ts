import { type Clock, pause } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";
import type { Log } from "#lib/log.ts";
import type { PasswordSource } from "../upstream/target.ts";
import type { BackendBook, NotedBackend } from "./backend-book.ts";
import { type BackendFate, confirmTimeoutMs, type TerminateBackend } from "./confirm.ts";
import { terminateBackend } from "./end.ts";
import { terminateThread } from "./mysql-end.ts";

/** How each engine ends a backend. */
const terminators: Readonly<Record<NotedBackend["database"]["engine"], TerminateBackend>> = {
  PostgreSQL: terminateBackend,
  MySQL: terminateThread,
  MariaDB: terminateThread,
};

/** Pauses between two tries to reach a database; they double. A database that restarts is back within a minute or two. */
export const leftRetryMs = { first: 1_000, longest: 30_000 } as const;

/** What ending them needs. */
export interface LeftBackendPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly authorities: readonly string[];
  readonly passwordOf: (backend: NotedBackend) => PasswordSource;
  /** Aborted when the proxy stops. */
  readonly signal: AbortSignal;
}

/**
 * Ends what a killed process of this task left running in databases, one after the other: a session's work may not outlive
 * its proxy, which alone knows when the grant ends. Tries again until each is gone. Never rejects.
 */
export async function endLeftBackends(book: BackendBook, left: readonly NotedBackend[], ports: LeftBackendPorts) {
  const { clock, log, signal } = ports;
  let open = left;
  for (let pauseMs: number = leftRetryMs.first; open.length > 0 && !signal.aborted;) {
    const still: NotedBackend[] = [];
    for (const backend of open) {
      const fate = await endOne(backend, ports);
      log.info("backend of a killed proxy", { session: backend.session, grantID: backend.grantID, fate });
      if (fate === "gone") {
        book.forget(backend.session);
      } else {
        still.push(backend);
      }
    }
    open = still;
    if (open.length > 0) {
      await pause(clock, pauseMs, signal).catch(() => {});
      pauseMs = Math.min(pauseMs * 2, leftRetryMs.longest);
    }
  }
}

async function endOne(backend: NotedBackend, ports: LeftBackendPorts): Promise<BackendFate> {
  const { clock, log, authorities, passwordOf, signal } = ports;
  const { database, role, address, pid, loggedIn } = backend;
  const { host, port, tlsMode, databaseName } = database;
  const giveUp = new AbortController();
  const cancelTimer = clock.after(confirmTimeoutMs, () => giveUp.abort(new Error("timeout")));
  try {
    return await terminators[database.engine](
      {
        target: { host, port, address, tlsMode, authorities },
        username: role.username,
        databaseName,
        password: passwordOf(backend),
        pid,
        // A clock that was set back makes it no older than now; the role can end its own backends only.
        ageMs: Math.max(0, clock.now() - loggedIn),
      },
      { clock, signal: AbortSignal.any([signal, giveUp.signal]) },
    );
  } catch (error) {
    log.warn("backend of a killed proxy cannot be reached yet", {
      session: backend.session,
      error: coerceError(error),
    });
    return "unknown";
  } finally {
    cancelTimer();
  }
}
