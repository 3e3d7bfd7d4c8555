import { describe, expect, it } from "vitest";
import { type Cursor, memoryCursors } from "./cursor.ts";
import { SinkRunner } from "./runner.ts";
import { settle, stand } from "./testing.ts";

describe("batches", () => {
  it("are delivered when they have as many items as they may, and what is left when the oldest has waited long enough", async () => {
    const { clock, source, sink, runner } = stand();
    source.add(7);

    runner.start();
    await settle();
    const atOnce = [...sink.arrived];
    clock.advance(5_000);
    await settle();
    await runner.stop();

    expect(atOnce).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(sink.arrived.at(-1)).toEqual([7]);
  });

  it("never hold more bytes than they may, but for an item that is larger alone", async () => {
    const { source, sink, runner } = stand({ limits: { items: 10, bytes: 25, ageMs: 0 } });
    source.add(2, 0, 10);
    source.add(1, 0, 100);
    source.add(1, 0, 10);

    runner.start();
    await settle();
    await runner.stop();

    expect(sink.arrived).toEqual([[1, 2], [3], [4]]);
  });

  it("are delivered at once when they are old already, as after a long stop", async () => {
    const { clock, source, sink, runner } = stand();
    source.add(1, clock.now() - 60_000);

    runner.start();
    await settle();
    await runner.stop();

    expect(sink.arrived).toEqual([[1]]);
  });

  it("are read only as far as they go, however much there is: a slow sink keeps nothing in memory", async () => {
    const { source, sink, runner } = stand();
    source.add(100_000);
    sink.deliver = () => new Promise(() => {});

    runner.start();
    await settle();

    expect(source.largestRead).toBeLessThanOrEqual(3);
  });
});

describe("a failure", () => {
  it("is followed by the same items, after a pause that grows and that the destination may lengthen", async () => {
    const { clock, source, sink, counted, runner } = stand();
    sink.faults.push("unreachable", "unreachable", "refused");
    source.add(3);

    runner.start();
    await settle();
    for (const pauseMs of [1_000, 2_000, 4_000]) {
      const before = sink.tries;
      clock.advance(pauseMs - 1);
      await settle();
      expect(sink.tries).toBe(before);
      clock.advance(1);
      await settle();
      expect(sink.tries).toBe(before + 1);
    }
    await runner.stop();

    expect(sink.arrived).toEqual([[1, 2, 3]]);
    expect(counted).toEqual({ delivered: 3, failed: ["unreachable", "unreachable", "refused"], lost: 0 });
  });

  it("shows in the status until a delivery succeeds, and nothing is dropped meanwhile", async () => {
    const { clock, source, sink, runner } = stand();
    sink.faults.push("refused");
    source.add(4);

    runner.start();
    await settle();
    clock.advance(500);
    const failing = runner.status();
    clock.advance(500);
    await settle();
    const later = runner.status();
    await runner.stop();

    expect(failing).toMatchObject({ position: 0, behind: 4, behindMs: 500, failure: { kind: "refused", tries: 1 } });
    expect(later).toMatchObject({ position: 3, behind: 1 });
    expect(later.failure).toBeUndefined();
  });

  it("after a part was confirmed is followed by the rest only", async () => {
    const { clock, source, sink, cursors, runner } = stand();
    sink.faults.push("half");
    source.add(3);

    runner.start();
    await settle();
    const between = cursors.cursors.get("test");
    clock.advance(60_000);
    await settle();
    await runner.stop();

    expect(between).toMatchObject({ position: 2, pendingUpTo: 3 });
    expect(sink.arrived).toEqual([[1, 2], [3]]);
  });

  it("of the cursor's writing holds the next batch back until it is written", async () => {
    const cursors = memoryCursors();
    let failures = 2;
    const failing = {
      read: (sink: string) => cursors.read(sink),
      write: (sink: string, cursor: Cursor) =>
        cursor.position > 0 && failures-- > 0 ? Promise.reject(new Error("disk full")) : cursors.write(sink, cursor),
    };
    const { clock, source, sink, runner } = stand({ cursors: failing });
    source.add(6);

    runner.start();
    await settle();
    const held = sink.arrived.length;
    for (let turn = 0; turn < 5; turn += 1) {
      clock.advance(60_000);
      await settle();
    }
    await runner.stop();

    expect(held).toBe(1);
    expect(sink.arrived).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
  });
});

