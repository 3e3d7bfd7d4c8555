import { defined } from "#lib/defined.ts";
import { UserError } from "#lib/errors.ts";
import type { Entitlement, EntitlementList, GrantRequestResponse, GrantView } from "#wire/control-api.ts";
import { type Invocation, isSet, valueOf, type World } from "../command.ts";
import type { ControlClient } from "../control/client.ts";
import { parseDuration } from "../output/duration.ts";
import { parseInstant } from "../output/instant.ts";
import { didYouMean } from "../output/nearest.ts";
import { signedIn } from "../signin/signed-in.ts";
import { handleOf } from "./find.ts";

/** Asks for access as typed, and waits for it where that was asked for. Nothing is served: that is `rds proxy`. */
export async function requestAccess(invocation: Invocation): Promise<number> {
  const { positionals, world } = invocation;
  const [database = "", role = ""] = positionals;
  const duration = valueOf(invocation, "duration");
  const start = valueOf(invocation, "start");
  const breaksGlass = isSet(invocation, "break-glass");
  const options = {
    yes: isSet(invocation, "yes"),
    ...defined({
      durationSeconds: duration === undefined ? undefined : parseDuration(duration),
      reason: valueOf(invocation, "reason"),
      startTime: start === undefined ? undefined : parseInstant("start", start, world.clock.now(), 1),
      urgency: breaksGlass ? ("BreakGlass" as const) : undefined,
    }),
  };
  return signedIn(world, async ({ control }) => {
    const { items } = await control.get<EntitlementList>("/v1/databases", { signal: world.signal });
    const { planAccess, confirmAccess } = await import("../rds/request.ts");
    const planned = await planAccess(control, entitlementOf(items, database, role), options, world);
    if (isSet(invocation, "dry-run")) {
      world.output.result(planned.answer, () => "Nothing was changed: --dry-run.");
      return 0;
    }
    if (breaksGlass && planned.answer.grant === undefined) {
      world.output.event(
        "BREAK GLASS",
        "Nobody is asked first. Those who would have been are told, and it stays on record.",
        {},
      );
    }
    const [plan = planned] = await confirmAccess([planned], options, world);
    const grant = planned.answer.grant ?? (await ask(control, plan.request, world));
    if (!isSet(invocation, "wait") || grant.state === "Active") {
      world.output.result(grant, () => requestedText(grant));
      return 0;
    }
    const live = await untilLive(control, grant, planned.name, world);
    world.output.result(live, () => requestedText(live));
    return 0;
  });
}

async function ask(control: ControlClient, request: object, world: World): Promise<GrantView> {
  const { grant } = await control.post<GrantRequestResponse>("/v1/grants", request, { signal: world.signal });
  if (grant === undefined) {
    throw new UserError("NoGrant", "the control API accepted the request but named no grant", {
      next: "sallyport grants list",
    });
  }
  return grant;
}

async function untilLive(control: ControlClient, grant: GrantView, name: string, world: World): Promise<GrantView> {
  const { waitUntilLive } = await import("../rds/await-grant.ts");
  const { createLiveLine } = await import("../rds/live-line.ts");
  const { line, output } = createLiveLine(world);
  return waitUntilLive(control, grant, name, { forApproval: true, line }, { ...world, output });
}

function requestedText(grant: GrantView): string {
  const { role, database, state } = grant;
  const handle = handleOf(grant);
  const next =
    state === "Active"
      ? `Connect: sallyport rds proxy --database ${database} --role ${role}`
      : `Wait for it: sallyport wait ${handle}`;
  return `${handle}: ${role} access to ${database} is ${state === "Active" ? "live" : "asked for"}\n${next}`;
}

/** What the person may ask for under these names. `database` may be `namespace/name`. */
function entitlementOf(items: readonly Entitlement[], database: string, role: string): Entitlement {
  const ofDatabase = items.filter(
    (one) => database === one.database || database === `${one.namespace}/${one.database}`,
  );
  if (ofDatabase.length === 0) {
    const names = items.map((one) => one.database);
    throw new UserError("NotAvailable", `no database that you may ask for is called ${database}`, {
      why: didYouMean(database, names),
      next: "sallyport databases list",
    });
  }
  const fitting = ofDatabase.filter((one) => one.role === role);
  const [only, second] = fitting;
  if (only === undefined) {
    const roles = ofDatabase.map((one) => one.role);
    throw new UserError("NotAvailable", `you may not ask for ${role} on ${database}`, {
      why: didYouMean(role, roles) || `you may ask for ${[...new Set(roles)].join(", ")}`,
      next: "sallyport databases list",
    });
  }
  if (second !== undefined) {
    throw new UserError("AmbiguousDatabase", `several databases are called ${database}`, {
      why: `there are ${fitting.map((one) => `${one.namespace}/${one.database}`).join(", ")}`,
      next: `sallyport request ${only.namespace}/${only.database} ${role}`,
    });
  }
  return only;
}
