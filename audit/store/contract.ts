import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { endBody, openBody, startBody } from "../testing/bodies.ts";
import { testChain, wholeSession } from "../testing/chains.ts";
import { collect } from "../testing/collect.ts";
import { eventContract, tailContract, textContract } from "./contract-streams.ts";
import type { AuditFilter, AuditStore } from "./store.ts";

/** Opens stores on one place that was empty when the test began. */
export interface StorePlaceUnderTest {
  /** A store that may write. */
  open(): Promise<AuditStore>;
  /** Removes the place; all stores are closed. */
  remove(): Promise<void>;
}

/** What every audit store promises, whatever keeps it. */
export function storeContract(name: string, begin: () => Promise<StorePlaceUnderTest>): void {
  describe(`an audit store in ${name}`, () => {
    let place: StorePlaceUnderTest;
    let store: AuditStore;
    const ingest = (records: readonly Uint8Array[]) => store.ingest("default/main", "t1", records);

    beforeEach(async () => {
      place = await begin();
      store = await place.open();
    });

    afterEach(async () => {
      await store.close();
      await place.remove();
    });

    const given: StoreUnderTest = { store: () => store, ingest };
    describe("ingest", () => {
      ingestContract(given);
      chainContract(given);

      it("keeps everything over a restart", async () => {
        const chain = testChain();
        await ingest(chain.write(openBody("a"), startBody("a", 1)));
        await store.close();

        store = await place.open();
        const result = await ingest(chain.write(endBody("a", 1)));

        expect(result).toMatchObject({ ackSeq: 3, findings: [], head: { seq: 3, chainSeq: 1 } });
        expect(await store.heads()).toMatchObject([{ seq: 3, openSessions: [{ session: "a", sessionSeq: 3 }] }]);
        expect((await store.search({})).items).toMatchObject([{ statement: 1, outcome: "ok" }]);
      });

      it("rejects what is asked for after it was closed", async () => {
        await store.close();

        await expect(store.search({})).rejects.toThrow("closed");
        await expect(ingest([])).rejects.toThrow("closed");
      });
    });
    describe("search", () => {
      searchContract(given);
    });
    describe("lists", () => listContract(given));
    describe("text", () => textContract(given));
    describe("tail", () => tailContract(given));
    describe("events", () => eventContract(given));
  });
}

/** The store of the test that runs. */
export interface StoreUnderTest {
  readonly store: () => AuditStore;
  readonly ingest: (records: readonly Uint8Array[]) => ReturnType<AuditStore["ingest"]>;
}

