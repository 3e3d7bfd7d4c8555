import { expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { aGrant, aProxy, uidOf } from "../testing.ts";
import { Checks, lookLaterMs, looksAtATimeMax } from "./checks.ts";
import { liveStatus } from "./testing.ts";

const proxy = aProxy();

/** Live grants that are all due for a look, and the place where they ask. */
function due(count: number) {
  const clock = manualClock();
  const checks = new Checks(clock, () => 0.5);
  const grants = Array.from({ length: count }, (_, index) =>
    aGrant({ metadata: { name: `g-${index}`, uid: uidOf(index) }, status: liveStatus({}) }),
  );
  for (const grant of grants) {
    checks.looked(grant, "full");
  }
  clock.advance(3_600_000);
  const begin = (index: number, isAsked = false) =>
    checks.begin(grants[index] ?? aGrant(), proxy, clock.now(), isAsked);
  return { checks, grants, begin };
}

it("looks that are due begin a few at a time, since they hold workers that new grants need", () => {
  const { begin } = due(looksAtATimeMax + 1);

  const waits = Array.from({ length: looksAtATimeMax + 1 }, (_, index) => begin(index));

  expect(waits).toEqual([...Array.from({ length: looksAtATimeMax }, () => undefined), lookLaterMs]);
});

it("a look that is over makes room for the next", () => {
  const { checks, grants, begin } = due(looksAtATimeMax + 1);
  const [first = aGrant()] = grants;
  for (let index = 0; index < looksAtATimeMax; index += 1) {
    begin(index);
  }

  checks.end(first);

  expect(begin(looksAtATimeMax)).toBeUndefined();
});

it("a look that a person asks for waits for no other, and takes nobody's place", () => {
  const { begin } = due(looksAtATimeMax + 1);
  expect(begin(0, true)).toBeUndefined();
  for (let index = 1; index <= looksAtATimeMax; index += 1) {
    expect(begin(index)).toBeUndefined();
  }

  expect(begin(0, true)).toBeUndefined();
});
