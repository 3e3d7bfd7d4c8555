import { expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { jsonLog } from "#lib/log.ts";
import { StoreWatch } from "./store-watch.ts";
import { settle } from "./testing.ts";

function stand() {
  const clock = manualClock();
  const said: string[] = [];
  let newest: () => Promise<number> = () => Promise.resolve(0);
  const watch = new StoreWatch({
    newest: () => newest(),
    clock,
    log: jsonLog("warn", {}, { write: (line) => void said.push(line) }),
  });
  return {
    clock,
    said,
    watch,
    answers: (next: () => Promise<number>) => {
      newest = next;
    },
  };
}

it("wakes those for whom there is something new, within a second, and nobody else", async () => {
  const { clock, watch, answers } = stand();
  watch.start();
  await settle();
  const woken: number[] = [];
  const never = new AbortController().signal;
  void watch.wait(4, never).then(() => woken.push(4));
  void watch.wait(5, never).then(() => woken.push(5));

  answers(() => Promise.resolve(5));
  clock.advance(1_000);
  await settle();

  expect(woken).toEqual([4]);
  expect(watch.latest()).toBe(5);
});

it("wakes everybody when it is stopped, and whoever gives up", async () => {
  const { clock, watch } = stand();
  watch.start();
  await settle();
  const given = new AbortController();
  const one = watch.wait(9, given.signal);
  const other = watch.wait(9, new AbortController().signal);

  given.abort();
  await one;
  watch.stop();
  await other;

  expect(clock.pendingCount()).toBe(0);
});

it("goes on asking a store that does not answer, and says so once", async () => {
  const { clock, watch, said, answers } = stand();
  answers(() => Promise.reject(new Error("no connection")));
  watch.start();
  for (let second = 0; second < 5; second += 1) {
    await settle();
    clock.advance(1_000);
  }
  await settle();
  const silent = said.length;

  answers(() => Promise.resolve(3));
  clock.advance(1_000);
  await settle();

  expect(silent).toBe(1);
  expect(watch.latest()).toBe(3);
});