describe("a stop", () => {
  it("delivers what is there, although others were waited for, and closes the sink", async () => {
    const { source, sink, cursors, runner } = stand();
    source.add(2);
    runner.start();
    await settle();

    await runner.stop();

    expect(sink.arrived).toEqual([[1, 2]]);
    expect(cursors.cursors.get("test")).toMatchObject({ position: 2, lastID: "id-2" });
    expect(sink.isClosed).toBe(true);
  });

  it("does not wait for a destination that does not answer", async () => {
    const { clock, source, sink, cursors, runner } = stand();
    source.add(3);
    sink.deliver = (_, { signal }) =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));
    runner.start();
    await settle();

    const stopped = runner.stop();
    clock.advance(5_000);
    await stopped;

    expect(cursors.cursors.get("test")).toMatchObject({ position: 0, pendingUpTo: 3 });
  });
});

describe("a start", () => {
  it("delivers a batch whose delivery had begun exactly as it was, although more has come since", async () => {
    const { source, sink, cursors, runner } = stand({ limits: { items: 100, bytes: 1_000, ageMs: 0 } });
    cursors.cursors.set("test", { position: 2, lastID: "id-2", pendingUpTo: 4, epoch: "e" });
    source.add(9);

    runner.start();
    await settle();
    await runner.stop();

    expect(sink.arrived).toEqual([
      [3, 4],
      [5, 6, 7, 8, 9],
    ]);
  });

  it("of a new sink can begin with what comes, and goes on from there after a restart", async () => {
    const { source, sink, cursors, options, runner } = stand({ from: "now" });
    source.add(3);
    runner.start();
    await settle();
    await runner.stop();
    source.add(1);

    const again = new SinkRunner(options);
    again.start();
    await settle();
    await again.stop();

    expect(sink.arrived).toEqual([[4]]);
    expect(cursors.cursors.get("test")?.position).toBe(4);
  });

  it.each([
    ["has fewer positions", { position: 9, lastID: "id-9", epoch: "old" }],
    ["has something else at the position", { position: 2, lastID: "other", epoch: "old" }],
  ])("on a store that was replaced and %s begins again, under a new epoch", async (_, cursor) => {
    const { source, sink, cursors, runner } = stand();
    cursors.cursors.set("test", cursor);
    source.add(3);

    runner.start();
    await settle();
    await runner.stop();

    expect(sink.arrived).toEqual([[1, 2, 3]]);
    expect(cursors.cursors.get("test")).toMatchObject({ position: 3, epoch: "epoch1" });
  });
});

it("says how many positions retention has removed before they were delivered, and which one it still needs", async () => {
  const { source, sink, cursors, counted, runner } = stand();
  await cursors.write("test", { position: 0, epoch: "epoch0" });
  source.add(10);
  source.removeUpTo(4);

  expect(runner.positionNeeded()).toBe(1);
  runner.start();
  await settle();
  await runner.stop();

  expect(sink.arrived.flat()).toEqual([5, 6, 7, 8, 9, 10]);
  expect(counted.lost).toBe(4);
  expect(runner.status().lost).toBe(4);
  expect(runner.positionNeeded()).toBe(11);
});

it("begins a new sink at the oldest that there is, of which nothing was lost", async () => {
  const { source, sink, counted, runner } = stand();
  source.add(10);
  source.removeUpTo(4);

  runner.start();
  await settle();
  await runner.stop();

  expect(sink.arrived.flat()).toEqual([5, 6, 7, 8, 9, 10]);
  expect(counted.lost).toBe(0);
});

it("delivers nothing while this process may not", async () => {
  let mayDeliver = false;
  const { clock, source, sink, runner } = stand({
    pass: () => {
      if (!mayDeliver) {
        throw new Error("does not lead");
      }
    },
  });
  source.add(3);

  runner.start();
  await settle();
  const before = sink.tries;
  mayDeliver = true;
  clock.advance(60_000);
  await settle();
  await runner.stop();

  expect(before).toBe(0);
  expect(sink.arrived).toEqual([[1, 2, 3]]);
});
