import type { NewTrailEvent } from "#audit/event/trail.ts";
import { getCondition, type Grant, type GrantReview, type GrantStatus } from "#kinds/index.ts";
import type { EpochMs } from "#lib/clock.ts";
import { defined } from "#lib/defined.ts";
import type { TrailActor } from "#lib/trail-event.ts";
import type { ReviewDecision } from "../reconcile/grantreview/decide.ts";

/** What the trail is told of one write of a Grant's status. */
export interface Transitions {
  /** Lets somebody in, or keeps them in: must be on record before it is so. */
  readonly opening: readonly NewTrailEvent[];
  /** Everything else, the end of access above all: never waits for the trail. */
  readonly other: readonly NewTrailEvent[];
}

const controller: TrailActor = { kind: "Controller", name: "sallyport" };

/** What became of a Grant with one write of its status, from before and after alone. Pure. */
export function transitionsOf(grant: Grant, before: GrantStatus, after: GrantStatus): Transitions {
  const opening: NewTrailEvent[] = [];
  const other: NewTrailEvent[] = [];
  const of = (event: NewTrailEvent["event"], actor: TrailActor, detail: Detail = {}): NewTrailEvent =>
    grantEvent({ ...grant, status: after }, event, actor, detail);
  const isNew = (field: keyof GrantStatus): boolean => before[field] === undefined && after[field] !== undefined;

  if (isNew("grantID")) {
    other.push(of("grant.requested", requesterOf(grant), requestDetail(grant)));
  }
  if (isNew("approvalTime")) {
    const kind = after.approvalKind ?? "Automatic";
    const isBreakGlass = kind === "BreakGlass";
    const actor = isBreakGlass ? requesterOf(grant) : controller;
    const reviewers = after.approvals?.flatMap(({ decision, reviewer }) => (decision === "Approve" ? [reviewer] : []));
    opening.push(
      of(isBreakGlass ? "grant.breakGlass" : "grant.approved", actor, {
        kind,
        workflow: after.workflow?.name,
        reviewers: reviewers?.join(", "),
        reason: isBreakGlass ? grant.spec.reason : undefined,
      }),
    );
  }
  if (isNew("activationTime")) {
    opening.push(of("grant.activated", controller, { expiryTime: after.expiryTime }));
  }
  if ((after.extensionCount ?? 0) > (before.extensionCount ?? 0)) {
    opening.push(of("grant.extended", extenderOf(grant, after), extensionDetail(after)));
  }
  if (isTrue(after, "Expiring") && !isTrue(before, "Expiring")) {
    other.push(of("grant.expiring", controller, { expiryTime: after.expiryTime }));
  }
  if (isNew("end")) {
    other.push(endEvent(grant, after, of));
  }
  if (isNew("deprovisionTime") && after.activationTime !== undefined) {
    other.push(of("grant.deprovisioned", controller));
  }
  return { opening, other };
}

/**
 * What the trail must know of a Grant by what is on record of it: that it was asked for, that it ended, that nothing is left. What lets
 * somebody in is not among it, since it is told before it is on record. Each says when it was so (`detail.at`), which counts where it is told
 * late; the trail takes one that it has for the one that it has. Pure.
 * @param since what was so before is left out, in epoch milliseconds
 */
export function recordedEvents(grant: Grant, since: EpochMs): NewTrailEvent[] {
  const { requestTime, end, deprovisionTime } = grant.status ?? {};
  const times: Partial<Record<NewTrailEvent["event"], string | undefined>> = {
    "grant.requested": requestTime,
    "grant.denied": end?.time,
    "grant.ended": end?.time,
    "grant.deprovisioned": deprovisionTime,
  };
  return transitionsOf(grant, {}, grant.status ?? {}).other.flatMap((event) => {
    const at = times[event.event];
    return at === undefined || Date.parse(at) < since ? [] : [{ ...event, detail: { ...event.detail, at } }];
  });
}

/** What the trail is told of a review that was decided on. */
export function reviewEvent(
  { metadata, spec }: GrantReview,
  grant: Grant,
  decision: Exclude<ReviewDecision, { kind: "waits" }>,
): NewTrailEvent {
  const named: TrailActor = { kind: spec.reviewer?.kind ?? "User", name: spec.reviewer?.username ?? "" };
  const { comment } = spec;
  if (decision.kind === "counted") {
    const { reviewer, reviewerKind = "User", step } = decision.approval;
    const detail = { review: metadata.name, decision: spec.decision, step, comment };
    return grantEvent(grant, "review.counted", { kind: reviewerKind, name: reviewer }, detail);
  }
  const detail = { review: metadata.name, decision: spec.decision, reason: decision.reason, comment };
  return grantEvent(grant, "review.refused", named, detail);
}

type Detail = Readonly<Record<string, string | undefined>>;

function grantEvent(
  { metadata, spec, status }: Grant,
  event: NewTrailEvent["event"],
  actor: TrailActor,
  detail: Detail,
): NewTrailEvent {
  const said = Object.fromEntries(
    Object.entries(detail).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== ""),
  );
  return {
    event,
    actor,
    ...defined({ grantID: status?.grantID }),
    grant: `${metadata.namespace}/${metadata.name}`,
    userName: status?.principal?.userName ?? spec.principal.name,
    database: `${metadata.namespace}/${spec.databaseRef.name}`,
    role: spec.roleName,
    ...(Object.keys(said).length === 0 ? {} : { detail: said }),
  };
}

function requestDetail({ spec }: Grant): Detail {
  const { reason, durationSeconds, urgency, startTime } = spec;
  return { reason, durationSeconds: String(durationSeconds), urgency, startTime };
}

/** As the Grant says it; whether that is proven is decided where it matters. */
function requesterOf({ spec }: Grant): TrailActor {
  return spec.requester === undefined
    ? { kind: "Pipeline", name: "" }
    : { kind: "User", name: spec.requester.username };
}

function extenderOf({ spec }: Grant, after: GrantStatus): TrailActor {
  const { extendRequest, extensionCount = 0 } = after;
  return extendRequest !== undefined &&
    extendRequest.count >= extensionCount &&
    (spec.extensionCount ?? 0) < extensionCount
    ? { kind: "User", name: extendRequest.by }
    : controller;
}

function extensionDetail({ extensionCount = 0, expiryTime }: GrantStatus): Detail {
  return { count: String(extensionCount), expiryTime };
}

function endEvent(
  grant: Grant,
  after: GrantStatus,
  of: (event: NewTrailEvent["event"], actor: TrailActor, detail: Detail) => NewTrailEvent,
): NewTrailEvent {
  const { reason = "", message = "" } = after.end ?? {};
  const denial = after.approvals?.find(({ decision }) => decision === "Deny");
  if (reason === "Denied" && denial !== undefined) {
    const { reviewer, reviewerKind = "User", step, comment } = denial;
    return of("grant.denied", { kind: reviewerKind, name: reviewer }, { step, comment });
  }
  const { endRequest } = after;
  const isAsked = endRequest !== undefined && (reason === "Revoked" || reason === "Cancelled");
  const actor: TrailActor =
    isAsked && grant.spec.revocation === undefined ? { kind: "User", name: endRequest.by } : controller;
  return of("grant.ended", actor, { reason, message });
}

function isTrue({ conditions }: GrantStatus, type: string): boolean {
  return getCondition(conditions, type)?.status === "True";
}
