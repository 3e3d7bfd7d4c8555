import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { manualClock, type ManualClock } from "#lib/clock.ts";
import { wallCheckMs } from "./delays.ts";
import { moreUrgent, priorities, type Priority } from "./priority.ts";
import { createQueue, type WorkQueue } from "./queue.ts";

const backoff = { baseMs: 1_000, maxMs: 8_000 };

function setUp(random = () => 0): { clock: ManualClock; queue: WorkQueue } {
  const clock = manualClock();
  return { clock, queue: createQueue({ clock, random, backoff }) };
}

/** All that can be taken now, without giving anything back. */
async function takeAll(queue: WorkQueue): Promise<string[]> {
  const keys: string[] = [];
  while (Object.values(queue.depth().queued).some((count) => count > 0)) {
    keys.push((await queue.get())?.key ?? "");
  }
  return keys;
}

describe("queue", () => {
  it("gives out a key once, however often it was added", async () => {
    const { queue } = setUp();
    queue.add("a", "change");
    queue.add("a", "change");
    queue.add("b", "change");

    expect(await takeAll(queue)).toEqual(["a", "b"]);
  });

  it("gives a key that was added while a worker had it out again, after the worker is done", async () => {
    const { queue } = setUp();
    queue.add("a", "change");
    await queue.get();
    queue.add("a", "change");
    expect(queue.depth().queued.change).toBe(0);

    queue.done("a");

    expect(await queue.get()).toEqual({ key: "a", priority: "change" });
  });

  it("empties revoke before change before resync", async () => {
    const { queue } = setUp();
    queue.add("r", "resync");
    queue.add("c", "change");
    queue.add("x", "revoke");

    expect(await takeAll(queue)).toEqual(["x", "c", "r"]);
  });

  it("gives a worker for what is urgent nothing else, even when the others are all busy, and sends it home in the end", async () => {
    const { queue } = setUp();
    const given: (string | undefined)[] = [];
    const waitForOne = (): void => void queue.get(true).then((work) => given.push(work?.key));
    waitForOne();
    queue.add("change", "change");
    queue.add("end", "revoke");
    expect((await queue.get())?.key).toBe("change");
    waitForOne();

    queue.add("change again", "change");
    queue.shutDown();
    queue.dropQueued();

    await Promise.resolve();
    expect(given).toEqual(["end", undefined]);
  });

  it("raises a queued key and never lowers it", async () => {
    const { queue } = setUp();
    queue.add("a", "resync");
    queue.add("b", "change");
    queue.add("a", "revoke");
    queue.add("a", "resync");

    expect(await queue.get()).toEqual({ key: "a", priority: "revoke" });
  });

  it("lets the earlier of two times win, whichever was said first", async () => {
    const { queue, clock } = setUp();
    queue.addAfter("a", "change", 500);
    queue.addAfter("a", "change", 2_000);
    queue.addAfter("b", "change", 2_000);
    queue.addAfter("b", "change", 500);

    clock.advance(499);
    expect(queue.depth().delayed).toBe(2);
    clock.advance(1);
    expect(await takeAll(queue)).toEqual(["a", "b"]);
    expect(queue.depth().delayed).toBe(0);
  });

  it("uses one timer, however much waits", () => {
    const { queue, clock } = setUp();
    for (let index = 0; index < 100; index += 1) {
      queue.addAfter(`k${index}`, "change", 1_000 + (index % 7) * 10);
    }

    expect(clock.pendingCount()).toBe(1);
    clock.advance(5_000);
    expect(clock.pendingCount()).toBe(0);
  });

  it("wakes a key at its instant, a second not early, weeks ahead", () => {
    const { queue, clock } = setUp();
    const at = clock.now() + 40 * 86_400_000;
    queue.addAt("a", "revoke", at);

    clock.advance(40 * 86_400_000 - 1_000);
    expect(queue.depth().queued.revoke).toBe(0);
    clock.advance(1_000);
    expect(queue.depth().queued.revoke).toBe(1);
  });

  it("notices within ten seconds that the wall clock jumped past an instant", () => {
    const { queue, clock } = setUp();
    queue.addAt("a", "revoke", clock.now() + 3_600_000);
    queue.addAfter("b", "change", 3_600_000);

    clock.jump(3_600_000);
    clock.advance(wallCheckMs);

    expect(queue.depth().queued).toEqual({ revoke: 1, change: 0, resync: 0 });
  });

  it("notices a jump ahead that follows a jump back", () => {
    const { queue, clock } = setUp();
    queue.addAt("a", "revoke", clock.now() + 3_600_000);
    clock.jump(-7_200_000);
    queue.addAt("b", "revoke", clock.now() + 3_600_000);
    clock.jump(3_600_000);

    clock.advance(wallCheckMs);

    expect(queue.depth().queued.revoke).toBe(1);
  });

  it("wakes a key early rather than late when the wall clock jumps back", () => {
    const { queue, clock } = setUp();
    queue.addAt("a", "revoke", clock.now() + 60_000);

    clock.jump(-3_600_000);
    clock.advance(60_000);

    expect(queue.depth().queued.revoke).toBe(1);
  });

  it("backs off twice as far with each failure, up to the maximum, and starts over when forgotten", () => {
    const { queue } = setUp(() => 1 - Number.EPSILON);
    const pauses = Array.from({ length: 5 }, () => Math.round(queue.addRateLimited("a", "change")));
    expect(pauses).toEqual([2_000, 4_000, 8_000, 8_000, 8_000]);
    expect(queue.failures("a")).toBe(5);

    queue.forget("a");

    expect(Math.round(queue.addRateLimited("a", "change"))).toBe(2_000);
  });

  it("spreads pauses over their whole range and never goes below the base, even after a thousand failures", () => {
    const { queue } = setUp(() => 0);
    const pauses = Array.from({ length: 1_100 }, () => queue.addRateLimited("a", "change"));

    expect(new Set(pauses)).toEqual(new Set([1_000]));
  });

  it("gives out what is queued after a shut-down, then sends the workers home", async () => {
    const { queue, clock } = setUp();
    queue.add("a", "change");
    await queue.get();
    queue.add("a", "change");
    queue.add("b", "change");
    queue.addAfter("c", "change", 10);
    queue.shutDown();
    queue.add("d", "change");
    clock.advance(10);
    let isDrained = false;
    const drained = queue.drained().then(() => (isDrained = true));

    expect((await queue.get())?.key).toBe("b");
    queue.done("b");
    const last = queue.get();
    expect(isDrained).toBe(false);
    queue.done("a");
    expect((await last)?.key).toBe("a");
    queue.done("a");

    await drained;
    expect(await queue.get()).toBeUndefined();
    expect(clock.pendingCount()).toBe(0);
  });

  it("refuses a key back that no worker has", () => {
    expect(() => setUp().queue.done("a")).toThrow("no worker has this key");
  });
});

