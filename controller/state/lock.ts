import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { EpochMs } from "#lib/clock.ts";
import { coerceError, UserError } from "#lib/errors.ts";

/**
 * The locks of this process. A connection that nothing refers to is closed when it is collected, and its lock with it: a
 * caller that does not keep the lock object must hold the lock all the same.
 */
const heldConnections = new Set<DatabaseSync>();

/** Says that this process, and no other, writes to a state directory. */
export interface StateLock {
  release(): void;
}

/** Who holds the lock, for the message to whoever comes second. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  /** RFC 3339. */
  readonly since: string;
}

/**
 * Takes the single-writer lock of a state directory, which is made where it is missing. The lock is SQLite's exclusive lock
 * on `lock.db`, a lock of the operating system: it is gone with the process however that ended, so `kill -9` leaves nothing
 * that blocks a restart, and no process ID can be mistaken for a later one. It is a file of its own so that the state beside
 * it can be read, for a backup say, while the controller runs.
 * @throws {UserError} `StateLocked` where another controller holds it, `StateUnusable` where the directory cannot be written
 */
export function takeLock(directory: string, now: EpochMs): StateLock {
  const holderFile = join(directory, "holder.json");
  let db: DatabaseSync | undefined;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    db = new DatabaseSync(join(directory, "lock.db"), { timeout: 0 });
    db.exec("BEGIN EXCLUSIVE");
  } catch (thrown) {
    db?.close();
    throw isBusy(thrown) ? lockedBy(directory, readHolder(holderFile)) : unusable(directory, thrown);
  }
  const held = db;
  const holder: Holder = { pid: process.pid, host: hostname(), since: new Date(now).toISOString() };
  try {
    writeFileSync(holderFile, JSON.stringify(holder), { mode: 0o600 });
  } catch (thrown) {
    held.close();
    throw unusable(directory, thrown);
  }
  heldConnections.add(held);
  return {
    release() {
      if (heldConnections.delete(held)) {
        held.close();
      }
    },
  };
}

/** SQLITE_BUSY (5), with its extended codes in the upper bits. */
function isBusy(thrown: unknown): boolean {
  return thrown instanceof Error && "errcode" in thrown && (Number(thrown.errcode) & 0xff) === 5;
}

function readHolder(file: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Holder;
  } catch {
    return undefined;
  }
}

function lockedBy(directory: string, holder: Holder | undefined): UserError {
  const who = holder === undefined ? "" : `: process ${holder.pid} on ${holder.host}, since ${holder.since}`;
  return new UserError("StateLocked", `Another controller is using the state directory ${directory}${who}.`, {
    why: "Two controllers on one state would undo each other's work.",
    next: "Stop the other controller, or give this one a state directory of its own with --state.",
  });
}

/** The error for a state directory that cannot be made, read or written. */
export function unusable(directory: string, thrown: unknown): UserError {
  return new UserError("StateUnusable", `The state directory ${directory} cannot be used.`, {
    why: `${coerceError(thrown).message}.`,
    next: "Check that the directory is on a local disk with free space and that this user may write to it.",
    cause: thrown,
  });
}
