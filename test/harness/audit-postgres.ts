import { systemClock, type Clock } from "#lib/clock.ts";
import { Secret } from "#lib/secret.ts";

import type { StoreAddress } from "#audit/store/postgres/address.ts";
import { schemaName } from "#audit/store/postgres/schema.ts";
import { AuditStore } from "#audit/store/store.ts";
import { startPostgres, type TestPostgres } from "./postgres.ts";

/** A Postgres for tests of the store, and stores on it. */
export interface StoreStand {
  readonly server: TestPostgres;
  readonly address: StoreAddress;
  /** A store that may only read, until `claim`. */
  open(clock?: Clock, address?: StoreAddress): Promise<AuditStore>;
  /** Closes the stores that were opened and empties the database. */
  clear(): Promise<void>;
}

/** Starts the server. */
export async function startStoreStand(): Promise<StoreStand> {
  const server = await startPostgres();
  const { host, port, database, superuser: user, password, caFile } = server;
  const address = { host, port, database, user, password: new Secret(password), tls: { caFile } };
  let stores: AuditStore[] = [];
  return {
    server,
    address,
    async open(clock = systemClock, at = address) {
      const store = await AuditStore.open({ postgres: at, clock });
      stores.push(store);
      return store;
    },
    async clear() {
      await Promise.all(stores.map((store) => store.close()));
      stores = [];
      await server.query(`DROP SCHEMA IF EXISTS ${schemaName} CASCADE`);
    },
  };
}
