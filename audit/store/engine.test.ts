import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { UserError } from "#lib/errors.ts";
import { endBody, openBody, startBody } from "../testing/bodies.ts";
import { testChain, wholeSession } from "../testing/chains.ts";
import { StoreEngine } from "./engine.ts";
import { migrate, migrations } from "./schema.ts";

let store: StoreEngine;

beforeEach(() => {
  store = new StoreEngine({ path: ":memory:", mode: "write" });
});

afterEach(() => store.close());

const ingest = (records: readonly Uint8Array[]) => store.ingest("default/main", "t1", records, Date.UTC(2026, 0, 2));

describe("ingest", () => {
  it("acknowledges what it stored, and takes a repeated batch for what it is", () => {
    const chain = testChain();
    const records = chain.write(...wholeSession("a", 2));

    const first = ingest(records);
    const again = ingest(records);

    expect(first).toMatchObject({ ackSeq: 6, stored: 6, duplicates: 0, findings: [], storeSeq: 6 });
    expect(first.opened).toEqual([{ session: "a", grantID: openBody("a").grantID, database: "default/orders" }]);
    expect(again).toMatchObject({ ackSeq: 6, stored: 0, duplicates: 6, findings: [], storeSeq: 6 });
    expect(store.acknowledged("default/main", "t1")).toBe(6);
  });

  it("stores what contradicts the chain with a flag, reports it, and goes on", () => {
    const chain = testChain();
    const other = testChain();
    const foreign = testChain("default/other");
    const records = chain.write(...wholeSession("a", 3));
    const conflicting = other.write({ ...openBody("a"), grantID: "gforged" });
    ingest(records.slice(0, 2));

    const conflict = ingest(conflicting);
    const repeated = ingest(conflicting);
    const gap = ingest([records[3]!]);
    const late = ingest([records[2]!]);
    const bad = ingest([Buffer.from("{nonsense"), ...foreign.write(openBody("z"))]);

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
    expect(store.stats().records).toBe(7);
    expect(store.findings(100)).toHaveLength(5);
    const sent = [records[0], records[1], conflicting[0], records[3], records[2]];
    expect(store.raw(0, 100, 5).map(({ bytes }) => Buffer.from(bytes))).toEqual(sent);
  });

  it("notices a record that does not carry the hash of the one before it", () => {
    const chain = testChain();
    const records = chain.write(openBody("a"), startBody("a", 1));
    const forged = Buffer.from(
      records[1]!
        .toString()
        .replace(/"prev":"./, '"prev":"0')
        .replace('"prev":"00', '"prev":"01'),
    );

    const result = ingest([records[0]!, forged]);

    expect(result.findings).toMatchObject([{ kind: "chain-mismatch", seq: 2 }]);
  });
});

describe("search", () => {
  beforeEach(() => {
    const chain = testChain();
    ingest(
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

  it("merges a statement's start and end, and shows one without an end", () => {
    const { items } = store.search({ grantID: openBody("a").grantID }, { limit: 100, order: "oldest" });

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
  ])("finds by %j", (filter, expected) => {
    const { items } = store.search(filter, { limit: 100, order: "newest" });

    expect(items.map(({ session, statement }) => `${session}/${statement}`)).toEqual(expected);
  });

  it("pages without losing or repeating, in either order", () => {
    for (const order of ["newest", "oldest"] as const) {
      const seen: string[] = [];
      let cursor: number | undefined;
      do {
        const page = store.search({}, { limit: 1, order, ...(cursor === undefined ? {} : { cursor }) });
        seen.push(...page.items.map(({ session, statement }) => `${session}/${statement}`));
        cursor = page.next;
      } while (cursor !== undefined);

      expect(seen).toEqual(order === "oldest" ? ["a/1", "b/1", "a/2"] : ["a/2", "b/1", "a/1"]);
    }
  });

  it("lists sessions with how they ended", () => {
    const { items } = store.sessions({ userName: "bo" }, { limit: 100, order: "newest" });

    expect(items).toMatchObject([
      { session: "b", grantID: "gother", statements: 1, openTime: "2026-01-01T00:00:04.000Z" },
    ]);
    expect(items[0]).not.toHaveProperty("closeTime");
  });
});

describe("migrate", () => {
  it("applies what is missing, once, and refuses a store of a newer release", () => {
    const database = new DatabaseSync(":memory:");

    migrate(database);
    migrate(database, [...migrations, { up: "CREATE TABLE later (a INTEGER) STRICT", down: "DROP TABLE later" }]);

    expect(database.prepare("SELECT count(*) AS n FROM later").get()).toEqual({ n: 0 });
    expect(() => migrate(database)).toThrow(UserError);
    database.close();
  });
});
