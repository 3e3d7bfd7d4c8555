import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import path from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type StoreStand, startStoreStand } from "#test/harness/audit-postgres.ts";
import { testChain, wholeSession } from "../../testing/chains.ts";
import { askedTooMuch, clientConfig } from "./connection.ts";
import { StoreWriter } from "./writer.ts";

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

it("what is confirmed is on the device, whatever the role was set to", async () => {
  await stand.server.query("ALTER ROLE postgres SET synchronous_commit = off");
  const client = new pg.Client(clientConfig({ ...stand.address, password: stand.server.password }, "test"));
  await client.connect();

  const { rows } = await client.query("SHOW synchronous_commit");
  await client.end();
  await stand.server.query("ALTER ROLE postgres RESET synchronous_commit");

  expect(rows).toEqual([{ synchronous_commit: "on" }]);
});

/** A way to the server that can be lost without a sign: nothing passes any more, and nothing is closed. */
async function wayThatIsLost() {
  let isLost = false;
  const listener = createServer((socket) => {
    const onwards = connect(stand.server.port, stand.server.host);
    socket.on("data", (chunk: Buffer) => isLost || onwards.write(chunk));
    onwards.on("data", (chunk: Buffer) => isLost || socket.write(chunk));
    socket.on("error", () => {}).on("close", () => onwards.destroy());
    onwards.on("error", () => {});
  }).listen(0, "127.0.0.1");
  await once(listener, "listening");
  return {
    port: (listener.address() as AddressInfo).port,
    lose: () => (isLost = true),
    close: () => void listener.close(),
  };
}

it("a server that is gone without a sign is given up, and what it was asked to store is stored once when it is back", async () => {
  const way = await wayThatIsLost();
  const config = clientConfig({ ...stand.address, password: stand.server.password }, "test");
  expect(config.query_timeout).toBeGreaterThan(Number(config.statement_timeout));
  const lossy = new StoreWriter({ ...config, port: way.port, query_timeout: 1_000 });
  await lossy.claim("one");
  const records = testChain().write(...wholeSession("a", 2));
  await lossy.ingest("default/main", "t1", records.slice(0, 3), 0);

  way.lose();
  const lost = lossy.ingest("default/main", "t1", records.slice(3), 0);

  await expect(lost).rejects.toThrow("timeout");
  await lossy.close();
  way.close();
  const next = new StoreWriter(config);
  await next.claim("two");
  const { ackSeq, findings } = await next.ingest("default/main", "t1", records.slice(2), 0);
  await next.close();
  expect({ ackSeq, findings }).toEqual({ ackSeq: records.length, findings: [] });
});

it("a password that was rotated is taken from the file at the next connection", async () => {
  const { host, port, database, user, tls } = stand.address;
  const urlFile = path.join(path.dirname(stand.server.caFile), "store-url");
  const write = (password: string): void =>
    writeFileSync(urlFile, `postgres://${user}:${password}@${host}:${port}/${database}\n`);
  const config = clientConfig({ host, port, database, user, tls, urlFile, password: stand.server.password }, "test");
  await stand.server.query("CREATE ROLE rotating LOGIN PASSWORD 'first' IN ROLE pg_monitor");
  const ask = async (): Promise<unknown> => {
    const client = new pg.Client({ ...config, user: "rotating" });
    await client.connect();
    const { rows } = await client.query("SELECT 1 AS one");
    await client.end();
    return rows;
  };
  write("first");
  const before = await ask();

  await stand.server.query("ALTER ROLE rotating PASSWORD 'second'");
  await expect(ask()).rejects.toThrow("password authentication failed");
  write("second");

  expect([before, await ask()]).toEqual([[{ one: 1 }], [{ one: 1 }]]);
});
