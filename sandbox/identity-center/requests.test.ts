import { manualClock } from "#lib/clock.ts";
import { expect, test } from "vitest";
import { createEventLog } from "../events.ts";
import { randomFrom } from "../ids.ts";
import { createRequestBook, requestsKeptMax } from "./requests.ts";

function build(failure: () => string | undefined = () => undefined) {
  const clock = manualClock();
  const book = createRequestBook({
    clock,
    random: randomFrom("requests"),
    delayMs: 10,
    failure,
    events: createEventLog(clock),
  });
  const work = (accountID: string) =>
    ({ kind: "provisioning", accountIDs: [accountID], permissionSetARN: "ps", principal: undefined }) as const;
  return { clock, book, work };
}

test("work in two accounts goes on at the same time; in one account it does not, and work on many accounts counts for each", () => {
  const { clock, book, work } = build();
  const many = { ...work("1"), accountIDs: ["1", "2"] };

  book.start(work("1"), () => {});
  book.start(work("3"), () => {});
  const blocked = () => book.start(many, () => {});

  expect(blocked).toThrow(expect.objectContaining({ code: "ConflictException" }));
  clock.advance(10);
  blocked();
  expect(() => book.start(work("2"), () => {})).toThrow(expect.objectContaining({ code: "ConflictException" }));
});

test("an effect that cannot be had makes the request FAILED with its reason, and a failure that is asked for has no effect", () => {
  const { clock, book, work } = build();
  const effects: string[] = [];
  const asked = build(() => "asked for");

  const thrown = book.start(work("1"), () => {
    throw new Error("the set is gone");
  });
  const refused = asked.book.start(work("1"), () => effects.push("happened"));
  clock.advance(10);
  asked.clock.advance(10);

  expect(book.get("provisioning", thrown.requestID)).toMatchObject({
    status: "FAILED",
    failureReason: "the set is gone",
  });
  expect(asked.book.get("provisioning", refused.requestID)).toMatchObject({ failureReason: "asked for" });
  expect(effects).toEqual([]);
});

test("a request is found under its own kind only", () => {
  const { book, work } = build();
  const { requestID } = book.start(work("1"), () => {});

  expect(() => book.get("creation", requestID)).toThrow(expect.objectContaining({ code: "ResourceNotFoundException" }));
});

test("old requests are forgotten, but never one that is in progress", () => {
  const { clock, book, work } = build();
  const first = book.start(work("1"), () => {});
  clock.advance(10);

  for (let count = 1; count < requestsKeptMax; count += 1) {
    book.start(work("1"), () => {});
    clock.advance(10);
  }
  const atTheLimit = book.get("provisioning", first.requestID);
  const last = book.start(work("last"), () => {});

  expect(() => book.get("provisioning", first.requestID)).toThrow();
  expect(atTheLimit.status).toBe("SUCCEEDED");
  expect(book.list("provisioning", undefined)).toHaveLength(requestsKeptMax);
  expect(book.get("provisioning", last.requestID).status).toBe("IN_PROGRESS");
});

test("once stopped, nothing takes effect any more", () => {
  const { clock, book, work } = build();
  const effects: string[] = [];
  book.start(work("1"), () => effects.push("happened"));

  book.stop();
  clock.advance(10);

  expect(effects).toEqual([]);
  expect(clock.pendingCount()).toBe(0);
});
