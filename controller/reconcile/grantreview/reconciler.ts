import type { Trail } from "#audit/event/trail.ts";
import { keyOf, type Grant, type GrantReview, type ObjectKey } from "#kinds/index.ts";
import type { Clock } from "#lib/clock.ts";
import type { IdentityTrust } from "../../admission/identity-trust.ts";
import { reviewerOf, type Proof } from "../../admission/proven.ts";
import { isFailure } from "../../aws/errors.ts";
import type { AwsPorts } from "../../aws/ports.ts";
import type { Source, Stored } from "../../source/source.ts";
import { reviewEvent } from "../../trail/emit.ts";
import { reviewWorkflowName, type Reviewer } from "../grant/approval.ts";
import { failureMessage } from "../grant/situations.ts";
import type { Outcome, Reconciler } from "../reconciler.ts";
import { notReady } from "../status/simple.ts";
import { writeObjectStatus } from "../status/write.ts";
import { decideReview, isDecided, reviewConditions, type ReviewDecision, withApproval } from "./decide.ts";

/** What the GrantReview reconciler needs. */
export interface GrantReviewReconcilerOptions {
  readonly source: Source;
  readonly ports: Pick<AwsPorts, "identityStore">;
  readonly clock: Clock;
  readonly identity: Pick<IdentityTrust, "look">;
  /** Identity Store whose people the control API lets in (`--identity-store`). Absent: the one that all Proxies name. */
  readonly identityStore?: string | undefined;
  /** Called after each write of a review's status: whoever made it waits for what became of it. */
  readonly onStatusWritten?: (review: GrantReview) => void;
  /** Absent: nothing is recorded, as in a plan. */
  readonly trail?: Trail;
}

/**
 * Counts reviews: whoever is proven to have decided, and may, is put on record in the status of the Grant, which then decides by its record
 * alone. A review that is deleted afterwards stays counted.
 */
export function grantReviewReconciler(options: GrantReviewReconcilerOptions): Reconciler {
  const { source } = options;
  return {
    kind: "GrantReview",
    reconcile: ({ namespace, name }) => reconcile({ namespace, name }, options),
    affectedBy(changed: ObjectKey) {
      return changed.kind !== "Grant"
        ? []
        : source.list("GrantReview").flatMap(({ object }) => {
            const { metadata, spec } = object;
            const isOf = metadata.namespace === changed.namespace && spec.grantRef.name === changed.name;
            const isGone = source.get("Grant", changed.namespace, changed.name) === undefined;
            return isOf && (isGone || !isDecided(object)) ? [keyOf(object)] : [];
          });
    },
  };
}

async function reconcile(
  { namespace, name }: Pick<ObjectKey, "namespace" | "name">,
  options: GrantReviewReconcilerOptions,
): Promise<Outcome> {
  const { source, clock } = options;
  const stored = source.get("GrantReview", namespace, name);
  if (stored === undefined) {
    return { kind: "settled" };
  }
  if (stored.origin === "api" && source.get("Grant", namespace, stored.object.spec.grantRef.name) === undefined) {
    // What it said is on record in the trail.
    await source.forget(stored.object);
    return { kind: "settled" };
  }
  if (isDecided(stored.object)) {
    return { kind: "settled" };
  }
  const write = async (conditions: ReturnType<typeof reviewConditions>): Promise<void> => {
    const patch = { observedGeneration: stored.object.metadata.generation ?? 0 };
    await writeObjectStatus(source, stored.object, { patch, conditions }, clock);
    options.onStatusWritten?.(stored.object);
  };
  try {
    const decision = await decide(stored, options);
    await write(reviewConditions(decision));
    return decision.kind === "refused"
      ? { kind: "refused", reason: decision.reason, message: decision.message }
      : { kind: "settled" };
  } catch (thrown) {
    if (!isFailure(thrown)) {
      throw thrown;
    }
    await write(notReady("ProviderError", failureMessage(thrown)));
    return { kind: "failed", error: thrown };
  }
}

async function decide(stored: Stored<GrantReview>, options: GrantReviewReconcilerOptions): Promise<ReviewDecision> {
  const { object: review } = stored;
  const { source, identity } = options;
  const { namespace } = review.metadata;
  const grant = source.get("Grant", namespace, review.spec.grantRef.name)?.object;
  if (grant === undefined) {
    const message = `There is no Grant ${review.spec.grantRef.name} in this namespace.`;
    return { kind: "waits", reason: "GrantNotFound", message };
  }
  // The policies could have been away when it was made: what counts is a look that began after it was seen.
  const proof = reviewerOf(stored, await identity.look());
  const reviewer = await provenReviewer(proof, stored, grant, options);
  if ("decision" in reviewer) {
    await note(review, grant, reviewer.decision, options);
    return reviewer.decision;
  }
  return count(review, grant, reviewer, options);
}

