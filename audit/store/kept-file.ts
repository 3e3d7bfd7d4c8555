import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { coerceError, UserError } from "#lib/errors.ts";
import { assertKnownSchema } from "./schema.ts";

/**
 * Opens a store that is looked at as it was kept: nothing of it is changed, and its schema stays as old as it is. Throws `UserError` where
 * the file cannot be read, was written by a newer release, or holds no store.
 */
export function openKeptFile(path: string): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(placeOf(path), { readOnly: true });
    if (assertKnownSchema(database) === 0) {
      throw new UserError("NoTrail", `${path} holds no audit trail`, {
        why: "It has no schema.",
        next: "Name the directory that the controller was given as --state, or a copy of it.",
      });
    }
    return database;
  } catch (error) {
    database?.close();
    if (error instanceof UserError) {
      throw error;
    }
    throw new UserError("FileUnreadable", `${path} cannot be read`, {
      why: coerceError(error).message,
      next: "Copy the whole directory to where this user may read and write, and name the copy.",
      cause: error,
    });
  }
}

/**
 * A file alone is all there is: SQLite then needs no files of its own beside it, so the directory may be read-only
 * (sqlite.org/uri.html#uriimmutable). With a log beside it, there is more than the file holds (sqlite.org/wal.html#read_only_databases).
 */
function placeOf(path: string): string | URL {
  if (existsSync(`${path}-wal`)) {
    return path;
  }
  const url = pathToFileURL(path);
  url.searchParams.set("immutable", "1");
  return url;
}
