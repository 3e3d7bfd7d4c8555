import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { manualClock, type ManualClock } from "#lib/clock.ts";
import type { LinkGrant } from "#wire/link.ts";
import { grantFor } from "../testing/stand.ts";
import { endedRememberedMax, GrantTable } from "./table.ts";

const server = { host: "127.0.0.1", port: 1, database: "orders" };
const grant = (change: Partial<LinkGrant> = {}): LinkGrant =>
  grantFor(server, { grantID: "g1", remainingMs: 1_000, ...change });

let clock: ManualClock;
let table: GrantTable;
let ends: string[];

beforeEach(() => {
  clock = manualClock();
  table = new GrantTable(clock);
  ends = [];
  table.listen({ onEnd: ({ grant, end }) => ends.push(`${grant.grantID} ${end.kind}`) });
});

describe("GrantTable", () => {
  it("ends a grant on its millisecond, without hearing of anybody", () => {
    table.apply(grant());

    clock.advance(999);
    const before = [table.remainingMs("g1"), [...ends]];
    clock.advance(1);

    expect(before).toEqual([1, []]);
    expect(ends).toEqual(["g1 expired"]);
    expect(table.remainingMs("g1")).toBe(0);
  });

  it("does not care about the wall clock, forward or back", () => {
    table.apply(grant());

    clock.jump(86_400_000);
    clock.jump(-2 * 86_400_000);

    expect(table.remainingMs("g1")).toBe(1_000);
    expect(ends).toEqual([]);
  });

  it("an equal epoch may shorten and never lengthens; a lower one says nothing; a higher one lengthens", () => {
    table.apply(grant({ epoch: 2 }));

    table.apply(grant({ epoch: 2, remainingMs: 5_000 }));
    const afterEqual = table.remainingMs("g1");
    table.apply(grant({ epoch: 1, remainingMs: 9_000 }));
    const afterLower = table.remainingMs("g1");
    table.apply(grant({ epoch: 2, remainingMs: 400 }));
    const afterShorter = table.remainingMs("g1");
    table.apply(grant({ epoch: 3, remainingMs: 7_000 }));

    expect([afterEqual, afterLower, afterShorter, table.remainingMs("g1")]).toEqual([1_000, 1_000, 400, 7_000]);
  });

  it("ended is final, whatever epoch claims otherwise, and told once", () => {
    table.apply(grant());

    table.apply(grant({ epoch: 0, state: "ended", remainingMs: 0, end: "revoked" }));
    table.apply(grant({ epoch: 99, remainingMs: 60_000 }));
    table.apply(grant({ state: "ended", remainingMs: 0 }));
    clock.advance(100_000);

    expect(ends).toEqual(["g1 revoked"]);
    expect(table.remainingMs("g1")).toBe(0);
  });

  it("a grant that is missing from a snapshot has ended", () => {
    table.apply(grant());
    table.apply(grant({ grantID: "g2" }));

    table.applySnapshot([grant({ grantID: "g2" }), grant({ grantID: "g3" })]);

    expect(ends).toEqual(["g1 revoked"]);
    expect(table.live().map((entry) => entry.grant.grantID)).toEqual(["g2", "g3"]);
  });

  it("a grant that is told as over before it was known is remembered as over", () => {
    table.apply(grant({ state: "ended", remainingMs: 0, end: "revoked", endReason: "no longer needed" }));
    table.apply(grant({ epoch: 5 }));

    expect(table.get("g1")?.end).toEqual({ kind: "revoked", message: "this access was revoked: no longer needed" });
  });

  it("a remaining time that is no number ends the grant rather than keeping it for ever", () => {
    table.apply(grant({ remainingMs: Number.NaN }));

    expect(table.get("g1")?.end?.kind).toBe("expired");
  });

  it("forgets the oldest ended grants beyond its limit, so that the memory stays bounded", () => {
    for (let n = 0; n <= endedRememberedMax; n += 1) {
      table.apply(grant({ grantID: `g${n}`, state: "ended", remainingMs: 0 }));
    }

    expect(table.get("g0")).toBeUndefined();
    expect(table.get("g1")?.end).toBeDefined();
  });

  it("no order of messages revives an ended grant or outlives the longest time that its highest epoch gave", () => {
    const message = fc.record({
      epoch: fc.nat(3),
      state: fc.constantFrom("live" as const, "live" as const, "ended" as const),
      remainingMs: fc.integer({ min: 1, max: 1_000 }),
      waitMs: fc.nat(300),
    });
    fc.assert(
      fc.property(fc.array(message), (messages) => {
        const clock = manualClock();
        const table = new GrantTable(clock);
        let isOver = false;
        let latestMs = 0;
        for (const { waitMs, ...change } of messages) {
          table.apply(grant(change));
          latestMs = Math.max(latestMs, clock.monotonicMs() + change.remainingMs);
          isOver ||= change.state === "ended";
          expect(isOver && table.remainingMs("g1") > 0).toBe(false);
          clock.advance(waitMs);
          isOver ||= table.get("g1")?.end !== undefined;
        }
        clock.advance(latestMs);
        expect(table.remainingMs("g1")).toBe(0);
        expect(clock.pendingCount()).toBe(0);
      }),
    );
  });
});
