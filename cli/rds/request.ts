import { pause } from "#lib/clock.ts";
import { UserError } from "#lib/errors.ts";
import type { Entitlement, GrantRequest, GrantRequestResponse, GrantView } from "#wire/control-api.ts";
import type { World } from "../command.ts";
import type { ControlClient } from "../control/client.ts";
import { isTransient } from "../control/failure.ts";
import { formatDuration } from "../output/duration.ts";
import { ask, confirm } from "../output/prompt.ts";

/** How the person wants it, as typed. */
export interface RequestOptions {
  readonly durationSeconds?: number;
  readonly reason?: string;
  readonly yes: boolean;
}

const pollPauseMs = 1_000;
/** Identity Center usually takes seconds; after this long something is wrong, and the person should know. */
export const activationWaitMs = 5 * 60_000;

/**
 * Makes sure that the person holds a live grant for `entitlement`: uses the one there is, or shows what asking would do,
 * confirms, asks, and waits until access is live.
 */
export async function ensureGrant(
  control: ControlClient,
  entitlement: Entitlement,
  options: RequestOptions,
  world: World,
): Promise<GrantView> {
  const name = `${entitlement.role} access to ${entitlement.database}`;
  const { output, signal } = world;
  const request = requestOf(entitlement, options);
  const plan = await control.post<GrantRequestResponse>("/v1/grants", { ...request, dryRun: true }, { signal });
  if (plan.grant?.state === "Active") {
    output.event("ACTIVE", `${name} is already active for the next ${lifeOf(plan.grant, world)}`, {
      grant: plan.grant,
    });
    return plan.grant;
  }
  if (plan.grant !== undefined) {
    output.event("PENDING", `${name} is already pending`, { grant: plan.grant });
    return waitUntilLive(control, plan.grant, name, world);
  }
  announce(plan, name, world);
  if (!options.yes && !(await confirm(world, "Apply proposed access changes", "Run it again with --yes."))) {
    throw new UserError("Cancelled", "cancelled operation", { why: "nothing was changed" });
  }
  const reason =
    entitlement.reason === "Required" && options.reason === undefined
      ? await ask(world, "Reason for access (Required)", "Give one with --reason.")
      : options.reason;
  output.note("Attempting to grant access...");
  const body = reason === undefined ? request : { ...request, reason };
  const asked = await control.post<GrantRequestResponse>("/v1/grants", body, { signal });
  if (asked.grant === undefined) {
    throw new UserError("NoGrant", "the control API accepted the request but named no grant");
  }
  if (asked.change === "Requested") {
    output.event("REQUESTED", `${name} requires approval`, { grant: asked.grant });
  }
  const grant = await waitUntilLive(control, asked.grant, name, world);
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
  };
}

/** What is left of a live grant, for people. */
function lifeOf(grant: GrantView, world: World): string {
  return formatDuration((Date.parse(grant.expiryTime ?? "") - world.clock.now()) / 1_000);
}

function announce(plan: GrantRequestResponse, name: string, world: World): void {
  const { change, durationSeconds } = plan;
  if (change === "WillRequest") {
    world.output.event("WILL REQUEST", `${name} will require approval`, { change, durationSeconds });
  } else {
    const length = formatDuration(durationSeconds);
    world.output.event("WILL ACTIVATE", `${name} will be activated for ${length}`, { change, durationSeconds });
  }
}

async function waitUntilLive(control: ControlClient, grant: GrantView, name: string, world: World): Promise<GrantView> {
  const endsMs = world.clock.monotonicMs() + activationWaitMs;
  let current = grant;
  let said = "";
  for (;;) {
    if (current.state === "Active") {
      return current;
    }
    refuseEnded(current, name);
    if (current.message !== said && current.message !== "") {
      said = current.message;
      world.output.note(said);
    }
    if (world.clock.monotonicMs() > endsMs) {
      const minutes = activationWaitMs / 60_000;
      throw new UserError("NotLiveInTime", `${name} did not become active within ${minutes} minutes`, {
        why: current.message,
        next: nextOf(current),
      });
    }
    await pause(world.clock, pollPauseMs, world.signal);
    current = await reload(control, current, world);
  }
}

/** Throws for a grant that will not become active while somebody waits. */
function refuseEnded(grant: GrantView, name: string): void {
  switch (grant.state) {
    case "PendingApproval":
      throw new UserError("PendingApproval", "access is pending approval", {
        why: `applying access was attempted but ${name} requires approval before activation`,
        next: "Run the same command again once it is approved.",
      });
    case "Refused":
    case "Ended":
    case "Revoking":
      throw new UserError(grant.readyReason || "Refused", `${name} was not activated`, {
        why: grant.endReason ?? grant.message,
        next: nextOf(grant),
      });
    default:
  }
}

function nextOf(grant: GrantView): string {
  return grant.grantID === "" ? "sallyport grants list" : `sallyport grants get ${grant.grantID}`;
}

/** The grant as it is now. A controller that is being restarted does not end the wait. */
async function reload(control: ControlClient, grant: GrantView, world: World): Promise<GrantView> {
  const options = { signal: world.signal };
  try {
    if (grant.grantID !== "") {
      return await control.get<GrantView>(`/v1/grants/${grant.grantID}`, options);
    }
    // The grant has an ID once the controller has looked at it; until then it is found by its name.
    const { items } = await control.get<{ items: readonly GrantView[] }>("/v1/grants", options);
    return items.find((item) => item.namespace === grant.namespace && item.name === grant.name) ?? grant;
  } catch (error) {
    if (isTransient(error)) {
      return grant;
    }
    throw error;
  }
}
