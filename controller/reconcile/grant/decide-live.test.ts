import { describe, expect, it } from "vitest";
import { AwsFailure } from "../../aws/ports.ts";
import { aGrant, anAvailability, aProxy, aWorkflow } from "../testing.ts";
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

describe("an extension asked for through the control API", () => {
  const extension = { maxCount: 2, durationSeconds: 1_800 };
  const asked = (count: number, more: object = {}, status: object = {}) => {
    const workflow = { name: "auto", generation: 1, maxDurationSeconds: 7_200, extension: { ...extension, ...more } };
    const extendRequest = { count, by: "ada", time: at(1) };
    return aGrant({ status: liveStatus({ workflow, extendRequest, ...status }) });
  };
  const workflows = [aWorkflow({ spec: { extension } })];

  it("moves the end as one in the text does, by the greater of the two", () => {
    const decision = decideGrant(live({ grant: asked(2), workflows }));

    expect(decision.actions).toEqual([{ kind: "MoveExpiry", expiryTime: at(120), extensionCount: 2 }]);
  });

  it("never moves it past notAfterTime", () => {
    const grant = asked(2);

    const decision = decideGrant(
      live({ grant: { ...grant, spec: { ...grant.spec, notAfterTime: at(100) } }, workflows }),
    );

    expect(decision.actions).toMatchObject([{ expiryTime: at(100) }]);
  });

  it("waits for the share of the period that the workflow demands, and is given then", () => {
    const now = noon + 29 * 60_000;
    const early = decideGrant(live({ grant: asked(1, { afterPercent: 50 }), workflows, now, checkedAt: now }));
    const due = decideGrant(live({ grant: asked(1, { afterPercent: 50 }), workflows, now: noon + 30 * 60_000 }));

    expect(early.actions).toEqual([]);
    expect(set(early, "Extended")).toBe("False TooEarly");
    expect(early.next).toMatchObject({ untilMs: noon + 30 * 60_000 });
    expect(due.actions).toMatchObject([{ kind: "MoveExpiry", expiryTime: at(90) }]);
  });

  it("is given one at a time there: the next waits for its share of the period that the first began", () => {
    const rule = { afterPercent: 50 };
    const now = noon + 40 * 60_000;
    const first = decideGrant(live({ grant: asked(2, rule), workflows, now }));
    const second = decideGrant(
      live({ grant: asked(2, rule, { expiryTime: at(90), extensionCount: 1 }), workflows, now, checkedAt: now }),
    );

    expect(first.actions).toMatchObject([{ expiryTime: at(90), extensionCount: 1 }]);
    expect(second.actions).toEqual([]);
    expect(second.next).toMatchObject({ untilMs: Math.min(now + 300_000, noon + 75 * 60_000) });
  });
});

describe("the warning before the end", () => {
  const warnBeforeEndMs = 20 * 60_000;

  it("comes when sessions are warned too, and is taken back where the end moves away", () => {
    const early = decideGrant(
      live({ warnBeforeEndMs, now: noon + 40 * 60_000 - 1, checkedAt: noon + 40 * 60_000 - 1 }),
    );
    const due = decideGrant(live({ warnBeforeEndMs, now: noon + 40 * 60_000 }));
    const conditions = [
      { type: "Expiring", status: "True", reason: "EndsSoon", message: "", lastTransitionTime: at(40) },
    ];
    const later = liveStatus({ expiryTime: at(90), conditions: conditions as never });
    const grant = aGrant({ spec: { durationSeconds: 5_400 }, status: later });
    const moved = decideGrant(live({ warnBeforeEndMs, grant, now: noon + 41 * 60_000 }));

    expect(set(early, "Expiring")).toBeUndefined();
    expect(early.next).toMatchObject({ untilMs: noon + 40 * 60_000 });
    expect(set(due, "Expiring")).toBe("True EndsSoon");
    expect(set(moved, "Expiring")).toBe("False Extended");
  });

  it("is not given in a window that is no longer than its time: whoever just got it knows when it ends", () => {
    const now = noon + 59 * 60_000;

    expect(set(decideGrant(live({ warnBeforeEndMs: 3_600_000, now })), "Expiring")).toBeUndefined();
    expect(set(decideGrant(live({ warnBeforeEndMs: 3_599_999, now })), "Expiring")).toBe("True EndsSoon");
  });
});

describe("a membership", () => {
  const developers = { kind: "Group", name: "developers" } as const;
  const through = (subjects: readonly { kind: "User" | "Group"; name: string }[], breakGlass?: typeof subjects) => {
    const status = liveStatus({ availability: { name: "developers", subjects } });
    const workflow = { ...status.workflow, ...(breakGlass === undefined ? {} : { breakGlassSubjects: breakGlass }) };
    return aGrant({ status: { ...status, workflow: workflow as NonNullable<typeof status.workflow> } });
  };

  it.each([
    ["that the access rested on is gone", through([developers]), [], "PrincipalNotEntitled"],
    ["is still there, in another case", through([developers]), ["Developers"], undefined],
    [
      "is gone, and another one that counted is not",
      through([developers, { kind: "Group", name: "on-call" }]),
      ["on-call"],
      undefined,
    ],
    ["does not matter to whom policy names", through([{ kind: "User", name: "Ada" }]), [], undefined],
    [
      "by which the approval was skipped is gone",
      through([developers], [{ kind: "Group", name: "on-call" }]),
      ["developers"],
      "PrincipalNotEntitled",
    ],
    ["was not recorded", through([]), [], undefined],
  ])("%s", (_title, grant, groups, reason) => {
    const decision = decideGrant(live({ grant, person: { user: ada, groups } }));

    expect(decision.patch.end?.reason).toBe(reason);
  });

  it("counts by what the same Availability names now, too", () => {
    const availabilities = [anAvailability({ spec: { subjects: [{ kind: "Group", name: "engineers" }] } })];

    const decision = decideGrant(
      live({ grant: through([developers]), availabilities, person: { user: ada, groups: ["engineers"] } }),
    );

    expect(decision.patch.end).toBeUndefined();
  });

  it("is not asked about where the Availability has gone: that ends nothing", () => {
    const person = { user: ada, groups: ["developers"] };

    expect(decideGrant(live({ grant: through([developers]), availabilities: [], person })).patch.end).toBeUndefined();
  });
});

describe("a Grant that is approved for later", () => {
  const scheduled = (startTime: string) => aGrant({ spec: { startTime }, status: approvedStatus() });

  it("costs no call, and keeps being ended by what ends any other", () => {
    const changed = aWorkflow({ spec: { maxDurationSeconds: 3_600 } });
    const input = anInput({ grant: scheduled(at(30)) });

    expect(lookupsFor(input, "no")).toEqual({ person: "no", aws: "no" });
    expect(decideGrant(anInput({ grant: scheduled(at(30)), workflows: [changed] })).patch.end?.reason).toBe(
      "WorkflowChanged",
    );
  });

  it("has its time to become live from its start on", () => {
    const workflows = [aWorkflow({ spec: { activationDeadlineSeconds: 600 } })];
    const status = { ...approvedStatus(), workflow: { name: "auto", generation: 1, maxDurationSeconds: 7_200 } };
    const at30 = (minutes: number) =>
      decideGrant(
        anInput({ grant: aGrant({ spec: { startTime: at(30) }, status }), workflows, now: noon + minutes * 60_000 }),
      );

    expect(at30(39).patch.end).toBeUndefined();
    expect(at30(40).patch.end?.reason).toBe("ActivationDeadlinePassed");
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
