import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Cursor, CursorStore } from "#audit/sinks/cursor.ts";
import { FileCursors } from "#audit/sinks/file-cursors.ts";
import { FileSink } from "#audit/sinks/file.ts";
import { PostgresCursors } from "#audit/sinks/postgres-cursors.ts";
import type { RecordLine } from "#audit/sinks/record-line.ts";
import { recordSource } from "#audit/sinks/record-source.ts";
import { SinkRunner } from "#audit/sinks/runner.ts";
import { StoreWatch } from "#audit/sinks/store-watch.ts";
import type { StoreAddress } from "#audit/store/postgres/address.ts";
import { AuditStore } from "#audit/store/store.ts";
import { testChain, wholeSession } from "#audit/testing/chains.ts";
import { systemClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { Secret } from "#lib/secret.ts";
import { startPostgres, type TestPostgres } from "#test/harness/postgres.ts";
import { eventually } from "#test/harness/process.ts";
import { asExported, collect } from "./trail.ts";

let server: TestPostgres;
let address: StoreAddress;
let folder: string;
const opened: PostgresCursors[] = [];

beforeAll(async () => {
  server = await startPostgres();
  const { host, port, database, superuser: user, password, caFile } = server;
  address = { host, port, database, user, password: new Secret(password), tls: { caFile } };
  folder = mkdtempSync(path.join(tmpdir(), "sallyport-cursors-"));
}, 60_000);
afterAll(async () => {
  await Promise.all(opened.map((cursors) => cursors.close()));
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

function inPostgres(): PostgresCursors {
  const cursors = new PostgresCursors(address);
  opened.push(cursors);
  return cursors;
}

const places: [string, () => Promise<CursorStore>][] = [
  ["a file", () => FileCursors.open(path.join(folder, "sinks.json"))],
  ["Postgres", () => Promise.resolve(inPostgres())],
];

describe.each(places)("cursors in %s", (place, open) => {
  it("are there for who opens them next, each under its sink's name", async () => {
    const first = await open();
    const cursor: Cursor = { position: 7, lastID: "seven", pendingUpTo: 9, epoch: "e1" };
    await Promise.all([first.write(`${place} one`, cursor), first.write(`${place} two`, { position: 1, epoch: "e2" })]);

    const second = await open();

    expect(await second.read(`${place} one`)).toEqual(cursor);
    expect(await second.read(`${place} two`)).toEqual({ position: 1, epoch: "e2" });
    expect(await second.read(`${place} three`)).toBeUndefined();
  });

  it("are replaced as a whole, also by those of a store that began again", async () => {
    const cursors = await open();
    await cursors.write(place, { position: 7, lastID: "seven", epoch: "e1" });

    await cursors.write(place, { position: 2, epoch: "e2" });

    expect(await cursors.read(place)).toEqual({ position: 2, epoch: "e2" });
  });
});

it("cursors in a file are their owner's, and one that something else has changed is refused", async () => {
  const file = path.join(folder, "changed.json");
  await (await FileCursors.open(file)).write("one", { position: 1, epoch: "e" });
  const mode = statSync(file).mode & 0o777;
  writeFileSync(file, readFileSync(file, "utf8").replace('"position": 1', '"position": "1"'));

  const reopened = FileCursors.open(file);

  expect(mode).toBe(0o600);
  await expect(reopened).rejects.toMatchObject({ code: "CursorsUnreadable" });
});

it("a replica that does not know yet that another one leads cannot take back what that one's destination has confirmed", async () => {
  const [former, leader] = [inPostgres(), inPostgres()];
  await former.write("shared", { position: 5, epoch: "e" });
  await leader.write("shared", { position: 9, epoch: "e" });

  const late = former.write("shared", { position: 6, epoch: "e" });

  await expect(late).rejects.toThrow("further");
  expect(await leader.read("shared")).toEqual({ position: 9, epoch: "e" });
});

it("records that replicas share in Postgres are delivered once when the lead goes from one to the other", async () => {
  const store = await AuditStore.open({ postgres: address, clock: systemClock });
  await store.claim("replica-0");
  const chain = testChain();
  const watch = new StoreWatch({ newest: () => store.newest(), clock: systemClock, log: silentLog });
  watch.start();
  const directory = path.join(folder, "out");
  const replica = (): SinkRunner<RecordLine> =>
    new SinkRunner({
      name: "files",
      source: recordSource({ store, watch, installation: "acme" }),
      sink: new FileSink({ directory, maxBytes: 5_000, maxAgeMs: 3_600_000, clock: systemClock }),
      cursors: inPostgres(),
      limits: { items: 20, bytes: 1_000_000, ageMs: 0 },
      from: "beginning",
      clock: systemClock,
      random: () => 0.005,
      newID: () => "e1",
      log: silentLog,
    });

  for (const session of ["s1", "s2"]) {
    await store.ingest("default/main", "t1", chain.write(...wholeSession(session, 30)));
    const runner = replica();
    runner.start();
    const newest = await store.newest();
    await eventually("it is delivered", () => ((runner.status().position ?? 0) >= newest ? true : undefined));
    await runner.stop();
  }

  const lines = readdirSync(directory)
    .toSorted()
    .flatMap((name) => readFileSync(path.join(directory, name), "utf8").trimEnd().split("\n"));
  expect(lines.map(asExported)).toEqual(await collect(store.export()));
  watch.stop();
  await store.close();
});
