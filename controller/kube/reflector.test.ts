import fc from "fast-check";
import { expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { UserError } from "#lib/errors.ts";
import { fuzzSeed } from "#test/harness/fuzz-seed.ts";
import { backoffMaxMs } from "./backoff.ts";
import type { CacheChange } from "./cache.ts";
import { KubeFailure, type KubeFailureKind } from "./failure.ts";
import { ModelServer, type Thing } from "./model-server.ts";
import {
  fruitlessWatchesMax,
  Reflector,
  shortWatchMs,
  silenceMaxMs,
  syncTimeoutMs,
  watchSeconds,
} from "./reflector.ts";
import { createResource } from "./resource.ts";

function setUp() {
  const clock = manualClock();
  const server = new ModelServer();
  const changes: CacheChange<Thing>[] = [];
  const resource = createResource<Thing>(server, { group: "", version: "v1", plural: "things" });
  const reflector = new Reflector<Thing>({
    resource,
    name: "things",
    clock,
    random: () => 0.5,
    log: silentLog,
    onChange: (change) => changes.push(change),
  });
  const count = (what: "list" | "watch"): number =>
    server.requests.filter(({ query }) => (query?.["watch"] === true) === (what === "watch")).length;
  return { clock, server, reflector, changes, count };
}

/** Lets everything happen that needs no timer. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn += 1) {
    await Promise.resolve();
  }
}

/** Past any wait that the reflector may be in. */
const longWaitMs = 2 * backoffMaxMs;

async function started(stage: ReturnType<typeof setUp>): Promise<void> {
  stage.reflector.start();
  await stage.reflector.waitForSync();
  await settle();
}

function states(objects: Iterable<Thing>): readonly string[] {
  return [...objects].map(({ metadata, value }) => `${metadata.name} ${metadata.uid} ${value}`).sort();
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

const names = fc.constantFrom("a", "b", "c", "d", "e");
const failing = fc.constantFrom<KubeFailureKind>(
  "unavailable",
  "tooManyRequests",
  "gone",
  "resourceVersionTooLarge",
  "refused",
);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("put" as const), name: names, value: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("remove" as const), name: names }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("own" as const), name: names, value: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("answer" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("release" as const), name: names }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("hold" as const, "letGo" as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("deliver" as const), count: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("bookmark" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("compact" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("cut" as const), kind: fc.option(failing) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("fail" as const), kind: failing }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.nat(longWaitMs) }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

type Run = ReturnType<typeof setUp> & {
  /** Objects, by uid, of which a write of our own was answered; and those that we let go. */
  readonly written: Set<string>;
  readonly released: Set<string>;
};

/** Does one thing to the server, the connection or the cache. */
function perform(stage: Run, one: Step, answers: (() => void)[]): void {
  const { server, reflector, clock, changes } = stage;
  switch (one.do) {
    case "put":
      server.put(one.name, one.value);
      return;
    case "remove":
      server.remove(one.name);
      return;
    case "own": {
      const written = server.put(one.name, one.value);
      answers.push(() => {
        changes.push(...reflector.cache.observe(written));
        stage.written.add(written.metadata.uid ?? "");
      });
      return;
    }
    case "answer":
      answers.shift()?.();
      return;
    case "hold":
      server.hold();
      return;
    case "letGo":
      server.letGo();
      return;
    case "release": {
      const known = reflector.cache.get("n", one.name);
      if (known !== undefined && server.objects.get(one.name)?.metadata.uid === known.metadata.uid) {
        server.remove(one.name);
        answers.push(() => {
          changes.push(...reflector.cache.forget(known));
          stage.released.add(known.metadata.uid ?? "");
        });
      }
      return;
    }
    case "deliver":
      server.deliver(one.count);
      return;
    case "bookmark":
      server.bookmark();
      return;
    case "compact":
      server.compact();
      return;
    case "cut":
      server.end(one.kind === null ? "clean" : failure(one.kind));
      return;
    case "fail":
      server.failNext(failure(one.kind));
      return;
    default:
      clock.advance(one.ms);
  }
}

it("has what the server has in the end, tells of all of it, and never goes back, whatever happens on the way", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80, size: "max" }), async (steps) => {
      const stage: Run = { ...setUp(), written: new Set(), released: new Set() };
      stage.reflector.start();
      const newest = new Map<string, number>();
      const answers: (() => void)[] = [];
      for (const one of steps) {
        perform(stage, one, answers);
        await settle();
        for (const { metadata } of stage.reflector.cache.list()) {
          const version = Number(metadata.resourceVersion);
          expect(version, `${metadata.uid} went back`).toBeGreaterThanOrEqual(newest.get(metadata.uid ?? "") ?? 0);
          newest.set(metadata.uid ?? "", version);
        }
        const shown = new Set(stage.reflector.cache.list().map(({ metadata }) => metadata.uid ?? ""));
        for (const { metadata } of stage.server.objects.values()) {
          const { uid = "" } = metadata;
          expect(shown.has(uid) || !stage.written.has(uid), `our own ${uid} is not there`).toBe(true);
        }
        expect([...shown].filter((uid) => stage.released.has(uid))).toEqual([]);
      }
      stage.server.letGo();
      for (let round = 0; round < steps.length + 5; round += 1) {
        answers.shift()?.();
        stage.clock.advance(longWaitMs);
        await settle();
        stage.server.deliver(Number.POSITIVE_INFINITY);
        await settle();
      }

      expect(states(stage.reflector.cache.list())).toEqual(states(stage.server.objects.values()));
      expect(states(folded(stage.changes))).toEqual(states(stage.server.objects.values()));
      await stage.reflector.stop();
      expect(stage.clock.pendingCount()).toBe(0);
    }),
    { seed: fuzzSeed, numRuns: 500 },
  );
});

/** What whoever listened to all changes, the own ones among them, would have now. */
function folded(changes: readonly CacheChange<Thing>[]): Iterable<Thing> {
  const known = new Map<string, Thing>();
  for (const { kind, object } of changes) {
    if (kind === "put") {
      known.set(object.metadata.name, object);
    } else {
      known.delete(object.metadata.name);
    }
  }
  return known.values();
}
