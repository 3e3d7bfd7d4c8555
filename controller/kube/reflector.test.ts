import { expect, it } from "vitest";
import { UserError } from "#lib/errors.ts";
import { KubeFailure, type KubeFailureKind } from "./failure.ts";
import type { ModelServer } from "./model-server.ts";
import { longWaitMs, setUp, settle, states } from "./reflector-stage.ts";
import { fruitlessWatchesMax, shortWatchMs, silenceMaxMs, syncTimeoutMs, watchSeconds } from "./reflector.ts";

async function started(stage: ReturnType<typeof setUp>): Promise<void> {
  stage.reflector.start();
  await stage.reflector.waitForSync();
  await settle();
}

const failure = (kind: KubeFailureKind, reason = ""): KubeFailure => new KubeFailure(kind, kind, { reason });
const expired = JSON.stringify({ type: "ERROR", object: { kind: "Status", code: 410, reason: "Expired" } });

it("lists in pages, then watches from there with bookmarks, for a random time of 5 to 10 minutes", async () => {
  const stage = setUp();
  for (const name of ["a", "b", "c", "d", "e"]) {
    stage.server.put(name, 1);
  }

  await started(stage);

  const [first, second, third, watch] = stage.server.requests.map(({ query }) => query);
  expect(first).toMatchObject({ limit: 500 });
  expect(first?.["continue"]).toBeUndefined();
  expect([second?.["continue"], third?.["continue"]]).toEqual(["1/2", "1/4"]);
  expect(watch).toMatchObject({ watch: true, allowWatchBookmarks: true, resourceVersion: "5" });
  const seconds = Number(watch?.["timeoutSeconds"]);
  expect(seconds).toBeGreaterThanOrEqual(watchSeconds.min);
  expect(seconds).toBeLessThanOrEqual(watchSeconds.max);
  expect(states(stage.reflector.cache.list())).toEqual(states(stage.server.objects.values()));
  await stage.reflector.stop();
});

it("is not synced before the list is complete, and a start does not wait for it for ever", async () => {
  const stage = setUp();
  stage.server.put("a", 1);
  stage.server.failNext(failure("forbidden"));
  stage.reflector.start();
  const synced = stage.reflector.waitForSync().catch((thrown: unknown) => thrown);
  await settle();

  expect(stage.reflector.stats()).toMatchObject({ isSynced: false, failure: { kind: "forbidden" } });
  stage.server.failNext(failure("forbidden"));
  stage.clock.advance(syncTimeoutMs);

  expect(await synced).toBeInstanceOf(UserError);
  await stage.reflector.stop();
});

it.each(["unavailable", "tooManyRequests", "unauthorized"] as const)(
  "resumes a watch that failed with %s where it was, without a list",
  async (kind) => {
    const stage = setUp();
    stage.server.put("a", 1);
    await started(stage);
    stage.server.put("a", 2);
    stage.server.deliver(1);
    await settle();

    stage.server.end(failure(kind));
    await settle();
    stage.clock.advance(longWaitMs);
    await settle();

    expect(stage.server.requests.at(-1)?.query).toMatchObject({ watch: true, resourceVersion: "2" });
    expect(stage.count("list")).toBe(1);
    await stage.reflector.stop();
  },
);

it.each([
  ["as a refusal", (server: ModelServer) => server.end(failure("gone"))],
  ["as an event", (server: ModelServer) => server.end(expired)],
  ["a version too large", (server: ModelServer) => server.end(failure("resourceVersionTooLarge"))],
  ["a line that is no event", (server: ModelServer) => server.end('{"type":"MODI')],
  ["an error that nobody knows", (server: ModelServer) => server.end('{"type":"ERROR","object":{"code":500}}')],
])("lists again where the watch cannot go on: %s", async (_, end) => {
  const stage = setUp();
  stage.server.put("kept", 1);
  stage.server.put("lost", 1);
  await started(stage);
  stage.server.remove("lost");
  stage.server.compact();

  end(stage.server);
  await settle();
  stage.clock.advance(longWaitMs);
  await settle();

  expect(stage.count("list")).toBe(2);
  expect(stage.changes.at(-1)).toMatchObject({
    kind: "removed",
    isSeen: false,
    object: { metadata: { name: "lost" } },
  });
  await stage.reflector.stop();
});

it("takes an object that was deleted and made again in a gap for another one: by uid, not by name", async () => {
  const stage = setUp();
  stage.server.put("a", 1);
  await started(stage);
  stage.server.remove("a");
  stage.server.put("a", 1);
  stage.server.compact();

  stage.server.end(failure("gone"));
  await settle();
  stage.clock.advance(longWaitMs);
  await settle();

  expect(stage.changes.slice(1)).toMatchObject([
    { kind: "removed", isSeen: false, object: { metadata: { uid: "uid-1" } } },
    { kind: "put", object: { metadata: { uid: "uid-2" } } },
  ]);
  await stage.reflector.stop();
});

