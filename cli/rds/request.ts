import { pause } from "#lib/clock.ts";
import { UserError } from "#lib/errors.ts";
import type { Entitlement, GrantRequest, GrantRequestResponse, GrantView } from "#wire/control-api.ts";
import type { World } from "../command.ts";
import type { ControlClient } from "../control/client.ts";
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
const activationWaitMs = 5 * 60_000;

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
  const request: GrantRequest = {
    namespace: entitlement.namespace,
    database: entitlement.database,
    role: entitlement.role,
    ...(options.durationSeconds === undefined ? {} : { durationSeconds: options.durationSeconds }),
    ...(options.reason === undefined ? {} : { reason: options.reason }),
  };
  const plan = await control.post<GrantRequestResponse>("/v1/grants", { ...request, dryRun: true }, world.signal);
  if (plan.grant?.state === "Active") {
    const left = formatDuration((Date.parse(plan.grant.expiryTime ?? "") - world.clock.now()) / 1_000);
    world.output.event("ACTIVE", `${name} is already active for the next ${left}`, { grant: plan.grant });
    return plan.grant;
  }
  if (plan.grant !== undefined) {
    world.output.event("PENDING", `${name} is already pending`, { grant: plan.grant });
    return waitUntilLive(control, plan.grant, name, world);
  }
  announce(plan, name, world);
  if (!options.yes && !(await confirm(world, "Apply proposed access changes", "Run it again with --yes."))) {
    throw new UserError("Cancelled", "cancelled; nothing was changed");
  }
  const reason =
    entitlement.reason === "Required" && options.reason === undefined
      ? await ask(world, "Reason for access", "Give one with --reason.")
      : options.reason;
  const asked = await control.post<GrantRequestResponse>(
    "/v1/grants",
    { ...request, ...(reason === undefined ? {} : { reason }) },
    world.signal,
  );
  if (asked.grant === undefined) {
    throw new UserError("NoGrant", "the control API accepted the request but named no grant");
  }
  const grant = await waitUntilLive(control, asked.grant, name, world);
  const left = formatDuration((Date.parse(grant.expiryTime ?? "") - world.clock.now()) / 1_000);
  world.output.event("ACTIVATED", `${name} was activated for ${left}`, { grant });
  return grant;
}

function announce(plan: GrantRequestResponse, name: string, world: World): void {
  const length = formatDuration(plan.durationSeconds);
  if (plan.change === "WillRequest") {
    world.output.event("WILL REQUEST", `${name} will require approval`, { change: plan.change });
  } else {
    world.output.event("WILL ACTIVATE", `${name} will be activated for ${length}`, {
      change: plan.change,
      durationSeconds: plan.durationSeconds,
    });
  }
}

async function waitUntilLive(control: ControlClient, grant: GrantView, name: string, world: World): Promise<GrantView> {
  const endsMs = world.clock.monotonicMs() + activationWaitMs;
  // The grant has an ID once the controller has looked at it; until then it is found by its name.
  let current = grant;
  let said = "";
  for (;;) {
    switch (current.state) {
      case "Active":
        return current;
      case "PendingApproval":
        throw new UserError("PendingApproval", `${name} is pending approval`, {
          why: current.message,
          next: "Run the same command again once it is approved.",
        });
      case "Refused":
      case "Ended":
      case "Revoking":
        throw new UserError(current.readyReason || "Refused", `${name} was not activated`, {
          why: current.endReason ?? current.message,
          next: `sallyport grants get ${current.grantID || current.name}`,
        });
      default:
    }
    if (current.message !== said && current.message !== "") {
      said = current.message;
      world.output.note(said);
    }
    if (world.clock.monotonicMs() > endsMs) {
      throw new UserError(
        "NotLiveInTime",
        `${name} did not become active within ${activationWaitMs / 60_000} minutes`,
        {
          why: current.message,
          next: `sallyport grants get ${current.grantID || current.name}`,
        },
      );
    }
    await pause(world.clock, pollPauseMs, world.signal);
    current = await reload(control, current, world);
  }
}

async function reload(control: ControlClient, grant: GrantView, world: World): Promise<GrantView> {
  if (grant.grantID !== "") {
    return control.get<GrantView>(`/v1/grants/${grant.grantID}`, world.signal);
  }
  const { items } = await control.get<{ items: GrantView[] }>("/v1/grants", world.signal);
  return items.find((item) => item.namespace === grant.namespace && item.name === grant.name) ?? grant;
}
