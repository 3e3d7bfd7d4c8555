import { expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { createSharedReads } from "./shared-reads.ts";

function setUp() {
  const clock = manualClock();
  const shared = createSharedReads(clock);
  let reads = 0;
  const read = async (): Promise<number> => {
    reads += 1;
    return reads;
  };
  return { clock, shared, read, reads: () => reads };
}

it("asks once for all who want to know within the age that they accept", async () => {
  const { clock, shared, read, reads } = setUp();

  const together = await Promise.all([shared.read("a", 10, read), shared.read("a", 10, read)]);
  clock.advance(10);
  const later = await shared.read("a", 10, read);
  const tooOld = await shared.read("a", 9, read);

  expect([...together, later, tooOld]).toEqual([1, 1, 1, 2]);
  expect(await shared.read("b", 10, read)).toBe(3);
  expect(reads()).toBe(3);
});

it("remembers no failure", async () => {
  const { shared, read } = setUp();
  const fails = (): Promise<number> => Promise.reject(new Error("no answer"));

  await expect(shared.read("a", 10, fails)).rejects.toThrow("no answer");

  expect(await shared.read("a", 10, read)).toBe(1);
});

it("forgets what nobody has asked for in a long time", async () => {
  const { clock, shared, read } = setUp();
  await shared.read("a", 10, read);

  clock.advance(3_600_000);
  await shared.read("b", 10, read);

  expect(await shared.read("a", Infinity, read)).toBe(3);
});
