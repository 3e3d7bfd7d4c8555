import { describe, expect, it } from "vitest";
import { aDatabase, aGrant, anAvailability, aProxy, aWorkflow, uidOf } from "../testing.ts";
import { decideGrant, lookupsFor } from "./decide.ts";
import { planGrant } from "./plan.ts";
import { ada, anInput, approvedStatus, at, kindsOf, messageOf, noon, seen, set } from "./testing.ts";
import type { GrantInput } from "./types.ts";

const spec = (changes: Partial<ReturnType<typeof aGrant>["spec"]>) => aGrant({ spec: changes, status: seen });
const approvedFor = (changes: Parameters<typeof spec>[0]) => aGrant({ spec: changes, status: approvedStatus() });
const forAda = anAvailability({ spec: { subjects: [{ kind: "User", name: "ada" }] } });
/** Developers may skip the steps. */
const breakGlass = {
  grant: spec({ urgency: "BreakGlass", reason: "INC-1" }),
  requester: { kind: "person", username: "Ada" },
  workflows: [
    aWorkflow({
      spec: {
        approvalSteps: [{ name: "lead", approvers: [{ kind: "User", name: "grace" }] }],
        breakGlass: { subjects: [{ kind: "Group", name: "developers" }] },
      },
    }),
  ],
} as const satisfies Partial<GrantInput>;
const tombstone = (uid: string) => ({
  namespace: "default",
  name: "ada-orders",
  uid,
  specDigest: "sha256:0",
  notAfterTime: at(600),
});

describe("a new Grant", () => {
  it("gets its ID and Ready=Unknown before anything else", () => {
    const decision = decideGrant(anInput({ grant: aGrant() }));

    expect(decision.patch.grantID).toMatch(/^g[a-z2-7]{26}$/);
    expect(set(decision, "Ready")).toBe("Unknown Progressing");
    expect(set(decision, "Reconciling")).toBe("True Progressing");
    expect(decision.actions).toEqual([]);
  });
});

describe("a request that nothing speaks against", () => {
  it("is approved with all that revoking needs on record, before anything is made in AWS", () => {
    const decision = decideGrant(anInput());

    expect(decision.patch.external).toMatchObject({ principalID: ada.userID, accountID: "111122223333" });
    expect(decision.patch.target).toMatchObject({ host: "orders.example.com", username: "read_only", proxy: "main" });
    expect(decision.patch.workflow).toMatchObject({ name: "auto", maxDurationSeconds: 7_200 });
    expect(decision.patch.activationTime).toBeUndefined();
    expect(decision.actions).toEqual([]);
  });
});

describe("break-glass", () => {
  it("skips the steps for whom the workflow names, and is flagged for good", () => {
    const decision = decideGrant(anInput(breakGlass));

    expect(decision.patch.approvalKind).toBe("BreakGlass");
    expect(decision.patch.workflow?.breakGlassSubjects).toEqual([{ kind: "Group", name: "developers" }]);
    expect(set(decision, "Approved")).toBe("True BreakGlass");
    expect(set(decision, "BreakGlass")).toBe("True StepsSkipped");
  });

  it("is no fallback: who may not skip the steps does not wait for them either", () => {
    const decision = decideGrant(
      anInput({ ...breakGlass, person: { user: ada, groups: [] }, availabilities: [forAda] }),
    );

    expect(set(decision, "Stalled")).toBe("True BreakGlassNotAllowed");
  });
});

