import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { UserError } from "#lib/errors.ts";
import { lockDirectory } from "../spool/lock.ts";
import { trailPaths } from "../trail-directory.ts";
import { parseStoreAddress } from "./postgres/address.ts";
import { migratePostgres } from "./postgres/migrate-store.ts";
import { migrations as postgresMigrations } from "./postgres/schema.ts";
import { migrate, migrations } from "./schema.ts";

/** The newest schemas that this release knows. */
export const storeVersions = { sqlite: migrations.length, postgres: postgresMigrations.length } as const;

/**
 * Brings a store to schema `to`, forward or back, and answers which it had. `path` is a state directory, `url` a Postgres. Throws
 * `UserError` when it is of a newer release, in use, or not there.
 */
export async function migrateStore(
  place: { readonly path: string } | { readonly url: string },
  to: number,
): Promise<number> {
  return "path" in place ? migrateFile(place.path, to) : migratePostgres(parseStoreAddress(place.url), to);
}

function migrateFile(state: string, to: number): number {
  const { store, heads } = trailPaths(state);
  if (!existsSync(store)) {
    throw new UserError("NoTrail", `${state} holds no audit trail`, {
      why: `${store} is not there.`,
      next: "Name the directory that the controller was given as --state.",
    });
  }
  // A controller that runs holds the lock of the head log.
  const lock = existsSync(heads) ? lockDirectory(heads) : undefined;
  const database = new DatabaseSync(store);
  try {
    const from = Number(database.prepare("PRAGMA user_version").get()?.["user_version"]);
    migrate(database, migrations, to);
    return from;
  } finally {
    database.close();
    lock?.release();
  }
}
