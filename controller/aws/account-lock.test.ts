import { expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { accountHoldMaxMs, createAccountLock, linePlaceMs, turnKeptMs } from "./account-lock.ts";

const one = "111122223333";
const other = "999988887777";

function start() {
  const clock = manualClock();
  const lock = createAccountLock(clock);
  const takes = (ticket: string, urgency: "revoke" | "change" = "change", account = one): boolean => {
    try {
      lock.take(account, ticket, urgency);
      return true;
    } catch {
      return false;
    }
  };
  return { clock, lock, takes };
}

it("lets one role of an account be updated at a time, until the operation was seen to end", () => {
  const { lock, takes } = start();

  expect(takes("a")).toBe(true);
  lock.started(one, "a", "request-a");
  expect(takes("b")).toBe(false);
  expect(takes("b", "change", other)).toBe(true);
  lock.finished("request-a");
  expect(takes("b")).toBe(true);
});

it("answers busy, which is no failure of AWS's", () => {
  const { lock, takes } = start();
  takes("a");

  expect(() => lock.take(one, "b", "change")).toThrow(expect.objectContaining({ failure: "busy" }));
});

it("gives the turn to who came first, and to revocations before all", () => {
  const { lock, takes } = start();
  takes("a");
  takes("b");
  takes("c");
  takes("revoke", "revoke");

  lock.release(one, "a");

  expect(takes("c")).toBe(false);
  expect(takes("b")).toBe(false);
  expect(takes("revoke", "revoke")).toBe(true);
  lock.release(one, "revoke");
  expect(takes("c")).toBe(false);
  expect(takes("b")).toBe(true);
});

it("forgets who does not come back, so that a lost place blocks nobody", () => {
  const { clock, lock, takes } = start();
  takes("a");
  takes("gone");
  lock.release(one, "a");

  clock.advance(linePlaceMs);

  expect(takes("b")).toBe(true);
});

it("ends a turn whose operation nobody saw the end of", () => {
  const { clock, lock, takes } = start();
  takes("a");
  lock.started(one, "a", "request-a");

  clock.advance(accountHoldMaxMs);

  expect(takes("b")).toBe(true);
  lock.finished("request-a");
  expect(takes("c")).toBe(false);
});

it("lets a holder go on holding", () => {
  const { takes } = start();
  takes("a");

  expect(takes("a")).toBe(true);
});

it("wakes whoever is next when the turn is given up, and keeps it for them", () => {
  const { lock, takes } = start();
  const woken: string[] = [];
  const join = (ticket: string, urgency: "revoke" | "change"): void => {
    expect(() => lock.take(one, ticket, urgency, () => woken.push(ticket))).toThrow("another role");
  };
  takes("holder");
  join("first", "change");
  join("second", "change");
  join("revocation", "revoke");

  lock.release(one, "holder");

  expect(woken).toEqual(["revocation"]);
  expect(takes("first")).toBe(false);
  expect(takes("revocation", "revoke")).toBe(true);
  lock.started(one, "revocation", "request");
  lock.finished("request");
  expect(woken).toEqual(["revocation", "first"]);
});

it("wakes the one after where the woken does not come, or gives its place up", () => {
  const { clock, lock, takes } = start();
  const woken: string[] = [];
  takes("holder");
  for (const ticket of ["gone", "gives up", "comes"]) {
    expect(() => lock.take(one, ticket, "change", () => woken.push(ticket))).toThrow("another role");
  }

  lock.release(one, "holder");
  clock.advance(turnKeptMs);
  lock.release(one, "gives up");

  expect(woken).toEqual(["gone", "gives up", "comes"]);
  expect(takes("comes")).toBe(true);
});

it("serves thousands in a line in order, each of them woken once", () => {
  const { clock, lock, takes } = start();
  const count = 5_000;
  const woken: number[] = [];
  takes("holder");
  for (let ticket = 0; ticket < count; ticket += 1) {
    expect(() => lock.take(one, `t${ticket}`, "change", () => woken.push(ticket))).toThrow("another role");
  }

  lock.release(one, "holder");
  for (let ticket = 0; ticket < count; ticket += 1) {
    clock.advance(1);
    lock.take(one, `t${ticket}`, "change");
    lock.release(one, `t${ticket}`);
  }

  expect(woken).toEqual(Array.from({ length: count }, (_, ticket) => ticket));
});
