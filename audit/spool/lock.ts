import { DatabaseSync } from "node:sqlite";
import { UserError } from "#lib/errors.ts";

/** A held lock. `release` may be called once. */
export interface DirectoryLock {
  release(): void;
}

/** SQLITE_BUSY (sqlite.org/rescode.html). */
const sqliteBusy = 5;

/**
 * Makes this process the only writer of a directory until `release` or its death, however it dies: the operating system
 * drops the lock, and no stale lock is ever left. Node offers no file lock of its own, so SQLite's exclusive lock on an
 * empty database is used. Throws `UserError` `DirectoryInUse` when another process, or this one, holds it.
 */
export function lockDirectory(directory: string): DirectoryLock {
  const database = new DatabaseSync(`${directory}/lock`);
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (error instanceof Error && "errcode" in error && error.errcode === sqliteBusy) {
      throw new UserError("DirectoryInUse", `${directory} is in use by another process`, {
        why: "Only one process at a time may write there.",
        next: "Stop the other process, or give this one a directory of its own.",
        cause: error,
      });
    }
    throw error;
  }
  return { release: () => database.close() };
}
