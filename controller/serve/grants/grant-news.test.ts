import { expect, it } from "vitest";
import type { ObjectKey } from "#kinds/index.ts";
import { ChangedKeys } from "./grant-news.ts";

const key = (name: string): ObjectKey => ({ kind: "Grant", namespace: "default", name });

it("what waits for a slow follower are the grants that changed, each once, the longest waiting first", () => {
  const changed = new ChangedKeys();

  for (let n = 0; n < 1_000; n += 1) {
    changed.add(key("a"));
    changed.add(key("b"));
  }

  expect([changed.take()?.name, changed.take()?.name, changed.take()]).toEqual(["a", "b", undefined]);
});

it("whoever waits for a change is woken by one, or by the end", async () => {
  const changed = new ChangedKeys();
  const stopping = new AbortController();

  const first = changed.some(stopping.signal);
  changed.add(key("a"));
  await first;
  changed.take();
  const second = changed.some(stopping.signal);
  stopping.abort();

  await expect(second).resolves.toBeUndefined();
});
