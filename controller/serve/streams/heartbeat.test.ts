import { describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import type { StatementEvent } from "#wire/control-api.ts";
import { heartbeatPeriodMs, withHeartbeats } from "./heartbeat.ts";

const event = (storeSeq: number): StatementEvent => ({ storeSeq, event: "session-open" }) as StatementEvent;
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A source that a test feeds. */
function source() {
  const waiting: PromiseWithResolvers<IteratorResult<StatementEvent>>[] = [];
  const ready: StatementEvent[] = [];
  let asked = 0;
  let returned = false;
  const events: AsyncIterable<StatementEvent> = {
    [Symbol.asyncIterator]: () => ({
      next() {
        asked += 1;
        const value = ready.shift();
        if (value !== undefined) {
          return Promise.resolve({ done: false, value });
        }
        waiting.push(Promise.withResolvers());
        return waiting.at(-1)?.promise as Promise<IteratorResult<StatementEvent>>;
      },
      async return() {
        returned = true;
        return { done: true, value: undefined };
      },
    }),
  };
  return {
    events,
    give(value: StatementEvent) {
      const asking = waiting.shift();
      if (asking === undefined) {
        ready.push(value);
      } else {
        asking.resolve({ done: false, value });
      }
    },
    end: () => waiting.shift()?.resolve({ done: true, value: undefined }),
    fail: (error: Error) => waiting.shift()?.reject(error),
    asked: () => asked,
    returned: () => returned,
  };
}

describe("a tail with heartbeats", () => {
  it("begins with its position, and repeats the last one in every silence", async () => {
    const clock = manualClock();
    const from = source();
    const tail = withHeartbeats(from.events, 41, clock);

    expect((await tail.next()).value).toMatchObject({ event: "heartbeat", storeSeq: 41 });
    for (const expected of [41, 41]) {
      const next = tail.next();
      await settle();
      clock.advance(heartbeatPeriodMs);
      expect((await next).value).toMatchObject({ event: "heartbeat", storeSeq: expected });
    }
    const event42 = tail.next();
    from.give(event(42));
    expect((await event42).value).toEqual(event(42));
    const after = tail.next();
    await settle();
    clock.advance(heartbeatPeriodMs);

    expect((await after).value).toMatchObject({ event: "heartbeat", storeSeq: 42 });
  });

  it("gives every event once and in order, however heartbeats fall between", async () => {
    const clock = manualClock();
    const from = source();
    const tail = withHeartbeats(from.events, 0, clock);
    const seen: number[] = [];
    await tail.next();

    for (let seq = 1; seq <= 20; seq += 1) {
      if (seq % 3 === 0) {
        const beat = tail.next();
        await settle();
        clock.advance(heartbeatPeriodMs);
        expect((await beat).value?.event).toBe("heartbeat");
      }
      from.give(event(seq));
      seen.push((await tail.next()).value?.storeSeq ?? -1);
    }

    expect(seen).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
    expect(clock.pendingCount()).toBe(0);
  });

  it("reads one event ahead at most", async () => {
    const from = source();
    const tail = withHeartbeats(from.events, 0, manualClock());
    await tail.next();
    from.give(event(1));
    await tail.next();
    await settle();

    expect(from.asked()).toBe(1);
  });

  it("ends and fails as its source does; a failure that nobody waits for is no unhandled one", async () => {
    const [ending, failing] = [source(), source()];
    const first = withHeartbeats(ending.events, 0, manualClock());
    const second = withHeartbeats(failing.events, 0, manualClock());
    await Promise.all([first.next(), second.next()]);

    ending.end();
    failing.fail(new Error("store is gone"));
    await settle();

    expect((await first.next()).done).toBe(true);
    await expect(second.next()).rejects.toThrow("store is gone");
  });

  it("that its reader leaves asks its source to return", async () => {
    const from = source();
    const tail = withHeartbeats(from.events, 0, manualClock());
    await tail.next();

    await tail.return();

    expect(from.returned()).toBe(true);
  });
});
