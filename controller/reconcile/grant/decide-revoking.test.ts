import { describe, expect, it } from "vitest";
import type { GrantStatus } from "#kinds/index.ts";
import { AwsFailure } from "../../aws/ports.ts";
import { aDatabase, aGrant, aProxy, aWorkflow, uidOf } from "../testing.ts";
import { decideGrant, lookupsFor } from "./decide.ts";
import { sessionsOutliveEndMaxMs } from "./decide-revoking.ts";
import { anInput, approvedStatus, at, healthy, kindsOf, liveStatus, noon, ownSet, set } from "./testing.ts";
import type { AwsObservation, GrantInput } from "./types.ts";

const end = { reason: "Revoked", message: "The access was revoked: done", time: at(0) };
const nothing: AwsObservation = { set: undefined, policy: undefined, assigned: false, role: "notLookedUp" };
const revokingStatus = (more: GrantStatus = {}): GrantStatus => liveStatus({ end, endTime: at(0), ...more });
const revoking = (more: Partial<GrantInput> = {}) => anInput({ grant: aGrant({ status: revokingStatus() }), ...more });
const secret = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:other-AbCdEf";
const roles = aDatabase().spec.roles;

const causes: [string, Partial<GrantInput>, string][] = [
  ["the end of its window", { now: noon + 3_600_000 }, "Expired"],
  ["spec.revocation", { grant: aGrant({ spec: { revocation: { reason: "x" } }, status: liveStatus() }) }, "Revoked"],
  [
    "a request through the API",
    { grant: aGrant({ status: liveStatus({ endRequest: { reason: "x", by: "grace", time: at(0) } }) }) },
    "Revoked",
  ],
  ["its deletion", { grant: aGrant({ metadata: { deletionTimestamp: at(0) }, status: liveStatus() }) }, "Deleted"],
  ["another address", { database: aDatabase({ spec: { endpoint: { host: "other", port: 5432 } } }) }, "TargetChanged"],
  ["another database name", { database: aDatabase({ spec: { databaseName: "other" } }) }, "TargetChanged"],
  [
    "another user name in the role",
    { database: aDatabase({ spec: { roles: roles.map((role) => ({ ...role, username: "root" })) } }) },
    "TargetChanged",
  ],
  [
    "another secret",
    {
      database: aDatabase({
        spec: { roles: roles.map((role) => ({ ...role, credentials: { secretsManager: { secretARN: secret } } })) },
      }),
    },
    "TargetChanged",
  ],
  ["a role that is offered no more", { database: aDatabase({ spec: { roles: roles.slice(1) } }) }, "TargetChanged"],
  ["the deletion of its Database", { database: undefined }, "TargetChanged"],
  ["the deletion of its Proxy", { proxy: undefined }, "TargetChanged"],
  ["a changed workflow", { workflows: [aWorkflow({ spec: { maxDurationSeconds: 60 } })] }, "WorkflowChanged"],
  [
    "an activation deadline",
    {
      grant: aGrant({
        status: approvedStatus({ workflow: { name: "auto", generation: 1, maxDurationSeconds: 7_200 } }),
      }),
      workflows: [aWorkflow({ spec: { activationDeadlineSeconds: 60 } })],
      now: noon + 60_000,
    },
    "ActivationDeadlinePassed",
  ],
];

describe("what ends access", () => {
  it.each(causes)("%s: on record first, with nothing done in AWS before that", (_title, more, reason) => {
    const decision = decideGrant(anInput({ grant: aGrant({ status: liveStatus() }), ...more }));

    expect(decision.patch.end?.reason).toBe(reason);
    expect(decision.patch.endTime).toBeDefined();
    expect(set(decision, "Ready")).toBe("False Revoking");
    expect(set(decision, "Active")).toBeUndefined();
    expect(decision.actions).toEqual([]);
    expect(decision.next.kind).toBe("again");
  });

  it("is seen without any look at AWS", () => {
    const expired = anInput({ grant: aGrant({ status: liveStatus() }), now: noon + 3_600_000 });

    expect(lookupsFor(expired, "full")).toEqual({ person: "no", aws: "no" });
  });

  it("is not the deletion of policy: an Availability or workflow that is gone changes nothing", () => {
    const gone = anInput({ grant: aGrant({ status: liveStatus() }), availabilities: [], workflows: [] });

    expect(set(decideGrant(gone), "Ready")).toBe("True Active");
  });

  it("is not an address that cannot be resolved at the moment", () => {
    const { endpoint: _endpoint, ...spec } = aDatabase().spec;

    const decision = decideGrant(
      anInput({ grant: aGrant({ status: liveStatus() }), database: { ...aDatabase(), spec } }),
    );

    expect(decision.patch.end).toBeUndefined();
  });
});

