import { describe, expect, it } from "vitest";
import { memoryTrail } from "#audit/event/memory-trail.ts";
import {
  type AccessWorkflow,
  apiVersion,
  type AnyObject,
  type Grant,
  type GrantReview,
  type GrantReviewSpec,
} from "#kinds/index.ts";
import { systemClock } from "#lib/clock.ts";
import { folderTrust } from "#controller/admission/identity-trust.ts";
import { grantReviewReconciler } from "#controller/reconcile/grantreview/reconciler.ts";
import { aDatabase, aGrant, anAvailability, aProxy, aWorkflow } from "#controller/reconcile/testing.ts";
import type { Sandbox } from "#sandbox/sandbox.ts";
import { type ControllerHarness, has, startController } from "./harness.ts";

/** A little more than what a look at a person serves others for. */
const personReadsMs = 5_200;
const inAnHour = (): string => new Date(Date.now() + 3_600_000).toISOString();
const lead = { name: "lead", approvers: [{ kind: "Group", name: "administrators" }] } as const;
const policyObjects = (workflow = aWorkflow({ spec: { approvalSteps: [lead] } })): AnyObject[] => [
  aDatabase(),
  aProxy(),
  workflow,
  anAvailability(),
];

async function start(
  objects: readonly AnyObject[],
  spec: Partial<Grant["spec"]> = {},
  more: { readonly created?: boolean; readonly identityStore?: string } = {},
): Promise<ControllerHarness & { trail: ReturnType<typeof memoryTrail> }> {
  const trail = memoryTrail();
  const grant = aGrant({ spec: { notAfterTime: inAnHour(), ...spec } });
  const harness = await startController({
    objects: more.created === true ? objects : [...objects, grant],
    trail,
    reconcilers: ({ source, ports }) => [
      grantReviewReconciler({
        source,
        ports,
        clock: systemClock,
        identity: folderTrust(),
        identityStore: more.identityStore,
        trail,
      }),
    ],
  });
  if (more.created === true) {
    await harness.source.create(grant);
  }
  return Object.assign(harness, { trail });
}

const waits = (grant: Grant): boolean =>
  grant.status?.review !== undefined && has(grant, "Ready", "False", "PendingApproval");
const isLive = (grant: Grant): boolean => has(grant, "Active", "True");

function aReview(grant: Grant, spec: Partial<GrantReviewSpec>, name = "review"): GrantReview {
  const grantDigest = grant.status?.review?.digest ?? "";
  const metadata = {
    namespace: "default",
    name,
    uid: `00000000-0000-4000-8000-${name.padStart(12, "0")}`,
    generation: 1,
  };
  const base = { grantRef: { name: "ada-orders" }, grantDigest, decision: "Approve" } as const;
  return { apiVersion, kind: "GrantReview", metadata, spec: { ...base, ...spec } } as GrantReview;
}

const decided = (review: GrantReview): boolean => review.status?.conditions !== undefined;

describe("a Grant that needs approval", () => {
  it("counts no word of whom the control API knows from another Identity Store, whatever their name", async () => {
    await using controller = await start(policyObjects(), {}, { identityStore: "d-0000000000" });
    const waiting = await controller.until<Grant>("Grant", "ada-orders", waits);

    await controller.source.create(aReview(waiting, { reviewer: { username: "grace" } }));
    const review = await controller.until<GrantReview>("GrantReview", "review", decided);

    expect(review.status?.conditions?.find(({ type }) => type === "Ready")).toMatchObject({
      status: "False",
      reason: "OtherIdentityStore",
      message: expect.stringContaining("d-0000000000") as string,
    });
  });

  it("becomes access when an approver has approved through the control API, and the trail says who", async () => {
    await using controller = await start(policyObjects());
    const waiting = await controller.until<Grant>("Grant", "ada-orders", waits);

    await controller.source.create(aReview(waiting, { reviewer: { username: "grace" }, comment: "For the incident." }));
    const live = await controller.until<Grant>("Grant", "ada-orders", isLive);

    expect(live.status?.approvalKind).toBe("Reviewed");
    expect(live.status?.approvals).toMatchObject([{ step: "lead", reviewer: "grace", comment: "For the incident." }]);
    expect(has(live, "Approved", "True", "Reviewed")).toBe(true);
    expect(controller.trail.events.map(({ event }) => event)).toEqual([
      "grant.requested",
      "review.counted",
      "grant.approved",
      "grant.activated",
    ]);
  });

  it("stays without access when the review is a file's, whoever it names", async () => {
    await using controller = await start(policyObjects());
    const waiting = await controller.until<Grant>("Grant", "ada-orders", waits);

    controller.source.put(aReview(waiting, { reviewer: { username: "grace" } }));
    const review = await controller.until<GrantReview>("GrantReview", "review", decided);

    expect(review.status?.conditions).toContainEqual(
      expect.objectContaining({ type: "Stalled", status: "True", reason: "ReviewerIsPipeline" }),
    );
    expect(controller.get<Grant>("Grant", "ada-orders")?.status?.approvals).toBeUndefined();
  });
});

