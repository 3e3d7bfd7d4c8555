import { describe, expect, it, vi } from "vitest";
import type { Grant } from "#kinds/index.ts";
import { callsPerLook, checkCallsPerSecond } from "#controller/reconcile/grant/checks.ts";
import { has } from "../controller/harness.ts";
import { type FaultWorld, faultTestMs, isOver, startFaultWorld } from "./world.ts";

vi.setConfig({ testTimeout: faultTestMs });

const isLive = (grant: Grant): boolean => has(grant, "Active", "True", "Active");

/** Calls made by `run`, by `service:Operation`. */
async function callsOf({ ledger }: FaultWorld, run: () => Promise<unknown>): Promise<Record<string, number>> {
  const before = ledger.calls();
  await run();
  const after = Object.entries(ledger.calls()).map(([call, count]) => [call, count - (before[call] ?? 0)] as const);
  return Object.fromEntries(after.filter(([, count]) => count > 0));
}

const ofIdentityCenter = (calls: Record<string, number>): number =>
  Object.entries(calls).reduce((sum, [call, count]) => sum + (call.startsWith("sso:") ? count : 0), 0);

/**
 * What one grant costs without faults. Identity Center's calls are the bill: 20 a second for everything. Operations are polled
 * until they are over; these take as long as they are expected to, so once.
 */
const giving = {
  "iam:ListRoles": 1,
  "identitystore:DescribeGroup": 1,
  "identitystore:DescribeUser": 1,
  "identitystore:GetUserId": 1,
  "identitystore:ListGroupMembershipsForMember": 1,
  "sso:CreateAccountAssignment": 1,
  "sso:CreatePermissionSet": 1,
  "sso:DescribeAccountAssignmentCreationStatus": 1,
  "sso:PutInlinePolicyToPermissionSet": 1,
  "sso:TagResource": 1,
};
const expiring = {
  "sso:DeleteAccountAssignment": 1,
  "sso:DeletePermissionSet": 1,
  "sso:DescribeAccountAssignmentDeletionStatus": 1,
  "sso:ListTagsForResource": 1,
  "ssm:DescribeSessions": 2,
};

describe("the calls of one grant", () => {
  it("are these, five to Identity Center to give it and four to take it away at its end", async () => {
    await using world = await startFaultWorld();

    const given = await callsOf(world, async () => {
      world.want("g", { durationSeconds: 2 });
      await world.until("g", isLive);
    });
    const taken = await callsOf(world, () => world.until("g", isOver));

    expect(given).toEqual(giving);
    expect(taken).toEqual(expiring);
    expect(ofIdentityCenter(given)).toBe(5);
    expect(ofIdentityCenter(taken)).toBe(4);
  });

  it("are one more where it is revoked, which a state that is lost must find in the tags", async () => {
    await using world = await startFaultWorld();
    world.want("g");
    await world.until("g", isLive);

    const taken = await callsOf(world, async () => {
      world.revoke("g");
      await world.until("g", isOver);
    });

    expect(taken).toEqual({ ...expiring, "sso:TagResource": 1 });
  });

  it("are no more for many at once in one account: nobody asks in vain, and people are asked for once", async () => {
    await using world = await startFaultWorld();
    const names = Array.from({ length: 6 }, (_, index) => `g${index}`);

    const given = await callsOf(world, async () => {
      for (const name of names) {
        world.want(name);
      }
      await Promise.all(names.map((name) => world.until(name, isLive)));
    });

    const { "sso:DescribeAccountAssignmentCreationStatus": polls = 0, ...others } = given;
    const sso = Object.entries(others).filter(([call]) => call.startsWith("sso:"));
    expect(Object.fromEntries(sso)).toEqual({
      "sso:CreateAccountAssignment": names.length,
      "sso:CreatePermissionSet": names.length,
      "sso:PutInlinePolicyToPermissionSet": names.length,
      "sso:TagResource": names.length,
    });
    expect(polls).toBeLessThanOrEqual(2 * names.length);
    expect(given["identitystore:DescribeUser"]).toBe(1);
    world.ledger.assertHolds();
  });
});

describe("the calls of live grants that nobody touches", () => {
  it("are two listings for all of an account, with a look in depth at each of three calls now and then", async () => {
    await using world = await startFaultWorld({ proxy: { driftCheckPeriodSeconds: 2 } });
    const names = ["a", "b", "c", "d"];
    for (const name of names) {
      world.want(name);
    }
    await Promise.all(names.map((name) => world.until(name, isLive)));
    const look = ["sso:ListTagsForResource", "sso:ListAccountAssignments", "sso:GetInlinePolicyForPermissionSet"];

    const checked = await callsOf(world, () => untilCalls(world, look[0] ?? "", names.length));

    const listing = "sso:ListPermissionSetsProvisionedToAccount";
    const seen = Object.keys(checked).filter((call) => call.startsWith("sso:") && call !== listing);
    expect(look).toHaveLength(callsPerLook);
    expect(seen.toSorted()).toEqual(look.toSorted());
    // One of what is there, one of what is not provisioned as it is: all share them.
    expect(checked[listing]).toBe(2);
    world.ledger.assertHolds();
  });

  it("stay well below the rate however many are live: 2,000 in five accounts need less than 5 of 20 a second", () => {
    const live = 2_000;
    const accounts = 5;
    const periodSeconds = 300;
    const listings = accounts * (Math.ceil(live / accounts / 100) + 1);
    const inDepth = Math.min(checkCallsPerSecond, (live * callsPerLook) / periodSeconds);

    expect(inDepth + listings / periodSeconds).toBeLessThan(5);
  });
});

/** Resolves when a call was made so many times more. */
function untilCalls({ sandbox }: FaultWorld, call: string, times: number): Promise<void> {
  let left = times;
  return new Promise((resolve) => {
    const stop = sandbox.events.subscribe((event) => {
      left -= event.kind === "answer" && `${event.service}:${event.operation}` === call ? 1 : 0;
      if (left === 0) {
        stop();
        setImmediate(resolve);
      }
    });
  });
}
