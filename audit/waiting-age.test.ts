import fc from "fast-check";
import { expect, it } from "vitest";
import { fuzzSeed } from "#test/harness/fuzz-seed.ts";
import { ageMarksMax, ageStepMs, WaitingAge } from "./waiting-age.ts";

it("is zero where nothing waits", () => {
  const age = new WaitingAge();

  expect(age.oldestMs(5_000)).toBe(0);
  age.written(3, 5_000);
  age.acknowledged(3);

  expect(age.oldestMs(9_000)).toBe(0);
});

it("is the oldest record's that is not acknowledged, and never too short", () => {
  const step = fc.record({
    passMs: fc.nat(5_000),
    write: fc.nat(20),
    acknowledge: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const age = new WaitingAge();
      const writtenMs: number[] = [];
      let [nowMs, acknowledged] = [0, 0];
      for (const { passMs, write, acknowledge } of steps) {
        nowMs += passMs;
        writtenMs.push(...Array.from({ length: write }, () => nowMs));
        if (write > 0) {
          age.written(writtenMs.length, nowMs);
        }
        acknowledged = Math.max(acknowledged, Math.floor(acknowledge * writtenMs.length));
        age.acknowledged(acknowledged);

        const exactMs = nowMs - (writtenMs[acknowledged] ?? nowMs);
        expect(age.oldestMs(nowMs)).toBeGreaterThanOrEqual(exactMs);
        expect(age.oldestMs(nowMs)).toBeLessThanOrEqual(acknowledged === writtenMs.length ? 0 : exactMs + ageStepMs);
      }
    }),
    { seed: fuzzSeed, numRuns: 200 },
  );
});

it("keeps no more marks than it may when nothing is acknowledged for long, and is then told in coarser steps", () => {
  const age = new WaitingAge();
  const records = 4 * ageMarksMax;
  for (let seq = 1; seq <= records; seq += 1) {
    age.written(seq, seq * ageStepMs);
  }
  const nowMs = records * ageStepMs;

  expect(age.oldestMs(nowMs)).toBe(nowMs - ageStepMs);
  age.acknowledged(records - 100);

  expect(age.oldestMs(nowMs)).toBeGreaterThanOrEqual(99 * ageStepMs);
  expect(age.oldestMs(nowMs)).toBeLessThanOrEqual((99 + 4) * ageStepMs);
});