/** Decides through the control API, and answers the reason that the review has then. */
async function decide(
  controller: ControllerHarness,
  who: string,
  spec: Partial<GrantReviewSpec> = {},
): Promise<string | undefined> {
  const grant = await controller.until<Grant>("Grant", "ada-orders", (found) => found.status?.review !== undefined);
  const name = `${who}-${spec.step ?? "any"}-${spec.decision ?? "approve"}`.toLowerCase();
  await controller.source.create(aReview(grant, { reviewer: { username: who }, ...spec }, name));
  const review = await controller.until<GrantReview>("GrantReview", name, decided);
  return review.status?.conditions?.find(({ type }) => type === "Ready")?.reason;
}

const owner = {
  name: "owner",
  approvers: [
    { kind: "Group", name: "developers" },
    { kind: "User", name: "margaret" },
  ],
} as const;

describe("several steps", () => {
  const both = policyObjects(aWorkflow({ spec: { approvalSteps: [lead, owner] } }));

  it("need different people: one counts for one of them, the Grant's own person for none", async () => {
    await using controller = await start(both);

    expect(await decide(controller, "grace", { step: "owner" })).toBe("Counted");
    expect(await decide(controller, "grace", { step: "lead" })).toBe("AlreadyDecided");
    expect(await decide(controller, "ada")).toBe("SelfApproval");
    expect(await decide(controller, "nobody")).toBe("ReviewerNotFound");
    expect(await decide(controller, "margaret")).toBe("AlreadyDecided");
    expect(has(controller.get<Grant>("Grant", "ada-orders") as Grant, "Ready", "False", "PendingApproval")).toBe(true);
  });

  it("are all approved, in any order, before anything is made in AWS", async () => {
    await using controller = await start(both);

    expect(await decide(controller, "margaret")).toBe("Counted");
    expect(controller.actions).toEqual([]);
    expect(await decide(controller, "grace")).toBe("Counted");
    const live = await controller.until<Grant>("Grant", "ada-orders", isLive);

    expect(live.status?.approvals?.map(({ step, reviewer }) => [step, reviewer])).toEqual([
      ["owner", "margaret"],
      ["lead", "grace"],
    ]);
  });

  it("begin anew where the database changes under them: what was approved is not what would be reached", async () => {
    await using controller = await start(both);
    expect(await decide(controller, "margaret")).toBe("Counted");
    const before = controller.get<Grant>("Grant", "ada-orders")?.status?.review?.digest;

    controller.source.put(aDatabase({ spec: { endpoint: { host: "other.example.com", port: 5432 } } }));
    const changed = await controller.until<Grant>(
      "Grant",
      "ada-orders",
      (grant) => grant.status?.review?.digest !== before,
    );
    expect(await decide(controller, "grace")).toBe("Counted");
    const waiting = await controller.until<Grant>(
      "Grant",
      "ada-orders",
      (grant) => grant.status?.approvals?.length === 2,
    );

    expect(changed.status?.conditions).toContainEqual(
      expect.objectContaining({ type: "Ready", message: expect.stringContaining("do not count") }),
    );
    expect(waiting.status?.approvalTime).toBeUndefined();
  });

  it("end with one denial, for good, and what its reviewer said is shown", async () => {
    await using controller = await start(both);

    await decide(controller, "margaret");
    expect(await decide(controller, "grace", { decision: "Deny", comment: "Ask the owner first." })).toBe("Counted");
    const denied = await controller.until<Grant>("Grant", "ada-orders", (grant) => has(grant, "Denied", "True"));
    expect(await decide(controller, "linus")).toBe("AlreadyDecided");

    expect(has(denied, "Stalled", "True", "Denied")).toBe(true);
    expect(has(denied, "Approved", "False", "Denied")).toBe(true);
    expect(denied.status?.end?.message).toContain("Ask the owner first.");
    expect(controller.source.tombstone("default", "ada-orders")).toBeDefined();
    expect(controller.trail.events).toContainEqual(
      expect.objectContaining({ event: "grant.denied", actor: { kind: "User", name: "grace" } }),
    );
  });
});

