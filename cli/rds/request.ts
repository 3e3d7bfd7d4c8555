import { UserError } from "#lib/errors.ts";
import type { Entitlement, GrantRequest, GrantRequestResponse, GrantView } from "#wire/control-api.ts";
import type { World } from "../command.ts";
import type { ControlClient } from "../control/client.ts";
import { formatDuration } from "../output/duration.ts";
import { ask, confirm } from "../output/prompt.ts";
import { type WaitOptions, waitUntilLive } from "./await-grant.ts";

/** How the person wants it, as typed. */
export interface RequestOptions {
  readonly durationSeconds?: number;
  readonly reason?: string;
  /** Not before this instant, RFC 3339. */
  readonly startTime?: string;
  readonly urgency?: "BreakGlass";
  readonly yes: boolean;
}

/** What asking for one database would do. */
export interface AccessPlan {
  readonly entitlement: Entitlement;
  /** As messages name it, such as `read_only access to orders`. */
  readonly name: string;
  readonly request: GrantRequest;
  readonly answer: GrantRequestResponse;
}

/** Asks what a request would do, and says it. Changes nothing. */
export async function planAccess(
  control: ControlClient,
  entitlement: Entitlement,
  options: RequestOptions,
  world: World,
): Promise<AccessPlan> {
  const name = `${entitlement.role} access to ${entitlement.database}`;
  const request = requestOf(entitlement, options);
  const { signal } = world;
  const answer = await control.post<GrantRequestResponse>("/v1/grants", { ...request, dryRun: true }, { signal });
  announce(answer, name, world);
  return { entitlement, name, request, answer };
}

/**
 * Has the person confirm what will be asked for, all of it at once, and give the reason that is missing. Answers the plans as they may be
 * carried out.
 */
export async function confirmAccess(
  plans: readonly AccessPlan[],
  options: RequestOptions,
  world: World,
): Promise<readonly AccessPlan[]> {
  const fresh = plans.filter(({ answer }) => answer.grant === undefined);
  if (fresh.length === 0) {
    return plans;
  }
  if (!options.yes && !(await confirm(world, "Apply proposed access changes", "Run it again with --yes."))) {
    throw new UserError("Cancelled", "cancelled operation", { why: "nothing was changed" });
  }
  const needsReason = fresh.some(({ entitlement, request }) => {
    const isNeeded = entitlement.reason === "Required" || request.urgency === "BreakGlass";
    return isNeeded && request.reason === undefined;
  });
  const reason = needsReason
    ? await ask(world, "Reason for access (Required)", "Give one with --reason.")
    : options.reason;
  world.output.note("Attempting to grant access...");
  return plans.map((plan) => (reason === undefined ? plan : { ...plan, request: { ...plan.request, reason } }));
}

/** Carries a plan out: uses the grant there is, or asks for one, and waits until access is live. */
export async function obtainAccess(
  control: ControlClient,
  plan: AccessPlan,
  options: WaitOptions,
  world: World,
): Promise<GrantView> {
  const { name, request, answer } = plan;
  const { output, signal } = world;
  if (answer.grant?.state === "Active") {
    return answer.grant;
  }
  if (answer.grant !== undefined) {
    return waitUntilLive(control, answer.grant, name, options, world);
  }
  const asked = await control.post<GrantRequestResponse>("/v1/grants", request, { signal });
  if (asked.grant === undefined) {
    throw new UserError("NoGrant", "the control API accepted the request but named no grant", {
      next: "sallyport grants list",
    });
  }
  if (asked.change === "Requested") {
    output.event("REQUESTED", `${name} requires approval`, { grant: asked.grant });
  }
  const grant = await waitUntilLive(control, asked.grant, name, options, world);
  output.event("ACTIVATED", `${name} was activated for ${lifeOf(grant, world)}`, { grant });
  return grant;
}

function requestOf(entitlement: Entitlement, options: RequestOptions): GrantRequest {
  return {
    namespace: entitlement.namespace,
    database: entitlement.database,
    role: entitlement.role,
    ...(options.durationSeconds === undefined ? {} : { durationSeconds: options.durationSeconds }),
    ...(options.reason === undefined ? {} : { reason: options.reason }),
    ...(options.startTime === undefined ? {} : { startTime: options.startTime }),
    ...(options.urgency === undefined ? {} : { urgency: options.urgency }),
  };
}

/** What is left of a live grant, for people. */
function lifeOf(grant: GrantView, world: World): string {
  return formatDuration((Date.parse(grant.expiryTime ?? "") - world.clock.now()) / 1_000);
}

function announce(plan: GrantRequestResponse, name: string, world: World): void {
  const { change, durationSeconds, grant } = plan;
  const { output } = world;
  if (grant?.state === "Active") {
    output.event("ACTIVE", `${name} is already active for the next ${lifeOf(grant, world)}`, { grant });
  } else if (grant !== undefined) {
    output.event("PENDING", `${name} is already pending`, { grant });
  } else if (change === "WillRequest") {
    output.event("WILL REQUEST", `${name} will require approval`, { change, durationSeconds });
  } else {
    const length = formatDuration(durationSeconds);
    output.event("WILL ACTIVATE", `${name} will be activated for ${length}`, { change, durationSeconds });
  }
}
