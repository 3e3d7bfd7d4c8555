import fc from "fast-check";
import { expect, it } from "vitest";
import { fuzzSeed } from "#test/harness/fuzz-seed.ts";
import type { CacheChange } from "./cache.ts";
import { KubeFailure, type KubeFailureKind } from "./failure.ts";
import type { Thing } from "./model-server.ts";
import { longWaitMs, setUp, settle, states } from "./reflector-stage.ts";

const failure = (kind: KubeFailureKind): KubeFailure => new KubeFailure(kind, kind);
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