describe("taking away", () => {
  const whole = [
    "PutTombstone",
    "TerminateSessions",
    "DeleteAssignment",
    "TagEnded",
    "AwaitOperation",
    "DeletePermissionSet",
    "RecordDeprovisioned",
  ];

  it("ends sessions, then the assignment, marks the set as ended while that runs, and deletes it, without a look", () => {
    const grant = aGrant({ status: revokingStatus() });

    expect(lookupsFor(anInput({ grant }), "full")).toEqual({ person: "no", aws: "no" });
    expect(kindsOf(decideGrant(revoking()))).toEqual(whole);
    expect(decideGrant(revoking()).onFailure).toBe("goOn");
  });

  it("does not mark a set whose window's end stands in its tags", () => {
    const grant = aGrant({ status: revokingStatus({ end: { ...end, reason: "Expired" } }) });

    expect(kindsOf(decideGrant(revoking({ grant })))).toEqual(whole.filter((kind) => kind !== "TagEnded"));
  });

  it("ends sessions once more and deletes the set when the assignment is known to be gone", () => {
    expect(kindsOf(decideGrant(revoking({ aws: healthy({ assigned: false }) })))).toEqual([
      "PutTombstone",
      "AwaitOperation",
      "TerminateSessions",
      "DeletePermissionSet",
      "RecordDeprovisioned",
    ]);
  });

  it("looks for sessions once more before it records that nothing is left", () => {
    expect(kindsOf(decideGrant(revoking({ aws: nothing })))).toEqual([
      "PutTombstone",
      "TerminateSessions",
      "RecordDeprovisioned",
    ]);
  });

  it("does not believe that nothing is there before AWS could have shown it", () => {
    const decision = decideGrant(revoking({ aws: nothing, unsettledUntil: noon + 5_000 }));

    expect(kindsOf(decision)).toEqual(["PutTombstone"]);
    expect(decision.next).toMatchObject({ kind: "waiting", untilMs: noon + 5_000 });
  });

  it("stops looking for sessions when none can be left", () => {
    const now = noon + sessionsOutliveEndMaxMs + 1;

    expect(kindsOf(decideGrant(revoking({ aws: nothing, now })))).not.toContain("TerminateSessions");
  });

  it("needs no Database, Proxy, Availability, workflow or person, and no permission to go on", () => {
    const { person: _person, ...alone } = revoking({
      grant: aGrant({ spec: { suspend: true }, status: revokingStatus() }),
      database: undefined,
      proxy: undefined,
      availabilities: [],
      workflows: [],
    });

    expect(kindsOf(decideGrant(alone))).toContain("DeleteAssignment");
  });

  it("is tried again when a set that may be there cannot be looked for", () => {
    const failure = new AwsFailure("unavailable", "TimeoutError", "sso:ListPermissionSets", "no answer");
    const grant = aGrant({ status: approvedStatus({ end, endTime: at(0) }) });
    const { aws: _aws, ...blind } = revoking({ failure, grant });

    expect(lookupsFor(blind, "full").aws).toBe("byName");
    expect(kindsOf(decideGrant(blind))).toEqual(["PutTombstone"]);
    expect(decideGrant(blind).next.kind).toBe("failed");
  });

  it("waits out a creation that was in flight, then takes away what it made", () => {
    const status = revokingStatus();
    const external = {
      ...(status.external as NonNullable<GrantStatus["external"]>),
      operation: { kind: "CreateAssignment" as const, requestID: "r", startTime: at(0) },
    };
    const { aws: _aws, ...blind } = revoking({ grant: aGrant({ status: { ...status, external } }) });

    expect(kindsOf(decideGrant(blind))).toEqual([...whole.slice(0, 2), "AwaitOperation", ...whole.slice(2)]);
  });

  it("leaves a set alone that has its name but not its tags and was never on record, whoever is assigned to it", () => {
    const status = approvedStatus({ end, endTime: at(0) });
    const foreign = { ...ownSet(), tags: { owner: "somebody" } };

    const decision = decideGrant(revoking({ grant: aGrant({ status }), aws: healthy({ set: foreign }) }));

    expect(kindsOf(decision)).toEqual(["PutTombstone"]);
    expect(set(decision, "Stalled")).toBe("True NotOwned");
  });

  it("adopts the set of a create whose answer was lost, so that it can be deleted", () => {
    const status = approvedStatus({ end, endTime: at(0) });

    const decision = decideGrant(revoking({ grant: aGrant({ status }), aws: healthy({ assigned: false }) }));

    expect(decision.patch.external?.permissionSetARN).toBe(ownSet().arn);
    expect(kindsOf(decision)).toContain("DeletePermissionSet");
  });
});

describe("an ended Grant", () => {
  const endedStatus = revokingStatus({ deprovisionTime: at(1) });

  it.each([
    ["Expired", "True Expired"],
    ["Revoked", "True Revoked"],
    ["TargetChanged", "True Revoked"],
  ])("that ended as %s is Ready and not Active", (reason, ready) => {
    const grant = aGrant({ status: { ...endedStatus, end: { ...end, reason } } });

    const decision = decideGrant(anInput({ grant }));

    expect(set(decision, "Ready")).toBe(ready);
    expect(set(decision, "Active")).toBe(ready.replace("True", "False"));
    expect(decision.next.kind).toBe("settled");
  });

  it("is let go when it is deleted, its name buried before", () => {
    const grant = aGrant({ metadata: { deletionTimestamp: at(2) }, status: endedStatus });

    expect(kindsOf(decideGrant(anInput({ grant })))).toEqual(["PutTombstone", "Release"]);
  });

  it("buries its name once", () => {
    const tombstone = {
      namespace: "default",
      name: "ada-orders",
      uid: uidOf(1),
      specDigest: "",
      notAfterTime: at(720),
    };
    const grant = aGrant({ metadata: { deletionTimestamp: at(2) }, status: endedStatus });

    expect(kindsOf(decideGrant(anInput({ grant, tombstone })))).toEqual(["Release"]);
  });
});

it("never leaves the builders behind the kinds: the healthy set is the one that setting up would make", () => {
  const grant = aGrant({ status: approvedStatus() });

  const decision = decideGrant(anInput({ grant, aws: nothing, proxy: aProxy() }));

  expect(decision.actions[0]).toMatchObject({ kind: "CreatePermissionSet", name: ownSet().name });
});
