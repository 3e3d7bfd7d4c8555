import { apiVersion, type Grant, type GrantReview } from "#kinds/index.ts";
import { grantDigest } from "#kinds/digest.ts";
import type { ExtendRequest, ReviewRequest } from "#wire/approval.ts";
import type { GrantList, GrantView, RevokeRequest } from "#wire/control-api.ts";
import { callerGrant, type CallerGrant, viewNow, visibleGrant } from "../caller-view.ts";
import { extensionOf } from "../approval.ts";
import { mayEnd, mayExtend } from "../grant-access.ts";
import { isOpen, stateOf } from "../grant-view.ts";
import { callerOf, type CallerOf, HttpProblem, type Route } from "../route.ts";
import { grantDigestText, grantView, integer, listOf, object, oneOf, stepName, text } from "../schemas.ts";
import type { Services } from "../services.ts";
import { byNewest, grantPath } from "./grants.ts";

const reviewNameBytes = 6;

/** Deciding on requests, lengthening and ending access. */
export function reviewRoutes(services: Services): Route[] {
  const of = (request: Parameters<Route["handle"]>[0]): CallerGrant =>
    visibleGrant(services.source, callerOf(request), request.path["grantID"] ?? "");
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
      summary: "Approves or denies a grant as the caller, whose word must be waited for. Recorded as a GrantReview.",
      body: object(
        { decision: oneOf("Approve", "Deny"), digest: grantDigestText, step: stepName, comment: text(2048) },
        ["step", "comment"],
      ),
      handle: (request) => review(services, callerOf(request), of(request), request.body as ReviewRequest),
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

function queueRoute({ source }: Services): Route {
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
      const items = source.list("Grant").flatMap(({ object }) => {
        const seen = callerGrant(source, callerOf(request), object);
        const isListed =
          seen !== undefined && (isDecided ? seen.relation.decided : seen.relation.waitingSteps.length > 0);
        return isListed ? [seen.view()] : [];
      });
      return { items: items.sort(byNewest) };
    },
  };
}

async function review(
  services: Services,
  caller: CallerOf,
  seen: CallerGrant,
  { decision, digest, step, comment }: ReviewRequest,
): Promise<GrantView> {
  const { grant, relation } = seen;
  if (digest !== grantDigest(grant)) {
    throw new HttpProblem(409, "DigestMismatch", "this is not the grant that you looked at", {
      why: "a grant of the same name was made anew",
      next: "Look at it again and decide on what you see.",
    });
  }
  const chosen = step ?? relation.waitingSteps[0];
  if (chosen === undefined || !relation.waitingSteps.includes(chosen)) {
    throw notAsked(caller, grant, relation.decided);
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
      step: chosen,
      reviewer: { kind: "User", username: caller.userName },
      ...(comment === undefined ? {} : { comment }),
    },
  };
  await services.source.create(object);
  return viewNow(services.source, caller, seen);
}

/** Why the caller's word is not waited for. */
function notAsked(caller: CallerOf, grant: Grant, decided: boolean): HttpProblem {
  if (!isOpen(grant) || grant.status?.approvalTime !== undefined) {
    return new HttpProblem(409, "TooLate", `the grant is ${stateOf(grant)} and waits for no review`);
  }
  if (decided) {
    return new HttpProblem(409, "AlreadyDecided", "your review of this grant counted already");
  }
  return new HttpProblem(403, "NotAnApprover", `${caller.userName} may not decide on this grant`, {
    why: "no step that waits names you or a group of yours, or it is your own",
  });
}

function reviewName(grant: Grant, { random }: Services): string {
  const suffix = Buffer.from(random(reviewNameBytes)).toString("hex");
  return `${grant.metadata.name.slice(0, 62 - suffix.length).replaceAll(/[^a-z0-9]+$/g, "")}-${suffix}`;
}

async function extend(
  { source, clock }: Services,
  caller: CallerOf,
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
  const time = new Date(clock.now()).toISOString();
  const extendRequest = { count: count + 1, by: caller.userName, time };
  await source.writeStatus(grant, (status) => withExtension(status, extendRequest), { notify: true });
  return viewNow(source, caller, seen);
}

type Status = NonNullable<Grant["status"]>;

/** The higher count stays: who asked first is who asked for it. */
function withExtension(status: Status, asked: { count: number; by: string; time: string }): Status {
  const before = (status as { extendRequest?: { count: number } }).extendRequest;
  return before !== undefined && before.count >= asked.count ? status : ({ ...status, extendRequest: asked } as Status);
}

async function revoke(
  { source, clock }: Services,
  caller: CallerOf,
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
    const time = new Date(clock.now()).toISOString();
    const endRequest = { reason, by: caller.userName, time };
    await source.writeStatus(grant, (status) => ({ ...status, endRequest: status.endRequest ?? endRequest }), {
      notify: true,
    });
  }
  return viewNow(source, caller, seen);
}
