import { describe, expect, it } from "vitest";
import { AwsFailure } from "../../aws/ports.ts";
import { aGrant, aProxy, aWorkflow } from "../testing.ts";
import { decideGrant, lookupsFor } from "./decide.ts";
import {
  ada,
  anInput,
  approvedStatus,
  at,
  grantID,
  healthy,
  kindsOf,
  liveStatus,
  messageOf,
  noon,
  ownSet,
  set,
} from "./testing.ts";
import type { AwsObservation, GrantInput } from "./types.ts";

const nothing: AwsObservation = { set: undefined, policy: undefined, assigned: false, role: "notLookedUp" };
const provisioning = (aws: AwsObservation) => anInput({ grant: aGrant({ status: approvedStatus() }), aws });
const live = (more: Partial<GrantInput> = {}) =>
  anInput({ grant: aGrant({ status: liveStatus() }), aws: healthy(), checkedAt: noon, ...more });
const operation = { kind: "CreateAssignment", requestID: "r", startTime: at(0) } as const;

describe("setting up", () => {
  it("makes set, policy and assignment in this order, then reads the role and opens the window", () => {
    const decision = decideGrant(provisioning(nothing));

    expect(kindsOf(decision)).toEqual([
      "CreatePermissionSet",
      "PutInlinePolicy",
      "CreateAssignment",
      "AwaitOperation",
      "ReadRole",
      "PutTombstone",
      "Activate",
    ]);
    expect(decision.actions[0]).toMatchObject({ name: grantID, sessionDuration: "PT1H" });
    expect(set(decision, "Ready")).toBe("False Provisioning");
    expect(set(decision, "Active")).toBe("False Provisioning");
  });

  it.each([
    ["after the set", healthy({ policy: undefined, assigned: false }), "PutInlinePolicy"],
    ["after the policy", healthy({ assigned: false }), "CreateAssignment"],
    ["after the assignment", healthy(), "ReadRole"],
  ])("goes on where a crash left it: %s", (_title, aws, first) => {
    expect(kindsOf(decideGrant(provisioning(aws)))[0]).toBe(first);
  });

  it("only polls while an operation is in flight", () => {
    const approved = approvedStatus();
    const external = { ...(approved.external as NonNullable<typeof approved.external>), operation };

    const decision = decideGrant(anInput({ grant: aGrant({ status: { ...approved, external } }) }));

    expect(kindsOf(decision)).toEqual(["AwaitOperation", "ReadRole", "PutTombstone", "Activate"]);
  });

  it("never touches a set of its name that is not its own", () => {
    const decision = decideGrant(provisioning(healthy({ set: { ...ownSet(), tags: {} } })));

    expect(set(decision, "Stalled")).toBe("True NotOwned");
    expect(decision.actions).toEqual([]);
  });

  it("holds while suspended", () => {
    const grant = aGrant({ spec: { suspend: true }, status: approvedStatus() });

    const decision = decideGrant(anInput({ grant, aws: nothing }));

    expect(set(decision, "Ready")).toBe("False Suspended");
    expect(decision.actions).toEqual([]);
  });

  it("shows a failed look at AWS as ProviderError and comes back with back-off", () => {
    const failure = new AwsFailure("throttled", "ThrottlingException", "sso:ListPermissionSets", "Rate exceeded");

    const decision = decideGrant(anInput({ grant: aGrant({ status: approvedStatus() }), failure }));

    expect(set(decision, "Ready")).toBe("False ProviderError");
    expect(set(decision, "Reconciling")).toBe("True ProgressingWithRetry");
    expect(set(decision, "Active")).toBeUndefined();
    expect(decision.next.kind).toBe("failed");
  });
});

