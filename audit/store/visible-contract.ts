import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { endBody, openBody, startBody } from "../testing/bodies.ts";
import { testChain } from "../testing/chains.ts";
import type { StorePlaceUnderTest } from "./contract.ts";
import type { AuditStore, VisibleTo } from "./store.ts";

/** Sessions of two people on two databases. */
const sessions = [
  { session: "ana-orders", grantID: "g1", person: { userName: "ana", userID: "u-1" }, database: "default/orders" },
  { session: "ana-vault", grantID: "g2", person: { userName: "ana", userID: "u-1" }, database: "default/vault" },
  { session: "bob-orders", grantID: "g3", person: { userName: "bob", userID: "u-2" }, database: "default/orders" },
  { session: "bob-vault", grantID: "g4", person: { userName: "bob", userID: "u-2" }, database: "default/vault" },
  // Somebody else was called Ana before.
  { session: "old-ana", grantID: "g5", person: { userName: "ana", userID: "u-0" }, database: "default/orders" },
] as const;

const ana = { userName: "ana", userID: "u-1", exceptDatabases: [] } as const;
const nobody: VisibleTo = { own: { userName: "x", userID: "u-x", exceptDatabases: [] }, grants: [] };

const table: readonly (readonly [string, VisibleTo, readonly string[]])[] = [
  ["one's own, by name and ID", { own: ana, grants: [] }, ["ana-orders", "ana-vault"]],
  ["one's own but for a database", { own: { ...ana, exceptDatabases: ["default/vault"] }, grants: [] }, ["ana-orders"]],
  ["some grants", { ...nobody, grants: ["g3", "g4", "g9"] }, ["bob-orders", "bob-vault"]],
  ["everybody's", { ...nobody, everybody: { exceptDatabases: [] } }, sessions.map(({ session }) => session)],
  [
    "everybody's but for a database, and one's own there",
    { own: ana, grants: [], everybody: { exceptDatabases: ["default/vault"] } },
    ["ana-orders", "ana-vault", "bob-orders", "old-ana"],
  ],
  ["nothing", nobody, []],
];

/** That no way of reading shows more than it was told to, whatever keeps the records. */
export function visibleContract(name: string, begin: () => Promise<StorePlaceUnderTest>): void {
  describe(`what an audit store in ${name} shows`, () => {
    let place: StorePlaceUnderTest;
    let store: AuditStore;

    beforeEach(async () => {
      place = await begin();
      store = await place.open();
      const chain = testChain();
      const bodies = sessions.flatMap((owner) => [
        openBody(owner.session, owner),
        startBody(owner.session, 1),
        endBody(owner.session, 1),
      ]);
      await store.ingest("default/main", "t1", chain.write(...bodies));
    });
    afterEach(async () => {
      await store.close();
      await place.remove();
    });

    it.each(table)("where it is %s", async (_, visibleTo, expected) => {
      const { items: found } = await store.search({ visibleTo });
      const { items: listed } = await store.sessions({ visibleTo });
      const range = { from: "2026-01-01T00:00:00Z", to: "2026-01-01T01:00:00Z", bucketSeconds: 3_600 };
      const { buckets, slowest } = await store.statistics({ visibleTo }, range);
      const tailed: string[] = [];
      const stopping = new AbortController();
      // The mark comes after all there is, and is everybody's.
      await store.ingest(
        "default/main",
        "t2",
        testChain("default/main", "t2").write(openBody("mark", { grantID: "g-mark" })),
      );
      const tail = store.tail({
        after: 0,
        filter: { visibleTo: { ...visibleTo, grants: [...visibleTo.grants, "g-mark"] } },
        signal: stopping.signal,
      });
      for await (const { owner } of tail) {
        if (owner?.session === "mark") {
          break;
        }
        tailed.push(owner?.session ?? "");
      }

      const names = expected.toSorted();
      expect(found.map(({ session }) => session).toSorted()).toEqual(names);
      expect(listed.map(({ session }) => session).toSorted()).toEqual(names);
      expect([...new Set(tailed)].toSorted()).toEqual(names);
      expect(slowest.map(({ session }) => session).toSorted()).toEqual(names);
      expect(buckets.map(({ statements }) => statements)).toEqual(names.length === 0 ? [] : [names.length]);
    });

    it("is narrowed further by what is asked for, never widened", async () => {
      const visibleTo: VisibleTo = { own: ana, grants: [] };

      expect((await store.search({ visibleTo, userName: "bob" })).items).toEqual([]);
      expect((await store.search({ visibleTo, grantID: "g3" })).items).toEqual([]);
      expect((await store.search({ visibleTo, database: "default/vault" })).items).toHaveLength(1);
    });
  });
}
