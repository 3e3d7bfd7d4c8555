import { apiVersion, type Grant } from "#kinds/index.ts";
import type { EpochMs } from "#lib/clock.ts";
import type { Entitlement, GrantRequest, GrantRequestResponse, GrantView } from "#wire/control-api.ts";
import { checkReason } from "../../reconcile/grant/reason.ts";
import { callerGrant } from "./caller-view.ts";
import { notAfter, startOf } from "./grant-times.ts";
import { grantViewOf, isOpen, stateOf } from "./grant-view.ts";
import { assertMayAskMore } from "./request-limits.ts";
import { type Caller, HttpProblem } from "../route.ts";
import { isNamedAs } from "../../reconcile/grant/names.ts";
import type { Services } from "../services.ts";
import { withdrawWaiting } from "./withdraw-waiting.ts";

const nameSuffixBytes = 4;
/**
 * How long a Grant that was made here stays when it is over, in seconds: a week, as long as one lasts at most. People and reviewers look back
 * at it meanwhile; the audit trail keeps all of it. Where 1,000 people ask twice a day, 14,000 objects of some 4 kB are 56 MB of state.
 */
export const ttlSecondsAfterFinished = 7 * 86_400;

/** Asks for access for the caller, or says (`dryRun`) what asking would do. The request becomes a Grant made through the API. */
export async function requestGrant(
  request: GrantRequest,
  caller: Caller,
  services: Services,
): Promise<GrantRequestResponse> {
  const entitlement = await findEntitlement(request, caller, services);
  const durationSeconds = request.durationSeconds ?? entitlement.defaultDurationSeconds;
  if (durationSeconds > entitlement.maxDurationSeconds) {
    throw new HttpProblem(
      422,
      "DurationTooLong",
      `${durationSeconds} s is longer than the ${entitlement.maxDurationSeconds} s that the workflow ${entitlement.workflow} allows`,
      { next: `Ask for at most ${entitlement.maxDurationSeconds} s.` },
    );
  }
  const start = startOf(request.startTime, services.clock.now());
  const asked: Asked = {
    request,
    entitlement,
    caller,
    start,
    durationSeconds,
    urgency: urgencyOf(request, entitlement),
  };
  const existing = existingGrant(asked, services);
  if (existing !== undefined) {
    const change = stateOf(existing) === "Active" ? "Active" : "Pending";
    return { change, durationSeconds, grant: viewOf(services, caller, existing) };
  }
  const reason = request.reason?.trim() ?? "";
  // A plan may leave the reason open: whoever asks is asked for it next.
  if (request.dryRun !== true || reason !== "") {
    refuseReason(reason, asked, services);
  }
  const waitsForApproval = entitlement.needsApproval && asked.urgency === "Normal";
  if (request.dryRun === true) {
    return { change: waitsForApproval ? "WillRequest" : "WillActivate", durationSeconds };
  }
  // Few may break the glass, and an emergency waits for no count.
  if (asked.urgency === "Normal") {
    const all = services.source.list("Grant").map(({ object }) => object);
    assertMayAskMore(caller.userName, all, services.clock.now());
  }
  // A person who asks twice at the same moment gets one grant: between this look and the source's own write nothing else runs.
  const { object } = await services.source.create(newGrant(asked, reason, waitsForApproval, services));
  if (asked.urgency === "BreakGlass") {
    await withdrawWaiting(object, services, (grant) => meets(asked, grant, services.clock.now()));
  }
  return {
    change: waitsForApproval ? "Requested" : "Activating",
    durationSeconds,
    grant: viewOf(services, caller, object),
  };
}

/** What is asked for, once it is known to be on offer. */
interface Asked {
  readonly request: GrantRequest;
  readonly entitlement: Entitlement;
  readonly caller: Caller;
  /** Undefined: at once. */
  readonly start: EpochMs | undefined;
  readonly durationSeconds: number;
  readonly urgency: "Normal" | "BreakGlass";
}

function viewOf(services: Services, caller: Caller, grant: Grant): GrantView {
  return callerGrant(services, caller, grant)?.view() ?? grantViewOf(grant);
}

/** Refuses break-glass to those who may not, and where it would skip nothing. */
function urgencyOf({ urgency = "Normal" }: GrantRequest, entitlement: Entitlement): Asked["urgency"] {
  if (urgency === "BreakGlass" && !entitlement.needsApproval) {
    throw new HttpProblem(422, "BreakGlassNotNeeded", `the workflow ${entitlement.workflow} asks for no approval`, {
      next: "Ask without break-glass.",
    });
  }
  if (urgency === "BreakGlass" && entitlement.breakGlass !== true) {
    throw new HttpProblem(422, "BreakGlassNotAllowed", "you may not skip the approval here", {
      why: `the workflow ${entitlement.workflow} names neither you nor a group of yours for that`,
      next: "Ask without break-glass, and tell an approver that it is urgent.",
    });
  }
  return urgency;
}