/** Puts the review on record where it counts. What is on record at the moment of the write decides: of two at a time, one sees the other. */
async function count(
  review: GrantReview,
  grant: Grant,
  reviewer: Reviewer,
  options: GrantReviewReconcilerOptions,
): Promise<ReviewDecision> {
  const { source, clock } = options;
  const { namespace } = grant.metadata;
  const now = clock.now();
  const decideOn = (current: Grant): ReviewDecision => {
    const workflowName = reviewWorkflowName(current) ?? "";
    const workflow = source.get("AccessWorkflow", namespace, workflowName)?.object;
    return decideReview(review, current, { workflow, reviewer, now });
  };
  let decision = decideOn(grant);
  const isApproval = review.spec.decision === "Approve";
  if (decision.kind !== "counted" || !decision.isNew || isApproval) {
    // An approval that cannot be recorded must not count.
    await note(review, grant, decision, options);
  }
  if (decision.kind !== "counted" || !decision.isNew) {
    return decision;
  }
  await source.writeStatus(
    grant,
    (status) => {
      decision = decideOn({ ...grant, status });
      return decision.kind === "counted" && decision.isNew ? withApproval(status, decision.approval) : status;
    },
    { notify: true },
  );
  if (!isApproval || decision.kind !== "counted") {
    await note(review, grant, decision, options);
  }
  return decision;
}

/** Tells the trail of what was decided for good. */
async function note(
  review: GrantReview,
  grant: Grant,
  decision: ReviewDecision,
  { trail }: GrantReviewReconcilerOptions,
): Promise<void> {
  const event = decision.kind === "waits" ? undefined : reviewEvent(review, grant, decision);
  if (event !== undefined) {
    await trail?.record(event);
  }
}

/** The reviewer with their memberships of now, or why their word does not count. */
async function provenReviewer(
  proof: Proof,
  { object: review, origin }: Stored<GrantReview>,
  grant: Grant,
  { source, ports, identityStore }: GrantReviewReconcilerOptions,
): Promise<Reviewer | { readonly decision: ReviewDecision }> {
  const refused = (decision: ReviewDecision): { decision: ReviewDecision } => ({ decision });
  switch (proof.kind) {
    case "unproven":
      return refused({
        kind: "waits",
        reason: "ReviewerNotVerified",
        message: `Who made the review is not proven. ${proof.message}`,
      });
    case "pipeline": {
      const { reviewer } = review.spec;
      return proof.name === undefined
        ? refused({ kind: "refused", reason: "ReviewerIsPipeline", message: pipelineMessage(reviewer?.username) })
        : { kind: "Pipeline", name: proof.name };
    }
    default: {
      const { namespace } = grant.metadata;
      const database = source.get("Database", namespace, grant.spec.databaseRef.name)?.object;
      const proxy = source.get("Proxy", namespace, database?.spec.proxyRef.name ?? "")?.object;
      if (proxy === undefined) {
        const message = "The Database of the Grant, or its Proxy, does not exist in this namespace.";
        return refused({ kind: "waits", reason: "ReferenceNotFound", message });
      }
      const { identityStoreID } = proxy.spec.identityCenter;
      if (origin === "api" && identityStore !== undefined && identityStore !== identityStoreID) {
        // Who has the same user name there may be somebody else.
        const message = `${proof.username} was signed in from the identity store ${identityStore}, and the Grant's Proxy takes people from ${identityStoreID}. Decide with kubectl, or in the installation of that store.`;
        return refused({ kind: "refused", reason: "OtherIdentityStore", message });
      }
      const store = ports.identityStore(proxy.spec.identityCenter);
      const user = await store.findUser(proof.username);
      if (user === undefined) {
        const message = `Nobody in the identity store has the user name ${proof.username}.`;
        return refused({ kind: "refused", reason: "ReviewerNotFound", message });
      }
      if (user.status === "DISABLED") {
        const message = `${proof.username} is disabled in the identity store.`;
        return refused({ kind: "refused", reason: "ReviewerDisabled", message });
      }
      const { userID, userName } = user;
      return { kind: "User", userID, userName, groups: await store.groupsOf(userID) };
    }
  }
}

function pipelineMessage(named: string | undefined): string {
  return named === undefined
    ? "A file proves only the pipeline that brought it. Name the pipeline: spec.reviewer with kind Pipeline, and a step of the workflow must list it."
    : `A file proves only the pipeline that brought it, not ${named}. People decide through the control API.`;
}
