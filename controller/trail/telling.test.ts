import { describe, expect, it } from "vitest";
import { memoryTrail } from "#audit/event/memory-trail.ts";
import type { GrantStatus } from "#kinds/index.ts";
import { manualClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { at, liveStatus, noon } from "../reconcile/grant/testing.ts";
import { aGrant } from "../reconcile/testing.ts";
import { Telling, tellAgainMs, toldAgainMaxMs } from "./telling.ts";

const over = liveStatus({
  end: { reason: "Expired", message: "", time: at(60) },
  endTime: at(60),
  deprovisionTime: at(61),
});
const dayMs = 24 * 3_600_000;

function stand(status: GrantStatus = over, retentionMs?: number) {
  const clock = manualClock(noon + 3_600_000);
  const trail = memoryTrail();
  const source = { list: () => [{ object: aGrant({ status }) }] } as never;
  const telling = new Telling({ source, trail, clock, retentionMs, log: silentLog });
  const told = () => trail.events.map(({ event, detail }) => `${event} at ${detail?.["at"]}`);
  return { clock, trail, telling, told };
}

/** Nothing here waits for more than promises that are settled. */
const allDone = () => new Promise(setImmediate);
const all = [`grant.requested at ${at(0)}`, `grant.ended at ${at(60)}`, `grant.deprovisioned at ${at(61)}`];

describe("Telling", () => {
  it("tells the trail after a restart what a process that died had not told it, with its time", async () => {
    const { telling, told } = stand();

    await telling.start();

    expect(told()).toEqual(all);
  });

  it("tells nothing twice, and nothing of what lets somebody in: that was told before it was on record", async () => {
    const { telling, trail } = stand();
    const known = { event: "grant.ended", actor: { kind: "User", name: "grace" } } as const;
    await trail.record({ ...known, grantID: over.grantID ?? "" });

    await telling.start();
    await telling.start();

    expect(trail.events.map(({ event }) => event)).toEqual(["grant.ended", "grant.requested", "grant.deprovisioned"]);
  });

  it("tells again what the trail could not take, until it has", async () => {
    const { telling, trail, told, clock } = stand();
    trail.failure = new Error("the disk is full");
    await telling.start();
    clock.advance(tellAgainMs);
    await allDone();
    trail.failure = undefined;

    clock.advance(tellAgainMs);
    await allDone();

    expect(told()).toEqual(all);
    expect(clock.pendingCount()).toBe(0);
  });

  it("leaves out what is older than a week, or than the trail keeps anything", async () => {
    const week = stand();
    week.clock.advance(toldAgainMaxMs - 3_600_000);
    const day = stand(over, dayMs);
    day.clock.advance(dayMs);

    await week.telling.start();
    week.clock.advance(1);
    await day.telling.start();

    expect(week.told()).toEqual(all);
    expect(day.told()).toEqual(all.slice(1));
  });

  it("waits for nothing once it is stopped", async () => {
    const { telling, trail, clock } = stand();
    trail.failure = new Error("closed");
    await telling.start();

    telling.stop();
    telling.fellBehind();

    expect(clock.pendingCount()).toBe(0);
  });
});