function ingestContract({ store, ingest }: StoreUnderTest): void {
  it("acknowledges what it stored, and takes a repeated batch for what it is", async () => {
    const records = testChain().write(...wholeSession("a", 2));

    const first = await ingest(records);
    const again = await ingest(records);

    expect(first).toMatchObject({ ackSeq: 6, stored: 6, duplicates: 0, findings: [], storeSeq: 6 });
    expect(first.opened).toEqual([{ session: "a", grantID: openBody("a").grantID, database: "default/orders" }]);
    expect(again).toMatchObject({ ackSeq: 6, stored: 0, duplicates: 6, findings: [], storeSeq: 6 });
    expect(await store().acknowledged("default/main", "t1")).toBe(6);
    expect(await store().newest()).toBe(6);
  });

  it("stores what contradicts the chain with a flag, reports it, and goes on", async () => {
    const records = testChain().write(...wholeSession("a", 3));
    const conflicting = testChain().write({ ...openBody("a"), grantID: "gforged" });
    const foreign = testChain("default/other").write(openBody("z"));
    await ingest(records.slice(0, 2));

    const conflict = await ingest(conflicting);
    const repeated = await ingest([...conflicting, ...conflicting]);
    const gap = await ingest([records[3]!]);
    const late = await ingest([records[2]!]);
    const bad = await ingest([Buffer.from("{nonsense"), ...foreign]);
    const badAgain = await ingest([records[3]!, Buffer.from("{nonsense"), ...foreign]);

    expect([conflict, gap, late, bad].map(({ findings }) => findings.map(({ kind, seq }) => [kind, seq]))).toEqual([
      [["conflict", 1]],
      [["after-gap", 4]],
      [["late", 3]],
      [
        ["unreadable", 5],
        ["wrong-origin", 6],
      ],
    ]);
    expect([repeated, badAgain]).toMatchObject([
      { stored: 0, duplicates: 2, findings: [] },
      { stored: 0, duplicates: 3, findings: [] },
    ]);
    expect(bad.ackSeq).toBe(6);
    expect((await store().stats()).records).toBe(7);
    expect(await store().findings()).toHaveLength(5);
    const sent = [records[0], records[1], conflicting[0], records[3], records[2]];
    expect((await collect(store().raw({ upTo: 5 }))).map(({ bytes }) => Buffer.from(bytes))).toEqual(sent);
  });

  it("judges what comes in one batch as what comes in several", async () => {
    const records = testChain().write(...wholeSession("a", 3));
    const [first, second, third, ...rest] = records;

    const result = await ingest([first!, third!, second!, third!, Buffer.from("x"), ...rest]);

    expect(result.findings.map(({ kind, seq }) => [kind, seq])).toEqual([
      ["after-gap", 3],
      ["late", 2],
      ["unreadable", 4],
      ["conflict", 4],
      ["chain-mismatch", 5],
    ]);
    expect(result).toMatchObject({ duplicates: 1, stored: 9, ackSeq: 8 });
  });

  it("notices a record that does not carry the hash of the one before it", async () => {
    const records = testChain().write(openBody("a"), startBody("a", 1));
    const text = records[1]!.toString().replace(/"prev":"./, '"prev":"0');
    const forged = Buffer.from(text.replace('"prev":"00', '"prev":"01'));

    const result = await ingest([records[0]!, forged]);

    expect(result.findings).toMatchObject([{ kind: "chain-mismatch", seq: 2 }]);
  });
}

function chainContract({ store, ingest }: StoreUnderTest): void {
  it("keeps tasks apart, and says where each chain stands", async () => {
    const one = testChain("default/main", "t1");
    const two = testChain("default/main", "t2");
    await ingest(one.write(...wholeSession("a", 1)));

    const { head } = await store().ingest("default/main", "t2", two.write(openBody("b"), startBody("b", 1)));
    await ingest(one.write(openBody("c")));

    expect(await store().heads()).toMatchObject([
      { task: "t1", seq: 5, chainSeq: 3, openSessions: [{ session: "c", sessionSeq: 1 }] },
      { ...head, openSessions: [{ session: "b", sessionSeq: 2 }] },
    ]);
  });

  it("tells of hazards, also where the session's opening comes after them", async () => {
    const chain = testChain();
    const hazard = { notices: ["hazard:credential-change"] };
    const refused = { notices: ["hazard:session-end", "refused"] };
    const [open, start, second] = chain.write(openBody("a"), startBody("a", 1, hazard), startBody("a", 2, refused));

    const before = await ingest([start!]);
    const after = await ingest([open!, second!]);

    const { grantID } = openBody("a");
    expect([before.flagged, after.flagged]).toEqual([[], [grantID]]);
    expect(await store().flaggedGrants()).toEqual([grantID]);
    expect(await store().hazardsOf(grantID)).toEqual([
      { hazard: "credential-change", refused: false, session: "a", statement: 1 },
      { hazard: "session-end", refused: true, session: "a", statement: 2 },
    ]);
  });

  it("keeps texts that hold what a database may not", async () => {
    const records = testChain().write(openBody("a"), startBody("a", 1, { sql: "select 'a\0b' \u{1f600}" }));

    await ingest(records);

    expect((await store().search({ text: "select" })).items).toMatchObject([{ sql: "select 'a\0b' \u{1f600}" }]);
    expect((await store().search({ text: "A\0b" })).items).toHaveLength(1);
    expect((await store().search({ userName: "an\0a" })).items).toEqual([]);
    expect((await collect(store().raw())).map(({ bytes }) => Buffer.from(bytes))).toEqual(records);
  });

  it("keeps sessions whose names hold half a character, byte for byte", async () => {
    const records = testChain().write(...wholeSession("a\u{d800}", 1), ...wholeSession("b\0", 1));

    const result = await store().ingest("default/main", "t1", records);

    expect(result).toMatchObject({ ackSeq: 8, findings: [] });
    expect((await collect(store().raw())).map(({ bytes }) => Buffer.from(bytes))).toEqual(records);
  });
}

/** Two sessions with three statements. */
function searched(): Buffer[] {
  const parameters = [{ type: 25, format: "text", value: null }] as const;
  return testChain().write(
    openBody("a"),
    startBody("a", 1, { sql: "select * from Orders", parameters }),
    endBody("a", 1, { rows: 42, durationMs: 100 }),
    openBody("b", { grantID: "gother", person: { userName: "bo", userID: "u-2" } }),
    startBody("b", 1, { sql: { base64: Buffer.from("delete \xe9", "latin1").toString("base64") } }),
    endBody("b", 1, { outcome: "error", sqlState: "42601", rows: 0 }),
    startBody("a", 2, { sql: "select pg_sleep(9)" }),
  );
}

function searchContract({ store, ingest }: StoreUnderTest): void {
  beforeEach(() => ingest(searched()));

  it("merges a statement's start and end, and shows one without an end", async () => {
    const { items } = await store().search({ grantID: openBody("a").grantID }, { order: "oldest" });

    expect(items).toMatchObject([
      { statement: 1, sql: "select * from Orders", outcome: "ok", rows: 42, storeSeq: 3, userName: "ana@example.com" },
      { statement: 2, sql: "select pg_sleep(9)", storeSeq: 7 },
    ]);
    expect(items[0]?.parameters).toEqual([{ type: 25, format: "text", value: null }]);
    expect(items[1]).not.toHaveProperty("outcome");
  });

  it("completes a statement whose end comes in a later batch, and keeps an end whose start never came", async () => {
    const chain = testChain("default/main", "t2");
    const records = chain.write(openBody("z"), startBody("z", 1), startBody("z", 2), endBody("z", 1), endBody("z", 2));
    await store().ingest("default/main", "t2", records.slice(0, 2));
    await store().ingest("default/main", "t2", records.slice(3));

    const orphaned = await store().search({ session: "z" }, { order: "oldest" });
    await store().ingest("default/main", "t2", records.slice(2, 3));
    const whole = await store().search({ session: "z" }, { order: "oldest" });

    expect(orphaned.items).toMatchObject([
      { statement: 1, sql: "select 1", outcome: "ok" },
      { statement: 2, outcome: "ok" },
    ]);
    expect(whole.items).toMatchObject([{ statement: 1 }, { statement: 2, sql: "select 2", outcome: "ok" }]);
  });

  it("finds by each condition", async () => {
    const expected: readonly (readonly [AuditFilter, readonly string[]])[] = [
      [{ text: "ORDERS" }, ["a/1"]],
      [{ text: "%" }, []],
      [{ outcome: "error" }, ["b/1"]],
      [{ userName: "bo" }, ["b/1"]],
      [{ database: "default/nothing" }, []],
      [{ session: "a" }, ["a/2", "a/1"]],
      [{ proxy: "default/main" }, ["a/2", "b/1", "a/1"]],
      [{ minDurationMs: 50 }, ["a/1"]],
      [{ minRows: 1 }, ["a/1"]],
      [{ from: "2026-01-01T00:00:05Z" }, ["a/2", "b/1"]],
      [{ from: "2026-01-01T00:00:05Z", to: "2026-01-01T00:00:07Z" }, ["b/1"]],
    ];

    const found = await Promise.all(expected.map(([filter]) => store().search(filter)));

    expect(
      found.map(({ items }, index) => [
        expected[index]?.[0],
        items.map(({ session, statement }) => `${session}/${statement}`),
      ]),
    ).toEqual(expected);
  });
}

function listContract({ store, ingest }: StoreUnderTest): void {
  beforeEach(() => ingest(searched()));

  it("pages without losing or repeating, in either order", async () => {
    for (const order of ["newest", "oldest"] as const) {
      const seen: string[] = [];
      let cursor: number | undefined;
      do {
        const page = await store().search({}, { limit: 1, order, ...(cursor === undefined ? {} : { cursor }) });
        seen.push(...page.items.map(({ session, statement }) => `${session}/${statement}`));
        cursor = page.next;
      } while (cursor !== undefined);

      expect(seen).toEqual(order === "oldest" ? ["a/1", "b/1", "a/2"] : ["a/2", "b/1", "a/1"]);
    }
  });

  it("lists sessions with how they ended", async () => {
    const { items } = await store().sessions({ userName: "bo" });

    expect(items).toMatchObject([
      { session: "b", grantID: "gother", statements: 1, openTime: "2026-01-01T00:00:04.000Z" },
    ]);
    expect(items[0]).not.toHaveProperty("closeTime");
    expect((await store().sessions({ open: true })).items).toHaveLength(2);
  });

  it("counts for charts", async () => {
    const range = { from: "2026-01-01T00:00:00Z", to: "2026-01-01T00:00:10Z", bucketSeconds: 5 };

    const { buckets, slowest, errors } = await store().statistics({}, range);

    expect(buckets).toEqual([
      { bucket: 0, statements: 1, errors: 0, rows: 42 },
      { bucket: 1, statements: 2, errors: 1, rows: 0 },
    ]);
    expect(slowest.map(({ session, statement }) => `${session}/${statement}`)).toEqual(["a/1", "b/1"]);
    expect(errors).toMatchObject([{ code: "42601", count: 1 }]);
  });
}