/** What the queue should be, said as plainly as possible. */
interface Model {
  nowMs: number;
  stamp: number;
  shuttingDown: boolean;
  readonly queued: Map<string, { priority: Priority; stamp: number }>;
  readonly processing: Map<string, Priority | undefined>;
  readonly delayed: Map<string, { priority: Priority; dueMs: number }>;
}

type Real = ReturnType<typeof setUp>;
type Command = fc.AsyncCommand<Model, Real>;

function modelAdd(model: Model, key: string, priority: Priority): void {
  if (model.shuttingDown) {
    return;
  }
  if (model.processing.has(key)) {
    model.processing.set(key, moreUrgent(model.processing.get(key) ?? priority, priority));
    return;
  }
  const before = model.queued.get(key);
  if (before === undefined || moreUrgent(before.priority, priority) !== before.priority) {
    model.queued.set(key, { priority, stamp: model.stamp });
  }
}

function checkDepth(model: Model, { queue }: Real): void {
  const count = (priority: Priority) => [...model.queued.values()].filter((item) => item.priority === priority).length;
  expect(queue.depth()).toEqual({
    queued: { revoke: count("revoke"), change: count("change"), resync: count("resync") },
    delayed: model.delayed.size,
    processing: model.processing.size,
  });
}

function command(text: string, run: (model: Model, real: Real) => Promise<void> | void): Command {
  return {
    check: () => true,
    async run(model, real) {
      model.stamp += 1;
      await run(model, real);
      checkDepth(model, real);
    },
    toString: () => text,
  };
}

const key = fc.constantFrom("a", "b", "c", "d", "e");
const priority = fc.constantFrom(...priorities);

