import { apiVersion, type Grant, type GrantReview, type GrantStatus } from "#kinds/index.ts";
import { defined } from "#lib/defined.ts";
import type { ExtendRequest, ReviewRequest } from "#wire/approval.ts";
import type { GrantList, GrantView, ReviewedGrant, RevokeRequest } from "#wire/control-api.ts";
import { callerGrant, type CallerGrant, viewNow, visibleGrant } from "../grants/caller-view.ts";
import { type ReviewVerdict, reviewVerdict } from "../../reconcile/grant/approval.ts";
import { refusalStatus, reviewOutcome } from "../grants/review-outcome.ts";
import { extensionOf, workflowOf } from "../grants/approval.ts";
import { mayEnd, mayExtend } from "../grants/grant-access.ts";
import { stateOf } from "../grants/grant-view.ts";
import { callerOf, type Caller, HttpProblem, type Route, type RouteRequest } from "../route.ts";
import {
  grantDigestText,
  grantView,
  integer,
  listOf,
  object,
  oneOf,
  reviewedGrant,
  stepName,
  text,
} from "../schemas.ts";
import type { Services } from "../services.ts";
import { byNewest, grantPath } from "./grants.ts";

const reviewNameBytes = 6;

/** Deciding on requests, lengthening and ending access. */
export function reviewRoutes(services: Services): Route[] {
  const of = (request: Parameters<Route["handle"]>[0]): CallerGrant =>
    visibleGrant(services, callerOf(request), request.path["grantID"] ?? "");
  const change = {
    method: "POST",
    rule: "person",
    parameters: grantPath,
    response: grantView,
  } as const;
  return [
    queueRoute(services),
    {
      ...change,
      path: "/v1/grants/{grantID}/review",
      operationID: "reviewGrant",
      summary:
        "Approves or denies a grant as the caller, whose word must be waited for. Recorded as a GrantReview. Answers when it was counted, within seconds; `review.state` is `Waiting` where that took longer.",
      response: reviewedGrant,
      body: object(
        { decision: oneOf("Approve", "Deny"), digest: grantDigestText, step: stepName, comment: text(2048) },
        ["step", "comment"],
      ),
      handle: (request) => review(services, request, of(request)),
    },
    {
      ...change,
      path: "/v1/grants/{grantID}/extend",
      operationID: "extendGrant",
      summary:
        "Lengthens a live grant once, as its workflow allows. `count` is what the caller saw: twice extends once.",
      body: object({ count: integer(0, 100) }),
      handle: (request) => extend(services, callerOf(request), of(request), request.body as ExtendRequest),
    },
    {
      ...change,
      path: "/v1/grants/{grantID}/revoke",
      operationID: "revokeGrant",
      summary:
        "Ends a grant now, or cancels one that is pending: by its own person, its requester, who approved it or an administrator.",
      body: object({ reason: text(1024) }),
      handle: (request) => revoke(services, callerOf(request), of(request), request.body as RevokeRequest),
    },
  ];
}

function queueRoute(services: Services): Route {
  return {
    method: "GET",
    path: "/v1/reviews",
    operationID: "listReviews",
    summary: "Grants that wait for the caller's word, or (`state=decided`) on which it counted.",
    rule: "person",
    query: { state: oneOf("waiting", "decided") },
    response: object({ items: listOf(grantView) }),
    handle: async (request): Promise<GrantList> => {
      const isDecided = request.query["state"] === "decided";
      const items = services.source.list("Grant").flatMap(({ object }) => {
        const seen = callerGrant(services, callerOf(request), object);
        const isListed =
          seen !== undefined &&
          (isDecided ? seen.relation.decided : seen.relation.mayDeny || seen.relation.waitingSteps.length > 0);
        return isListed ? [seen.view()] : [];
      });
      return { items: items.sort(byNewest) };
    },
  };
}

