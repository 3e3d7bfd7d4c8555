import { expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { ControllerContact } from "./contact.ts";

const policy = { admitWithoutControllerMs: 100, endWithoutControllerMs: 500, warnBeforeEndMs: 50 };

it("admits nobody before the controller was heard for the first time", () => {
  expect(new ControllerContact(manualClock(), () => {}).admits).toBe(false);
});

it("admits nobody new after the first bound, ends everything after the second, once, and goes on when it is back", () => {
  const clock = manualClock();
  let lost = 0;
  const contact = new ControllerContact(clock, () => (lost += 1));

  contact.heard(policy);
  clock.advance(100);
  const atFirstBound = contact.admits;
  clock.advance(1);
  const beyond = contact.admits;
  clock.advance(398);
  const beforeSecond = lost;
  clock.advance(5_000);
  const afterSecond = lost;
  contact.heard();

  expect([atFirstBound, beyond, beforeSecond, afterSecond, contact.admits]).toEqual([true, false, 0, 1, true]);
  clock.advance(500);
  expect(lost).toBe(2);
});

it("counts from the last word heard, not from the first, and not by the wall clock", () => {
  const clock = manualClock();
  let lost = 0;
  const contact = new ControllerContact(clock, () => (lost += 1));
  contact.heard(policy);

  for (let n = 0; n < 20; n += 1) {
    clock.advance(90);
    clock.jump(1_000_000);
    contact.heard();
  }

  expect([lost, contact.admits]).toEqual([0, true]);
});

it("a controller that comes back with a shorter bound is held to it from then on", () => {
  const clock = manualClock();
  let lost = 0;
  const contact = new ControllerContact(clock, () => (lost += 1));
  contact.heard({ ...policy, endWithoutControllerMs: 10_000 });
  clock.advance(100);

  contact.heard(policy);
  clock.advance(500);

  expect(lost).toBe(1);
});