const commands = [
  fc.tuple(key, priority).map(([k, p]) =>
    command(`add ${k} ${p}`, (model, { queue }) => {
      queue.add(k, p);
      modelAdd(model, k, p);
    }),
  ),
  fc.tuple(key, priority, fc.integer({ min: 1, max: 30_000 })).map(([k, p, ms]) =>
    command(`addAfter ${k} ${p} ${ms}`, (model, { queue }) => {
      queue.addAfter(k, p, ms);
      const before = model.delayed.get(k);
      if (!model.shuttingDown) {
        model.delayed.set(k, {
          priority: moreUrgent(before?.priority ?? p, p),
          dueMs: Math.min(before?.dueMs ?? Number.POSITIVE_INFINITY, model.nowMs + ms),
        });
      }
    }),
  ),
  fc.integer({ min: 1, max: 20_000 }).map((ms) =>
    command(`advance ${ms}`, (model, { clock }) => {
      clock.advance(ms);
      model.nowMs += ms;
      const due = [...model.delayed].filter(([, item]) => item.dueMs <= model.nowMs);
      let lastDueMs = -1;
      for (const [k, item] of due.sort(([, a], [, b]) => a.dueMs - b.dueMs)) {
        // Keys that are due at the same moment may come in any order: they share a stamp.
        model.stamp += item.dueMs === lastDueMs ? 0 : 1;
        lastDueMs = item.dueMs;
        model.delayed.delete(k);
        modelAdd(model, k, item.priority);
      }
    }),
  ),
  fc.constant(
    command("get", async (model, { queue }) => {
      if (model.queued.size === 0) {
        return;
      }
      const work = await queue.get();
      const top = priorities.find((p) => [...model.queued.values()].some((item) => item.priority === p));
      const candidates = [...model.queued].filter(([, item]) => item.priority === top);
      const oldest = Math.min(...candidates.map(([, item]) => item.stamp));
      const first = candidates.filter(([, item]) => item.stamp === oldest).map(([k]) => k);
      expect(work?.priority).toBe(top);
      expect(first).toContain(work?.key);
      expect(model.processing.has(work?.key ?? "")).toBe(false);
      model.queued.delete(work?.key ?? "");
      model.processing.set(work?.key ?? "", undefined);
    }),
  ),
  key.map((k) =>
    command(`done ${k}`, (model, { queue }) => {
      if (!model.processing.has(k)) {
        return;
      }
      queue.done(k);
      const again = model.processing.get(k);
      model.processing.delete(k);
      if (again !== undefined) {
        model.queued.set(k, { priority: again, stamp: model.stamp });
      }
    }),
  ),
];

const shutDown = fc.constant(
  command("shutDown", (model, { queue }) => {
    queue.shutDown();
    model.shuttingDown = true;
    model.delayed.clear();
  }),
);

function freshModel(): Model {
  return { nowMs: 0, stamp: 0, shuttingDown: false, queued: new Map(), processing: new Map(), delayed: new Map() };
}

describe("queue against its model", () => {
  it("does the same as the model under any schedule", async () => {
    await fc.assert(
      fc.asyncProperty(fc.commands(commands, { maxCommands: 60 }), async (schedule) => {
        await fc.asyncModelRun(() => ({ model: freshModel(), real: setUp() }), schedule);
      }),
      { numRuns: 300 },
    );
  });

  it("does the same as the model when shut down in the middle", async () => {
    await fc.assert(
      fc.asyncProperty(fc.commands([...commands, shutDown], { maxCommands: 40 }), async (schedule) => {
        await fc.asyncModelRun(() => ({ model: freshModel(), real: setUp() }), schedule);
      }),
      { numRuns: 200 },
    );
  });

  it("never lets two workers have one key, and never loses an add, however the workers interleave", async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.array(fc.tuple(key, priority), { maxLength: 30 }), async (s, adds) => {
        const { queue } = setUp();
        const busy = new Set<string>();
        const pending = new Map<string, number>();
        const worker = async (urgentOnly = false): Promise<void> => {
          for (let work = await queue.get(urgentOnly); work !== undefined; work = await queue.get(urgentOnly)) {
            expect(busy.has(work.key)).toBe(false);
            busy.add(work.key);
            pending.delete(work.key);
            await s.schedule(Promise.resolve(), work.key);
            busy.delete(work.key);
            queue.done(work.key);
          }
        };
        const workers = [worker(), worker(), worker(true)];
        const adding = (async () => {
          for (const [k, p] of adds) {
            await s.schedule(Promise.resolve(), `add ${k}`);
            pending.set(k, 1);
            queue.add(k, p);
          }
          queue.shutDown();
        })();

        await s.waitFor(Promise.all([adding, ...workers]));

        expect(pending.size).toBe(0);
        expect(busy.size).toBe(0);
      }),
      { numRuns: 200 },
    );
  });
});
