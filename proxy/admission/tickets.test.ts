import { randomBytes } from "node:crypto";
import { inspect } from "node:util";
import { beforeEach, expect, it } from "vitest";
import { manualClock, type ManualClock } from "#lib/clock.ts";
import { TicketBook, ticketLifeMaxMs, ticketsPerGrantMax } from "./tickets.ts";

let clock: ManualClock;
let book: TicketBook;

beforeEach(() => {
  clock = manualClock();
  book = new TicketBook(clock, randomBytes);
});

it("a ticket opens its own grant until it runs out, 15 minutes at most", () => {
  const { ticket, lifeMs } = book.issue("g1", "client/1", 3_600_000);

  clock.advance(ticketLifeMaxMs - 1);
  const before = book.check(ticket);
  clock.advance(1);

  expect(lifeMs).toBe(15 * 60_000);
  expect(before).toMatchObject({ grantID: "g1", client: "client/1" });
  expect(book.check(ticket)).toBeUndefined();
});

it("never outlives its grant, by time or by revocation", () => {
  const short = book.issue("g1", "", 1_000);
  const other = book.issue("g2", "", 3_600_000);
  const revoked = book.issue("g1", "", 3_600_000);

  book.revoke("g1");

  expect(short.lifeMs).toBe(1_000);
  expect([book.check(short.ticket), book.check(revoked.ticket)]).toEqual([undefined, undefined]);
  expect(book.check(other.ticket)).toMatchObject({ grantID: "g2" });
});

it("another task's book does not know it", () => {
  const { ticket } = book.issue("g1", "", 1_000);

  expect(new TicketBook(clock, randomBytes).check(ticket)).toBeUndefined();
});

it("keeps no ticket, only its hash", () => {
  const { ticket } = book.issue("g1", "", 1_000);

  expect(inspect(book, { depth: 9, showHidden: true })).not.toContain(ticket);
});

it("drops a grant's oldest tickets beyond the limit, and nobody else's", () => {
  const other = book.issue("g2", "", 1_000);
  const first = book.issue("g1", "", 1_000);
  let last = first;
  for (let n = 0; n < ticketsPerGrantMax; n += 1) {
    last = book.issue("g1", "", 1_000);
  }

  expect(book.check(first.ticket)).toBeUndefined();
  expect(book.check(last.ticket)).toBeDefined();
  expect(book.check(other.ticket)).toBeDefined();
});