describe("a review that has counted", () => {
  it("stays counted when it is deleted", async () => {
    await using controller = await start(policyObjects(aWorkflow({ spec: { approvalSteps: [lead, owner] } })));
    await decide(controller, "margaret");

    controller.source.remove({ kind: "GrantReview", namespace: "default", name: "margaret-any-approve" }, inAnHour());
    await decide(controller, "grace");

    expect(isLive(await controller.until<Grant>("Grant", "ada-orders", isLive))).toBe(true);
  });

  it("does not count where the trail cannot keep it", async () => {
    await using controller = await start(policyObjects());
    const grant = await controller.until<Grant>("Grant", "ada-orders", waits);
    const tried = Promise.withResolvers<void>();
    Object.defineProperty(controller.trail, "failure", {
      get() {
        tried.resolve();
        return new Error("the disk is full");
      },
    });

    await controller.source.create(aReview(grant, { reviewer: { username: "grace" } }));
    await tried.promise;

    expect(controller.get<Grant>("Grant", "ada-orders")?.status?.approvals).toBeUndefined();
  });
});

describe("while the trail can keep nothing", () => {
  it("nobody is let in, and whoever is in is let out on time", async () => {
    await using controller = await start(policyObjects(aWorkflow()));
    const live = await controller.until<Grant>("Grant", "ada-orders", isLive);
    const tried = Promise.withResolvers<void>();
    Object.defineProperty(controller.trail, "failure", {
      get() {
        tried.resolve();
        return new Error("the disk is full");
      },
    });

    const metadata = { name: "ada-again", uid: "00000000-0000-4000-8000-000000000002" };
    controller.source.put(aGrant({ metadata, spec: { notAfterTime: inAnHour() } }));
    await tried.promise;
    controller.source.put({ ...live, spec: { ...live.spec, revocation: { reason: "done" } } });
    const over = await controller.until<Grant>("Grant", "ada-orders", (grant) =>
      has(grant, "Ready", "True", "Revoked"),
    );

    expect(over.status?.deprovisionTime).toBeDefined();
    expect(controller.get<Grant>("Grant", "ada-again")?.status?.external).toBeUndefined();
  });
});

describe("a pipeline", () => {
  it("approves with a file only the step that names it", async () => {
    const change = { name: "change", approvers: [{ kind: "Pipeline", name: "ci" }] } as const;
    await using controller = await start(policyObjects(aWorkflow({ spec: { approvalSteps: [change] } })));
    const waiting = await controller.until<Grant>("Grant", "ada-orders", waits);

    controller.source.put(aReview(waiting, { reviewer: { kind: "Pipeline", username: "other" } }, "other"));
    const other = await controller.until<GrantReview>("GrantReview", "other", decided);
    controller.source.put(aReview(waiting, { reviewer: { kind: "Pipeline", username: "ci" } }));
    const live = await controller.until<Grant>("Grant", "ada-orders", isLive);

    expect(other.status?.conditions).toContainEqual(expect.objectContaining({ reason: "NotAnApprover" }));
    expect(live.status?.approvals).toMatchObject([{ reviewer: "ci", reviewerKind: "Pipeline" }]);
  });
});