it("follows a server that was set back, also behind this process's own writes", async () => {
  const stage = setUp();
  stage.server.put("a", 1);
  await started(stage);
  const setBack = stage.server.snapshot();
  stage.reflector.cache.observe(stage.server.put("a", 2));
  stage.server.put("b", 1);
  stage.server.deliver(1);
  stage.reflector.cache.observe(stage.server.put("a", 3));
  await settle();

  setBack();
  stage.server.end(failure("unavailable"));
  for (let round = 0; round < 3; round += 1) {
    await settle();
    stage.clock.advance(longWaitMs);
  }
  await settle();

  expect(states(stage.reflector.cache.list())).toEqual(["a uid-1 1"]);
  await stage.reflector.stop();
});

it("drops a watch that has been silent for too long, and resumes it at once from the last bookmark", async () => {
  const stage = setUp();
  await started(stage);
  stage.server.elsewhere();
  stage.server.bookmark();
  await settle();

  stage.clock.advance(silenceMaxMs - 1);
  await settle();
  expect(stage.count("watch")).toBe(1);
  stage.clock.advance(1);
  await settle();

  expect(stage.count("watch")).toBe(2);
  expect(stage.server.requests.at(-1)?.query).toMatchObject({ resourceVersion: "1" });
  expect(stage.count("list")).toBe(1);
  await stage.reflector.stop();
});

it("waits longer and longer while watches end at once, and not at all after one that lived", async () => {
  const stage = setUp();
  await started(stage);
  const waits: number[] = [];
  for (let round = 0; round < 7; round += 1) {
    const [before, from] = [stage.count("watch"), stage.clock.monotonicMs()];
    stage.server.end("clean");
    await settle();
    while (stage.count("watch") === before) {
      stage.clock.advance(100);
      await settle();
    }
    waits.push(stage.clock.monotonicMs() - from);
  }
  expect(waits).toEqual([1_200, 2_400, 4_800, 9_600, 19_200, 38_400, 45_000]);

  stage.clock.advance(shortWatchMs);
  stage.server.end("clean");
  await settle();
  expect(stage.count("watch")).toBe(9);
  await stage.reflector.stop();
});

it("waits at least as long as the server asks", async () => {
  const stage = setUp();
  await started(stage);

  stage.server.end(new KubeFailure("tooManyRequests", "slow down", { retryAfterMs: 50_000 }));
  await settle();
  stage.clock.advance(49_999);
  await settle();
  expect(stage.count("watch")).toBe(1);
  stage.clock.advance(1);
  await settle();

  expect(stage.count("watch")).toBe(2);
  await stage.reflector.stop();
});

it("does not trust for ever in a server that lists but lets no watch through", async () => {
  const stage = setUp();
  await started(stage);
  stage.server.end(failure("unavailable"));

  for (let round = 1; round < fruitlessWatchesMax; round += 1) {
    stage.server.failNext(failure("unavailable"));
  }
  for (let round = 0; round < fruitlessWatchesMax; round += 1) {
    await settle();
    stage.clock.advance(longWaitMs);
  }
  await settle();

  expect(stage.count("list")).toBe(2);
  await stage.reflector.stop();
});

it("keeps nothing that only makes objects larger, and nothing that can be changed", async () => {
  const stage = setUp();
  const put = stage.server.put("a", 1);
  const annotations = { "kubectl.kubernetes.io/last-applied-configuration": "{}", team: "data" };
  stage.server.objects.set("a", { ...put, metadata: { ...put.metadata, annotations, managedFields: [] } as never });

  await started(stage);

  const { metadata } = stage.reflector.cache.get("n", "a") ?? { metadata: { name: "" } };
  expect(metadata).toEqual({ ...put.metadata, annotations: { team: "data" } });
  expect(Object.isFrozen(metadata)).toBe(true);
  await stage.reflector.stop();
});

it("lives on where whoever is told throws", async () => {
  const stage = setUp();
  stage.changes.push = () => {
    throw new Error("no");
  };
  stage.server.put("a", 1);

  await started(stage);

  expect(stage.reflector.cache.list()).toHaveLength(1);
  await stage.reflector.stop();
});

it("lists again when asked, at once, though its watch seems well and has told nothing", async () => {
  const stage = setUp();
  stage.server.put("a", 1);
  await started(stage);
  // On the server, and on no watch: the connection is dead and does not show it.
  stage.server.put("b", 1);

  await stage.reflector.relist();
  await settle();

  expect(states(stage.reflector.cache.list())).toEqual(states(stage.server.objects.values()));
  expect(stage.count("list")).toBe(2);
  expect(stage.server.requests.at(-1)?.query).toMatchObject({ watch: true, resourceVersion: "2" });
  await stage.reflector.stop();
});

it("is gone when it is stopped: no timer, no watch, nobody is told", async () => {
  const stage = setUp();
  await started(stage);

  await stage.reflector.stop();
  stage.server.put("a", 1);
  stage.server.deliver(1);
  await settle();

  expect(stage.clock.pendingCount()).toBe(0);
  expect(stage.changes).toEqual([]);
});
