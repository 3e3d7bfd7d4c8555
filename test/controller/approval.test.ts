import { describe, expect, it } from "vitest";
import { memoryTrail } from "#audit/event/memory-trail.ts";
import { apiVersion, type AnyObject, type Grant, type GrantReview, type GrantReviewSpec } from "#kinds/index.ts";
import { systemClock } from "#lib/clock.ts";
import { folderTrust } from "#controller/admission/identity-trust.ts";
import { grantReviewReconciler } from "#controller/reconcile/grantreview/reconciler.ts";
import { aDatabase, aGrant, anAvailability, aProxy, aWorkflow } from "#controller/reconcile/testing.ts";
import { type ControllerHarness, has, startController } from "./harness.ts";

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
): Promise<ControllerHarness & { trail: ReturnType<typeof memoryTrail> }> {
  const trail = memoryTrail();
  const harness = await startController({
    objects: [...objects, aGrant({ spec: { notAfterTime: inAnHour() } })],
    trail,
    reconcilers: ({ source, ports }) => [
      grantReviewReconciler({ source, ports, clock: systemClock, identity: folderTrust(), trail }),
    ],
  });
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
