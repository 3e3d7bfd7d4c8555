import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { endBody, openBody, startBody } from "../testing/bodies.ts";
import { testChain, wholeSession } from "../testing/chains.ts";
import { parseExportLine } from "./export.ts";
import { migrate, migrations } from "./schema.ts";
import { AuditStore, type TailEntry } from "./store.ts";

let directory: string;
let store: AuditStore;

beforeEach(async () => {
  directory = mkdtempSync(`${tmpdir()}/store-`);
  store = await AuditStore.open({ path: `${directory}/audit.db`, clock: manualClock() });
});

afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true });
});

const ingest = (records: readonly Uint8Array[]) => store.ingest("default/main", "t1", records);

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) {
    all.push(item);
  }
  return all;
}

describe("ingest", () => {
  it("acknowledges what it stored, and takes a repeated batch for what it is", async () => {
    const chain = testChain();
    const records = chain.write(...wholeSession("a", 2));

    const first = await ingest(records);
    const again = await ingest(records);

    expect(first).toMatchObject({ ackSeq: 6, stored: 6, duplicates: 0, findings: [], storeSeq: 6 });
    expect(first.opened).toEqual([{ session: "a", grantID: openBody("a").grantID, database: "default/orders" }]);
    expect(again).toMatchObject({ ackSeq: 6, stored: 0, duplicates: 6, findings: [], storeSeq: 6 });
    expect(await store.acknowledged("default/main", "t1")).toBe(6);
  });

  it("keeps everything over a restart", async () => {
    const chain = testChain();
    await ingest(chain.write(openBody("a"), startBody("a", 1)));
    await store.close();

    store = await AuditStore.open({ path: `${directory}/audit.db`, clock: manualClock() });
    const result = await ingest(chain.write(endBody("a", 1)));

    expect(result).toMatchObject({ ackSeq: 3, findings: [], head: { seq: 3, chainSeq: 1 } });
    expect(await store.heads()).toMatchObject([{ seq: 3, openSessions: [{ session: "a", sessionSeq: 3 }] }]);
  });

  it("stores what contradicts the chain with a flag, reports it, and goes on", async () => {
    const chain = testChain();
    const other = testChain();
    const foreign = testChain("default/other");
    const records = chain.write(...wholeSession("a", 3));
    const conflicting = other.write({ ...openBody("a"), grantID: "gforged" });
    await ingest(records.slice(0, 2));

    const conflict = await ingest(conflicting);
    const repeated = await ingest(conflicting);
    const gap = await ingest([records[3]!]);
    const late = await ingest([records[2]!]);
    const bad = await ingest([Buffer.from("{nonsense"), ...foreign.write(openBody("z"))]);

    expect([conflict, gap, late, bad].map(({ findings }) => findings.map(({ kind, seq }) => [kind, seq]))).toEqual([
      [["conflict", 1]],
      [["after-gap", 4]],
      [["late", 3]],
      [
        ["unreadable", 5],
        ["wrong-origin", 6],
      ],
    ]);
    expect(repeated).toMatchObject({ stored: 0, duplicates: 1, findings: [] });
    expect(bad.ackSeq).toBe(6);
    expect((await store.stats()).records).toBe(7);
    expect(await store.findings()).toHaveLength(5);
    const sent = [records[0], records[1], conflicting[0], records[3], records[2]];
    expect((await collect(store.raw())).slice(0, 5).map(({ bytes }) => Buffer.from(bytes))).toEqual(sent);
  });

  it("notices a record that does not carry the hash of the one before it", async () => {
    const chain = testChain();
    const records = chain.write(openBody("a"), startBody("a", 1));
    const forged = Buffer.from(
      records[1]!
        .toString()
        .replace(/"prev":"./, '"prev":"0')
        .replace('"prev":"00', '"prev":"01'),
    );

    const result = await ingest([records[0]!, forged]);

    expect(result.findings).toMatchObject([{ kind: "chain-mismatch", seq: 2 }]);
  });
});

describe("search", () => {
  beforeEach(async () => {
    const chain = testChain();
    await ingest(
      chain.write(
        openBody("a"),
        startBody("a", 1, { sql: "select * from Orders", parameters: [{ type: 25, format: "text", value: null }] }),
        endBody("a", 1, { rows: 42 }),
        openBody("b", { grantID: "gother", person: { userName: "bo", userID: "u-2" } }),
        startBody("b", 1, { sql: { base64: Buffer.from("delete \xe9", "latin1").toString("base64") } }),
        endBody("b", 1, { outcome: "error", sqlState: "42601" }),
        startBody("a", 2, { sql: "select pg_sleep(9)" }),
      ),
    );
  });

  it("merges a statement's start and end, and shows one without an end", async () => {
    const { items } = await store.search({ grantID: openBody("a").grantID }, { order: "oldest" });

    expect(items).toMatchObject([
      { statement: 1, sql: "select * from Orders", outcome: "ok", rows: 42, storeSeq: 3, userName: "ana@example.com" },
      { statement: 2, sql: "select pg_sleep(9)", storeSeq: 7 },
    ]);
    expect(items[0]?.parameters).toEqual([{ type: 25, format: "text", value: null }]);
    expect(items[1]).not.toHaveProperty("outcome");
  });

  it.each([
    [{ text: "ORDERS" }, ["a/1"]],
    [{ text: "%" }, []],
    [{ outcome: "error" as const }, ["b/1"]],
    [{ userName: "bo" }, ["b/1"]],
    [{ database: "default/nothing" }, []],
    [{ session: "a" }, ["a/2", "a/1"]],
    [{ proxy: "default/main" }, ["a/2", "b/1", "a/1"]],
    [{ from: "2026-01-01T00:00:05Z" }, ["a/2", "b/1"]],
    [{ from: "2026-01-01T00:00:05Z", to: "2026-01-01T00:00:07Z" }, ["b/1"]],
  ])("finds by %j", async (filter, expected) => {
    const { items } = await store.search(filter);

    expect(items.map(({ session, statement }) => `${session}/${statement}`)).toEqual(expected);
  });

  it("pages without losing or repeating, in either order", async () => {
    for (const order of ["newest", "oldest"] as const) {
      const seen: string[] = [];
      let cursor: number | undefined;
      do {
        const page = await store.search({}, { limit: 1, order, ...(cursor === undefined ? {} : { cursor }) });
        seen.push(...page.items.map(({ session, statement }) => `${session}/${statement}`));
        cursor = page.next;
      } while (cursor !== undefined);

      expect(seen).toEqual(order === "oldest" ? ["a/1", "b/1", "a/2"] : ["a/2", "b/1", "a/1"]);
    }
  });

  it("lists sessions with how they ended", async () => {
    const { items } = await store.sessions({ userName: "bo" });

    expect(items).toMatchObject([
      { session: "b", grantID: "gother", statements: 1, openTime: "2026-01-01T00:00:04.000Z" },
    ]);
    expect(items[0]).not.toHaveProperty("closeTime");
  });
});

describe("tail", () => {
  it("gives what is there, then what comes, and resumes after any record without losing or repeating one", async () => {
    const chain = testChain();
    await ingest(chain.write(openBody("a")));
    const seen: TailEntry[] = [];
    let after = 0;
    let written = 0;
    while (seen.length < 11) {
      // Every tail is broken off after two records and resumed where it stopped.
      let inThisTail = 0;
      const tail = store.tail({ after });
      const reading = (async () => {
        for await (const entry of tail) {
          seen.push(entry);
          after = entry.storeSeq;
          inThisTail += 1;
          if (inThisTail === 2 || seen.length === 11) {
            break;
          }
        }
      })();
      if (written < 5) {
        written += 1;
        await ingest(chain.write(startBody("a", written), endBody("a", written)));
      }
      await reading;
    }

    expect(seen.map(({ storeSeq }) => storeSeq)).toEqual(Array.from({ length: 11 }, (_, index) => index + 1));
    expect(seen[2]).toMatchObject({ record: { kind: "statement.end" }, statement: { sql: "select 1", outcome: "ok" } });
  });

  it("passes over what its filter leaves out, however much it is", async () => {
    const chain = testChain();
    await ingest(chain.write(...wholeSession("a", 3_000)));
    await ingest(chain.write(openBody("b", { grantID: "gwanted" })));
    const controller = new AbortController();

    const seen: TailEntry[] = [];
    for await (const entry of store.tail({ after: 0, filter: { grantID: "gwanted" }, signal: controller.signal })) {
      seen.push(entry);
      controller.abort();
    }

    expect(seen.map(({ storeSeq, owner }) => [storeSeq, owner?.session])).toEqual([[6_003, "b"]]);
  });

  it("ends when the store is closed", async () => {
    const reading = collect(store.tail({ after: 0 }));

    await store.close();

    expect(await reading).toEqual([]);
  });
});

describe("export", () => {
  it("gives lines that are readable and hold every byte, also of what is no record", async () => {
    const chain = testChain();
    const odd = [Buffer.from([0xff, 0x00]), Buffer.from('{"a":\n1}'), Buffer.from(' {"record":"}"} ')];
    const records = [...chain.write(openBody("a"), startBody("a", 1, { sql: 'select \'","record":\'' })), ...odd];
    await ingest(records);

    const lines = await collect(store.export());

    expect(lines.every((line) => !line.includes("\n") && typeof JSON.parse(line) === "object")).toBe(true);
    expect(lines.map((line) => Buffer.from(parseExportLine(line).bytes))).toEqual(records);
  });
});

describe("migrate", () => {
  it("applies what is missing, once, and refuses a store of a newer release", () => {
    const database = new DatabaseSync(":memory:");

    migrate(database);
    migrate(database, [...migrations, "CREATE TABLE later (a INTEGER) STRICT"]);

    expect(database.prepare("SELECT count(*) AS n FROM later").get()).toEqual({ n: 0 });
    expect(() => migrate(database)).toThrow("newer release");
    database.close();
  });

  it("makes opening a store of a newer release fail with the reason", async () => {
    const database = new DatabaseSync(`${directory}/new.db`);
    database.exec("PRAGMA user_version = 99");
    database.close();

    await expect(AuditStore.open({ path: `${directory}/new.db`, clock: manualClock() })).rejects.toThrow(
      "newer release",
    );
  });
});