const refusals: [string, Partial<GrantInput>, string, RegExp][] = [
  ["a person nobody knows", { person: { user: undefined, groups: [] } }, "PrincipalNotFound", /user name ada/],
  [
    "a disabled person",
    { person: { user: { ...ada, status: "DISABLED" }, groups: ["developers"] } },
    "PrincipalDisabled",
    /Enable the person/,
  ],
  [
    "a user name that no role session can carry",
    { person: { user: { ...ada, userName: "ada*" }, groups: ["developers"] } },
    "PrincipalNameNotUsable",
    /Rename/,
  ],
  ["a person whom nothing is offered to", { person: { user: ada, groups: [] } }, "NotAvailable", /Nothing is offered/],
  [
    "a role that is not offered, naming what is",
    { grant: spec({ roleName: "app_owner" }) },
    "NotAvailable",
    /read_only on orders/,
  ],
  [
    "a role that the database lacks, naming those it has",
    { grant: spec({ roleName: "x" }) },
    "RoleNotFound",
    /app_owner/,
  ],
  [
    "a suspended availability",
    { availabilities: [anAvailability({ spec: { suspend: true } })] },
    "NotAvailable",
    /suspended/,
  ],
  ["a longer duration than allowed", { grant: spec({ durationSeconds: 7_201 }) }, "DurationTooLong", /at most 7200/],
  [
    "an empty reason where one is needed",
    {
      grant: spec({ reason: "  " }),
      workflows: [aWorkflow({ spec: { reasonPolicy: { requirement: "Required" } } })],
    },
    "ReasonRequired",
    /spec.reason/,
  ],
  [
    "a reason that does not match, in the workflow's words",
    {
      workflows: [
        aWorkflow({
          spec: {
            reasonPolicy: { requirement: "Optional", patterns: [{ pattern: "^INC-", message: "Name a ticket." }] },
          },
        }),
      ],
    },
    "ReasonNotAccepted",
    /Name a ticket/,
  ],
  [
    "break-glass of a person whom the workflow does not name",
    { grant: spec({ urgency: "BreakGlass" }), requester: { kind: "person", username: "ada" } },
    "BreakGlassNotAllowed",
    /without spec.urgency/,
  ],
  [
    "break-glass that one person asks for another",
    { ...breakGlass, requester: { kind: "person", username: "grace" } },
    "BreakGlassForAnother",
    /somebody else/,
  ],
  [
    "break-glass with a reason of nothing but spaces",
    { ...breakGlass, grant: spec({ urgency: "BreakGlass", reason: "  " }) },
    "ReasonRequired",
    /needs a reason/,
  ],
  [
    "break-glass of somebody who asks where nothing is known of who asks",
    { workflows: breakGlass.workflows, grant: spec({ urgency: "BreakGlass" }) },
    "RequesterNotVerified",
    /is not known here/,
  ],
  [
    "break-glass of somebody whom nobody has authenticated",
    {
      grant: spec({ urgency: "BreakGlass" }),
      requester: { kind: "unproven", reason: "PolicyMissing", message: "The policy is not there." },
    },
    "RequesterNotVerified",
    /The policy is not there/,
  ],
  [
    "break-glass of a file, which proves its pipeline only",
    { grant: spec({ urgency: "BreakGlass" }), requester: { kind: "pipeline", name: undefined } },
    "RequesterNotVerified",
    /a person who asks for it/,
  ],
  ["a name that has ended under another uid", { tombstone: tombstone(uidOf(9)) }, "PreviouslyEnded", /another name/],
  ["a notAfterTime in the past", { grant: spec({ notAfterTime: at(-1) }) }, "NotAfterTimePassed", /later one/],
];

describe("what is refused", () => {
  it("costs no call where no answer could change it: a name that has ended stays ended through any restart", () => {
    const fresh = anInput({ grant: aGrant({ status: seen }) });

    expect(lookupsFor({ ...fresh, tombstone: tombstone(uidOf(9)) }, "no")).toEqual({ person: "no", aws: "no" });
    expect(lookupsFor(fresh, "no")).toEqual({ person: "byName", aws: "no" });
  });

  it.each(refusals)("%s: Stalled with a reason a person can act on", (_title, more, reason, message) => {
    const decision = decideGrant(anInput(more));

    expect(set(decision, "Stalled")).toBe(`True ${reason}`);
    expect(set(decision, "Ready")).toBe(`False ${reason}`);
    expect(set(decision, "Active")).toBe(`False ${reason}`);
    expect(set(decision, "Reconciling")).toBeUndefined();
    expect(messageOf(decision)).toMatch(message);
    expect(decision.next.kind).toBe("refused");
    expect(decision.actions).toEqual([]);
  });
});