async function review(services: Services, request: RouteRequest, seen: CallerGrant): Promise<ReviewedGrant> {
  const caller = callerOf(request);
  const { decision, digest, step, comment } = request.body as ReviewRequest;
  const { grant } = seen;
  const verdict = reviewVerdict({
    grant,
    workflow: workflowOf(grant, services.source),
    review: { decision, grantDigest: digest, ...defined({ step }) },
    reviewer: { kind: "User", ...caller },
    now: services.clock.now(),
  });
  if (verdict.kind !== "counts") {
    throw notCounted(verdict);
  }
  const { namespace, name } = grant.metadata;
  const object: GrantReview = {
    apiVersion,
    kind: "GrantReview",
    metadata: { namespace, name: reviewName(grant, services) },
    spec: {
      grantRef: { name },
      grantDigest: digest,
      decision,
      step: verdict.step,
      reviewer: { kind: "User", username: caller.userName },
      ...(comment === undefined ? {} : { comment }),
    },
  };
  const made = await services.source.create(object);
  const outcome = await reviewOutcome(services, made.object, grant, request.signal);
  return { ...viewNow(services, caller, seen), review: outcome };
}

/** Why the review would not count. */
function notCounted(verdict: Exclude<ReviewVerdict, { readonly kind: "counts" }>): HttpProblem {
  if (verdict.kind === "waits") {
    return new HttpProblem(409, "NotWaiting", verdict.message, { next: "Look at it again in a moment." });
  }
  return new HttpProblem(refusalStatus(verdict.reason), verdict.reason, verdict.message);
}

function reviewName(grant: Grant, { random }: Services): string {
  const suffix = Buffer.from(random(reviewNameBytes)).toString("hex");
  return `${grant.metadata.name.slice(0, 62 - suffix.length).replaceAll(/[^a-z0-9]+$/g, "")}-${suffix}`;
}

async function extend(
  services: Services,
  caller: Caller,
  seen: CallerGrant,
  { count }: ExtendRequest,
): Promise<GrantView> {
  const { grant, relation } = seen;
  if (!mayExtend(relation)) {
    throw new HttpProblem(403, "Forbidden", `${caller.userName} may not extend this grant`, {
      why: "its own person and its requester may",
    });
  }
  const extension = extensionOf(grant);
  if (stateOf(grant) !== "Active" || extension === undefined) {
    throw new HttpProblem(
      409,
      "NotExtendable",
      extension === undefined ? "its workflow allows no extension" : "the grant is not live",
    );
  }
  if (count < extension.count) {
    return seen.view();
  }
  if (count > extension.count || extension.count >= extension.maxCount) {
    throw new HttpProblem(409, "NotExtendable", `${extension.count} of ${extension.maxCount} extensions are used`, {
      next: "Ask for access anew.",
    });
  }
  if (Date.parse(extension.fromTime ?? "") > services.clock.now()) {
    throw new HttpProblem(409, "TooEarly", `the next extension may be asked for from ${extension.fromTime} on`, {
      why: "its workflow wants part of the time to be over first",
      next: "Ask again then; nothing was changed.",
    });
  }
  const time = new Date(services.clock.now()).toISOString();
  const extendRequest = { count: count + 1, by: caller.userName, time };
  await services.source.writeStatus(grant, (status) => withExtension(status, extendRequest), { notify: true });
  return viewNow(services, caller, seen);
}

/** The higher count stays: who asked first is who asked for it. */
function withExtension(status: GrantStatus, asked: NonNullable<GrantStatus["extendRequest"]>): GrantStatus {
  return (status.extendRequest?.count ?? 0) >= asked.count ? status : { ...status, extendRequest: asked };
}

async function revoke(
  services: Services,
  caller: Caller,
  seen: CallerGrant,
  { reason }: RevokeRequest,
): Promise<GrantView> {
  const { grant, relation } = seen;
  if (!mayEnd(caller, relation)) {
    throw new HttpProblem(403, "Forbidden", `${caller.userName} may not end this grant`, {
      why: "its own person, its requester, who approved it and administrators may",
    });
  }
  if (grant.status?.end === undefined && grant.status?.endRequest === undefined) {
    const time = new Date(services.clock.now()).toISOString();
    const endRequest = { reason, by: caller.userName, time };
    await services.source.writeStatus(grant, (status) => ({ ...status, endRequest: status.endRequest ?? endRequest }), {
      notify: true,
    });
  }
  return viewNow(services, caller, seen);
}