/** Refuses what the reconciler would refuse too, before there is a Grant that nobody can use. */
function refuseReason(reason: string, { entitlement, urgency }: Asked, services: Services): void {
  const { namespace, workflow } = entitlement;
  const policy = services.source.get("AccessWorkflow", namespace, workflow)?.object.spec.reasonPolicy;
  const refusal = checkReason(reason, policy);
  if (refusal?.reason === "ReasonRequired" || (urgency === "BreakGlass" && reason === "")) {
    const who = urgency === "BreakGlass" ? "break-glass" : `the workflow ${workflow}`;
    throw new HttpProblem(422, "ReasonRequired", `${who} needs a reason`, { next: "Give one with --reason." });
  }
  if (refusal !== undefined) {
    throw new HttpProblem(422, refusal.reason, refusal.message, { next: "Give another with --reason." });
  }
}

/**
 * The person's open grant that serves this request: of two windows that do not meet, neither stands for the other. Whoever breaks the
 * glass has waited long enough for what still waits.
 */
function existingGrant(asked: Asked, services: Services): Grant | undefined {
  const { entitlement, caller } = asked;
  const now = services.clock.now();
  const serving = services.source.list("Grant").flatMap(({ object }) => {
    const isPassedBy =
      asked.urgency === "BreakGlass" && object.spec.urgency !== "BreakGlass" && stateOf(object) !== "Active";
    return meets(asked, object, now) && !isPassedBy ? [object] : [];
  });
  return openGrantOf(serving, caller.userName, entitlement.database, entitlement.role);
}

/** Whether the Grant's window meets the one that is asked for, in the same namespace. Pure. */
function meets(
  { entitlement, start, durationSeconds }: Asked,
  { metadata, spec, status }: Grant,
  now: EpochMs,
): boolean {
  const [from, to] = [start ?? now, (start ?? now) + durationSeconds * 1_000];
  const begins = Date.parse(spec.startTime ?? "");
  const ends = Date.parse(status?.expiryTime ?? spec.notAfterTime);
  const isApart = begins >= to || (start !== undefined && ends <= from);
  return metadata.namespace === entitlement.namespace && !isApart;
}

async function findEntitlement(request: GrantRequest, caller: Caller, services: Services): Promise<Entitlement> {
  const all = await services.entitlements(caller, request.namespace);
  const matching = all.filter((entry) => entry.database === request.database && entry.role === request.role);
  const [first, second] = matching;
  if (first === undefined) {
    throw new HttpProblem(422, "NotAvailable", `you may not ask for ${request.role} on ${request.database}`, {
      why: "no availability offers it to you or to a group of yours",
      next: "sallyport databases list",
    });
  }
  if (second !== undefined) {
    throw new HttpProblem(422, "Ambiguous", `${request.database} exists in several namespaces`, {
      next: `Name one: ${matching.map((entry) => `--namespace ${entry.namespace}`).join(" or ")}`,
    });
  }
  return first;
}

function newGrant(asked: Asked, reason: string, waitsForApproval: boolean, services: Services): Grant {
  const { request, entitlement, caller, start, durationSeconds, urgency } = asked;
  const { namespace } = entitlement;
  const suffix = Buffer.from(services.random(nameSuffixBytes)).toString("hex");
  const workflow = services.source.get("AccessWorkflow", namespace, entitlement.workflow)?.object;
  const last = notAfter({ now: services.clock.now(), start, durationSeconds, waitsForApproval, workflow });
  return {
    apiVersion,
    kind: "Grant",
    metadata: {
      namespace,
      name: `${dnsLabel(`${caller.userName}-${request.database}-${request.role}`)}-${suffix}`,
    },
    spec: {
      principal: { name: caller.userName },
      databaseRef: { name: request.database },
      roleName: request.role,
      durationSeconds,
      notAfterTime: new Date(last).toISOString(),
      ttlSecondsAfterFinished,
      requester: { username: caller.userName },
      ...(start === undefined ? {} : { startTime: new Date(start).toISOString() }),
      ...(reason === "" ? {} : { reason }),
      ...(urgency === "BreakGlass" ? { urgency } : {}),
    },
  };
}

/** Kubernetes names are at most 63 characters of lower-case letters, digits and dashes; the suffix takes 9 of them. */
function dnsLabel(text: string): string {
  const label = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, 54)
    .replaceAll(/^-+|-+$/g, "");
  return label === "" ? "grant" : label;
}

/** The person's open grant for one role, one that is active first. */
export function openGrantOf(
  grants: readonly Grant[],
  userName: string,
  database: string,
  role: string,
): Grant | undefined {
  return grants
    .filter(
      (grant) =>
        isNamedAs(grant.spec.principal.name, userName) &&
        grant.spec.databaseRef.name === database &&
        grant.spec.roleName === role &&
        isOpen(grant),
    )
    .sort((one, other) => Number(stateOf(other) === "Active") - Number(stateOf(one) === "Active"))[0];
}
