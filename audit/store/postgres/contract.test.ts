import { afterAll, beforeAll } from "vitest";
import { systemClock } from "#lib/clock.ts";
import { Secret } from "#lib/secret.ts";
import { startPostgres, type TestPostgres } from "#test/harness/postgres.ts";
import { storeContract } from "../contract.ts";
import { AuditStore } from "../store.ts";
import type { StoreAddress } from "./address.ts";
import { schemaName } from "./schema.ts";

let server: TestPostgres;

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

function address(): StoreAddress {
  const { host, port, database, superuser: user, password, caFile } = server;
  return { host, port, database, user, password: new Secret(password), tls: { caFile } };
}

storeContract("Postgres", async () => ({
  async open() {
    const store = await AuditStore.open({ postgres: address(), clock: systemClock });
    await store.claim("test");
    return store;
  },
  async remove() {
    await server.query(`DROP SCHEMA ${schemaName} CASCADE`);
  },
}));