describe("while live", () => {
  it("is Ready and Active until the end or the next look, whichever is first", () => {
    const decision = decideGrant(live());

    expect(set(decision, "Ready")).toBe("True Active");
    expect(set(decision, "Active")).toBe("True Active");
    expect(decision.actions).toEqual([]);
    expect(decision.next).toMatchObject({ kind: "waiting", untilMs: noon + 300_000 });
    expect(decideGrant(live({ now: noon + 58 * 60_000, checkedAt: noon + 58 * 60_000 })).next).toMatchObject({
      untilMs: noon + 3_600_000,
    });
  });

  it("looks at AWS only when that is due", () => {
    expect(lookupsFor(live(), "no")).toEqual({ person: "no", aws: "no" });
    expect(lookupsFor(live(), "full")).toEqual({ person: "byID", aws: "full" });
  });

  it.each([
    [
      "a deleted set",
      nothing,
      ["CreatePermissionSet", "PutInlinePolicy", "CreateAssignment", "AwaitOperation", "ReadRole"],
    ],
    ["a deleted assignment", healthy({ assigned: false }), ["CreateAssignment", "AwaitOperation", "ReadRole"]],
    ["a changed policy", healthy({ policy: "{}" }), ["PutInlinePolicy", "Provision", "AwaitOperation", "ReadRole"]],
    ["a role made anew", healthy({ role: { roleName: "r", roleID: "AROANEW" } }), ["ReadRole"]],
  ])("repairs %s and never opens the window again", (_title, aws, kinds) => {
    expect(kindsOf(decideGrant(live({ aws })))).toEqual(kinds);
  });

  it("only reports what differs where the Proxy says so", () => {
    const proxy = aProxy({ spec: { driftPolicy: "Report" } });

    const decision = decideGrant(live({ proxy, aws: healthy({ assigned: false }) }));

    expect(decision.actions).toEqual([]);
    expect(set(decision, "Ready")).toBe("False DriftDetected");
    expect(set(decision, "Active")).toBe("False DriftDetected");
    expect(messageOf(decision)).toContain("only reported");
  });

  it("is looked at again within its window when AWS does not answer, and stays Active", () => {
    const failure = new AwsFailure("unavailable", "TimeoutError", "sso:DescribePermissionSet", "no answer");
    const now = noon + 3_600_000 - 10_000;

    const decision = decideGrant(anInput({ grant: aGrant({ status: liveStatus() }), failure, now }));

    expect(set(decision, "Active")).toBeUndefined();
    expect(decision.next).toMatchObject({ kind: "waiting", untilMs: noon + 3_600_000 });
  });
});

describe("the window", () => {
  const extension = { maxCount: 2, durationSeconds: 1_800 };
  const pinned = { name: "auto", generation: 1, maxDurationSeconds: 7_200, extension };
  const extendable = (extensionCount: number) =>
    aGrant({ spec: { extensionCount }, status: liveStatus({ workflow: pinned }) });
  const workflows = [aWorkflow({ spec: { extension } })];

  it("moves by the workflow's rule for each extension asked for, and the tags with it", () => {
    const decision = decideGrant(live({ grant: extendable(1), workflows }));

    expect(decision.actions).toEqual([{ kind: "MoveExpiry", expiryTime: at(90), extensionCount: 1 }]);
  });

  it("never moves beyond what the workflow allows, and says so", () => {
    const status = liveStatus({ workflow: pinned, extensionCount: 2, expiryTime: at(120) });

    const decision = decideGrant(live({ grant: aGrant({ spec: { extensionCount: 3 }, status }), workflows }));

    expect(decision.actions).toEqual([]);
    expect(set(decision, "Extended")).toBe("False ExtensionNotAllowed");
  });

  it("is not extended at all where the workflow has no rule for it", () => {
    const decision = decideGrant(live({ grant: aGrant({ spec: { extensionCount: 1 }, status: liveStatus() }) }));

    expect(decision.actions).toEqual([]);
    expect(set(decision, "Extended")).toBe("False ExtensionNotAllowed");
  });

  it("shrinks with a lowered duration, and never outlives notAfterTime", () => {
    const shorter = aGrant({ spec: { durationSeconds: 600 }, status: liveStatus() });
    const capped = aGrant({ spec: { notAfterTime: at(20) }, status: liveStatus() });

    expect(decideGrant(live({ grant: shorter })).actions).toMatchObject([{ expiryTime: at(10) }]);
    expect(decideGrant(live({ grant: capped })).actions).toMatchObject([{ expiryTime: at(20) }]);
  });

  it("is not revived by an extension that comes after its end", () => {
    const decision = decideGrant(live({ grant: extendable(1), workflows, now: noon + 3_600_000 }));

    expect(decision.patch.end?.reason).toBe("Expired");
  });
});

describe("the person", () => {
  it.each([
    ["gone", undefined, "PrincipalGone"],
    ["disabled", { ...ada, status: "DISABLED" as const }, "PrincipalDisabled"],
    ["renamed", { ...ada, userName: "ada2" }, "PrincipalRenamed"],
  ])("%s ends the access", (_title, user, reason) => {
    const decision = decideGrant(live({ person: { user, groups: [] } }));

    expect(decision.patch.end?.reason).toBe(reason);
  });
});
