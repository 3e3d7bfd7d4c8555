import fc from "fast-check";
import { expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { createLimiter, identityCenterLimit, type LimiterUrgency } from "./limiter.ts";

/** Lets promises that were resolved run. */
const flush = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn += 1) {
    await Promise.resolve();
  }
};

it("lets no window of one second see more than Identity Center's 20 calls", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(400), { maxLength: 60 }), async (gaps) => {
      const clock = manualClock();
      const limiter = createLimiter(identityCenterLimit, clock);
      const passed: number[] = [];
      for (const gap of gaps) {
        clock.advance(gap);
        void limiter.take("change").then(() => passed.push(clock.monotonicMs()));
        await flush();
      }
      for (let step = 0; step < 100; step += 1) {
        clock.advance(50);
        await flush();
      }

      expect(passed).toHaveLength(gaps.length);
      for (const start of passed) {
        expect(passed.filter((time) => time >= start && time < start + 1_000).length).toBeLessThanOrEqual(20);
      }
    }),
    { numRuns: 50 },
  );
});

it("lets calls that take access away go first, then those that an account waits for, and keeps the order within each", async () => {
  const clock = manualClock();
  const limiter = createLimiter({ perSecond: 10, burst: 1 }, clock);
  const order: string[] = [];
  const take = (name: string, urgency: LimiterUrgency): void => {
    void limiter.take(urgency).then(() => order.push(name));
  };
  take("first", "change");
  take("look", "check");
  take("create 1", "change");
  take("create 2", "change");
  take("turn", "turn");
  take("revoke 1", "revoke");
  take("revoke 2", "revoke");

  for (let step = 0; step < 7; step += 1) {
    clock.advance(100);
    await flush();
  }

  expect(order).toEqual(["first", "revoke 1", "revoke 2", "turn", "create 1", "create 2", "look"]);
});

it("does not go by the wall clock", async () => {
  const clock = manualClock();
  const limiter = createLimiter({ perSecond: 1, burst: 1 }, clock);
  let passed = 0;
  void limiter.take("change").then(() => (passed += 1));
  void limiter.take("change").then(() => (passed += 1));

  clock.jump(3_600_000);
  await flush();

  expect(passed).toBe(1);
});
