import { expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import type { RawRecord } from "../store/types.ts";
import { testChain, wholeSession } from "../testing/chains.ts";
import { recordSource, type RecordStore } from "./record-source.ts";
import { StoreWatch } from "./store-watch.ts";

function sourceOf(raws: readonly RawRecord[], newest: number): ReturnType<typeof recordSource> {
  const store: RecordStore = {
    newest: () => Promise.resolve(newest),
    sessions: () => Promise.resolve({ items: [] }),
    async *raw() {
      yield* raws;
    },
  };
  const watch = new StoreWatch({ newest: () => store.newest(), clock: manualClock(), log: silentLog });
  return recordSource({ store, watch, installation: "acme" });
}

it("says where the store begins, so that what was removed before its delivery is noticed", async () => {
  const raws = testChain()
    .write(...wholeSession("s1", 1))
    .map((bytes, index) => ({
      storeSeq: index + 8,
      receivedTime: "2026-03-01T00:00:00.000Z",
      proxy: "default/main",
      task: "t1",
      bytes,
    }));

  expect(await sourceOf(raws, 11).oldest?.()).toBe(8);
  expect(await sourceOf([], 7).oldest?.()).toBe(8);
});