describe("a start time", () => {
  it("is waited for after the approval, with nothing in AWS", async () => {
    const startTime = new Date(Date.now() + 1_500).toISOString();
    await using controller = await start(policyObjects(), { startTime });

    await decide(controller, "grace");
    const scheduled = await controller.until<Grant>("Grant", "ada-orders", (grant) =>
      has(grant, "Ready", "False", "Scheduled"),
    );
    const early = [...controller.actions];
    const live = await controller.until<Grant>("Grant", "ada-orders", isLive);

    expect(has(scheduled, "Approved", "True", "Reviewed")).toBe(true);
    expect(early).toEqual([]);
    expect(Date.parse(live.status?.activationTime ?? "")).toBeGreaterThanOrEqual(Date.parse(startTime));
  });
});

describe("break-glass", () => {
  const urgent = { urgency: "BreakGlass", requester: { username: "ada" }, reason: "INC-1" } as const;
  const workflow = (group: string): AccessWorkflow =>
    aWorkflow({ spec: { approvalSteps: [lead], breakGlass: { subjects: [{ kind: "Group", name: group }] } } });

  it("gives access without a review to whom the workflow names, and flags it for good", async () => {
    await using controller = await start(policyObjects(workflow("developers")), urgent, { created: true });

    const live = await controller.until<Grant>("Grant", "ada-orders", isLive);

    expect(live.status?.approvalKind).toBe("BreakGlass");
    expect(has(live, "BreakGlass", "True")).toBe(true);
    expect(controller.trail.events).toContainEqual(
      expect.objectContaining({
        event: "grant.breakGlass",
        actor: { kind: "User", name: "ada" },
        detail: expect.objectContaining({ reason: "INC-1" }),
      }),
    );
  });

  it("is refused where it comes from a file, or the workflow does not name the person", async () => {
    await using byFile = await start(policyObjects(workflow("developers")), urgent);
    await using byOther = await start(policyObjects(workflow("administrators")), urgent, { created: true });

    const unproven = await byFile.until<Grant>("Grant", "ada-orders", (grant) => has(grant, "Stalled", "True"));
    const notAllowed = await byOther.until<Grant>("Grant", "ada-orders", (grant) => has(grant, "Stalled", "True"));

    expect(has(unproven, "Ready", "False", "RequesterNotVerified")).toBe(true);
    expect(has(notAllowed, "Ready", "False", "BreakGlassNotAllowed")).toBe(true);
  });
});

describe("a person", () => {
  it.each([
    [
      "who is removed from the group that the Availability names",
      "PrincipalNotEntitled",
      ({ state }: Sandbox) => {
        const group = [...state.groups.values()].find(({ displayName }) => displayName === "developers");
        const user = [...state.people.values()].find(({ userName }) => userName === "ada");
        for (const [id, { groupID, userID }] of state.memberships) {
          if (groupID === group?.groupID && userID === user?.userID) {
            state.memberships.delete(id);
          }
        }
      },
    ],
    [
      "who is removed from the identity store",
      "PrincipalGone",
      ({ state }: Sandbox) => {
        for (const [id, { userName }] of state.people) {
          if (userName === "ada") {
            state.people.delete(id);
          }
        }
      },
    ],
  ])("%s loses the access at the next look", async (_title, reason, remove) => {
    const objects = policyObjects(aWorkflow());
    await using controller = await start(objects);
    const live = await controller.until<Grant>("Grant", "ada-orders", isLive);

    remove(controller.sandbox);
    // What the last look read of the person serves for a few seconds more.
    await new Promise((resolve) => systemClock.after(personReadsMs, () => resolve(undefined)));
    const annotations = { "sallyport.dev/reconcile-requested-at": "now" };
    controller.source.put({ ...live, metadata: { ...live.metadata, annotations } });
    const over = await controller.until<Grant>("Grant", "ada-orders", (grant) => grant.status?.end !== undefined);

    expect(over.status?.end?.reason).toBe(reason);
  });
});

describe("ttlSecondsAfterFinished", () => {
  it("lets the state forget what the API made, and its reviews with it", async () => {
    await using controller = await start(policyObjects(), { ttlSecondsAfterFinished: 1 }, { created: true });

    await decide(controller, "grace", { decision: "Deny" });
    await controller.gone("Grant", "ada-orders");
    await controller.gone("GrantReview", "grace-any-deny");

    expect(controller.source.tombstone("default", "ada-orders")).toBeDefined();
  });
});
