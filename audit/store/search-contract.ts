import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { testChain, wholeSession } from "../testing/chains.ts";
import type { StorePlaceUnderTest } from "./contract.ts";
import type { AuditFilter, AuditStore } from "./store.ts";

/** What every audit store promises of a search that would look at everything. */
export function searchContract(name: string, begin: () => Promise<StorePlaceUnderTest>): void {
  describe(`a search for a text in ${name}`, () => {
    let place: StorePlaceUnderTest;
    let store: AuditStore;

    beforeEach(async () => {
      place = await begin();
      store = await place.open();
      await store.ingest("default/main", "t1", testChain().write(...wholeSession("a", 5)));
    });

    afterEach(async () => {
      await store.close();
      await place.remove();
    });

    it("looks at so many statements, and says where to go on where it found none", async () => {
      const first = await store.search({ text: "nowhere" }, { lookAt: 2 });

      expect(first).toEqual({ items: [], next: expect.any(Number) as number });
    });

    it.each(["newest", "oldest"] as const)("finds every one once, page by page, the %s first", async (order) => {
      const all = await store.search({ text: "select" }, { order });

      for (const [lookAt, limit] of [
        [1, 100],
        [2, 100],
        [2, 1],
        [5, 2],
      ] as const) {
        expect(await paged({ text: "select" }, { lookAt, limit, order })).toEqual(all.items);
      }
      expect(all).toMatchObject({ items: Array.from({ length: 5 }, () => ({ session: "a" })) });
      expect(all.next).toBeUndefined();
    });

    it("ends where there is nothing more to look at", async () => {
      expect(await paged({ text: "nowhere" }, { lookAt: 2, limit: 100, order: "newest" })).toEqual([]);
    });

    it("goes through what an index finds without a bound", async () => {
      const found = await store.search({ session: "a" }, { lookAt: 2 });

      expect(found.items).toHaveLength(5);
      expect(found.next).toBeUndefined();
    });

    async function paged(filter: AuditFilter, page: { lookAt: number; limit: number; order: "newest" | "oldest" }) {
      const found = [];
      let cursor: number | undefined;
      do {
        const { items, next } = await store.search(filter, { ...page, ...(cursor === undefined ? {} : { cursor }) });
        found.push(...items);
        cursor = next;
      } while (cursor !== undefined);
      return found;
    }
  });
}
