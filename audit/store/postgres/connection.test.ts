import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type StoreStand, startStoreStand } from "#test/harness/audit-postgres.ts";
import { askedTooMuch, clientConfig } from "./connection.ts";

let stand: StoreStand;

beforeAll(async () => {
  stand = await startStoreStand();
});
afterAll(() => stand.server.stop());

it("what took too long is told as such, and nothing else is", async () => {
  const client = new pg.Client({
    ...clientConfig({ ...stand.address, password: stand.server.password }, "test"),
    statement_timeout: 1,
  });
  await client.connect();

  const late: unknown = await client.query("SELECT pg_sleep(60)").catch((error: unknown) => error);
  const wrong: unknown = await client.query("SELECT nothing").catch((error: unknown) => error);
  await client.end();

  expect(askedTooMuch(late)).toMatchObject({ code: "SearchTooLong" });
  expect(askedTooMuch(wrong)).toBeUndefined();
});