const waits: [string, Partial<GrantInput>, string, number][] = [
  ["a missing Database", { database: undefined }, "ReferenceNotFound", 720],
  ["a missing Proxy", { proxy: undefined }, "ReferenceNotFound", 720],
  ["a workflow that is on its way", { workflows: [] }, "ReferenceNotFound", 720],
  [
    "an address that RDS has not told yet",
    { database: { ...aDatabase(), spec: { ...aDatabase().spec, endpoint: undefined as never } } },
    "DatabaseNotReady",
    720,
  ],
  [
    "approval",
    {
      workflows: [
        aWorkflow({ spec: { approvalSteps: [{ name: "lead", approvers: [{ kind: "User", name: "grace" }] }] } }),
      ],
    },
    "PendingApproval",
    720,
  ],
  ["its start time, approved", { grant: approvedFor({ startTime: at(30) }) }, "Scheduled", 30],
  ["spec.suspend to go", { grant: spec({ suspend: true }) }, "Suspended", 720],
];

describe("what waits", () => {
  it.each(waits)("%s: not Stalled, and looked at again when that can matter", (_title, more, reason, minutes) => {
    const decision = decideGrant(anInput(more));

    expect(set(decision, "Ready")).toBe(`False ${reason}`);
    expect(set(decision, "Active")).toBe(`False ${reason}`);
    expect(set(decision, "Stalled")).toBeUndefined();
    expect(decision.next).toMatchObject({ kind: "waiting", untilMs: noon + minutes * 60_000 });
    expect(decision.actions).toEqual([]);
  });

  it("for approval no longer than the workflow's deadline", () => {
    const approvalSteps = [{ name: "lead", approvers: [{ kind: "User" as const, name: "grace" }] }];
    const workflows = [aWorkflow({ spec: { approvalSteps, approvalDeadlineSeconds: 600 } })];

    expect(decideGrant(anInput({ workflows })).next).toMatchObject({ untilMs: noon + 600_000 });
    const late = planGrant(anInput({ workflows, now: noon + 600_000 }));
    expect(set(late, "Stalled")).toBe("True ApprovalDeadlinePassed");
    expect(set(late, "Approved")).toBe("False ApprovalDeadlinePassed");
    expect(kindsOf(late)).toEqual(["PutTombstone"]);
  });
});

describe("ending a Grant that was never given", () => {
  it("lets a deleted one go without a word to AWS, and leaves its name free", () => {
    const grant = aGrant({ metadata: { deletionTimestamp: at(0) }, status: seen });

    expect(kindsOf(decideGrant(anInput({ grant })))).toEqual(["Release"]);
  });

  it("records a revoked one as Revoked and buries its name", () => {
    const decision = decideGrant(anInput({ grant: spec({ revocation: { reason: "mistake" } }) }));

    expect(set(decision, "Ready")).toBe("True Revoked");
    expect(decision.patch.deprovisionTime).toBe(at(0));
    expect(kindsOf(decision)).toEqual(["PutTombstone"]);
  });

  it("does not let a namesake's tombstone be shortened by one that was refused because of it", () => {
    const grant = aGrant({ metadata: { deletionTimestamp: at(0) }, status: seen });

    const decision = decideGrant(anInput({ grant, tombstone: tombstone(uidOf(9)) }));

    expect(kindsOf(decision)).toEqual(["Release"]);
  });
});

describe("references", () => {
  it("follow the Database to its Proxy by name", () => {
    const decision = decideGrant(anInput({ proxy: undefined, database: aDatabase() }));

    expect(messageOf(decision)).toContain(`Proxy ${aProxy().metadata.name}`);
  });
});

describe("waiting for approval in a cluster", () => {
  const workflows = [
    aWorkflow({ spec: { approvalSteps: [{ name: "owner", approvers: [{ kind: "User", name: "grace" }] }] } }),
  ];

  it("says whether reviews made with kubectl count", () => {
    const message = "The policy is not there.";
    const untrusted = decideGrant(
      anInput({ workflows, identity: { kind: "untrusted", reason: "PolicyMissing", message } }),
    );

    expect(set(untrusted, "Ready")).toBe("False PendingApproval");
    expect(set(untrusted, "IdentityVerified")).toBe("False PolicyMissing");
    expect(
      set(decideGrant(anInput({ workflows, identity: { kind: "trusted", sinceMs: 0 } })), "IdentityVerified"),
    ).toBe("True AdmissionPolicies");
    expect(set(decideGrant(anInput({ workflows, identity: { kind: "folder" } })), "IdentityVerified")).toBeUndefined();
  });
});
