import { apiVersion, type Grant } from "#kinds/index.ts";
import type { Entitlement, GrantRequest, GrantRequestResponse } from "#wire/control-api.ts";
import { checkReason } from "../reconcile/grant/reason.ts";
import { grantViewOf, isOpen, stateOf } from "./grant-view.ts";
import { type CallerOf, HttpProblem } from "./route.ts";
import { isSamePerson } from "./same-person.ts";
import type { Services } from "./services.ts";

/** Time between the request and the start of its window: Identity Center usually takes seconds, at worst minutes. */
const provisioningAllowanceMs = 15 * 60_000;
/** How long a request may wait for its approval before it can no longer become access. */
const approvalAllowanceMs = 7 * 24 * 3_600_000;
const nameSuffixBytes = 4;

/** Asks for access for the caller, or says (`dryRun`) what asking would do. The request becomes a Grant made through the API. */
export async function requestGrant(
  request: GrantRequest,
  caller: CallerOf,
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
  if (entitlement.grant !== undefined) {
    const change = entitlement.grant.state === "Active" ? "Active" : "Pending";
    return { change, durationSeconds, grant: entitlement.grant };
  }
  const reason = request.reason?.trim() ?? "";
  // A plan may leave the reason open: whoever asks is asked for it next.
  if (request.dryRun !== true || reason !== "") {
    refuseReason(reason, entitlement, services);
  }
  if (request.dryRun === true) {
    return { change: entitlement.needsApproval ? "WillRequest" : "WillActivate", durationSeconds };
  }
  const grant = await create({ ...request, reason }, entitlement, durationSeconds, caller, services);
  return {
    change: entitlement.needsApproval ? "Requested" : "Activating",
    durationSeconds,
    grant: grantViewOf(grant),
  };
}

/** Refuses what the reconciler would refuse too, before there is a Grant that nobody can use. */
function refuseReason(reason: string, { namespace, workflow }: Entitlement, services: Services): void {
  const policy = services.source.get("AccessWorkflow", namespace, workflow)?.object.spec.reasonPolicy;
  const refusal = checkReason(reason, policy);
  if (refusal?.reason === "ReasonRequired") {
    throw new HttpProblem(422, "ReasonRequired", `the workflow ${workflow} needs a reason`, {
      next: "Give one with --reason.",
    });
  }
  if (refusal !== undefined) {
    throw new HttpProblem(422, refusal.reason, refusal.message, { next: "Give another with --reason." });
  }
}

/** A person who asks twice at the same moment gets one grant: between this look and the source's own write nothing else runs. */
async function create(
  request: GrantRequest,
  entitlement: Entitlement,
  durationSeconds: number,
  caller: CallerOf,
  services: Services,
): Promise<Grant> {
  const { source } = services;
  const within = source.list("Grant").flatMap(({ object }) => {
    return object.metadata.namespace === entitlement.namespace ? [object] : [];
  });
  const existing = openGrantOf(within, caller.userName, entitlement.database, entitlement.role);
  return existing ?? (await source.create(newGrant(request, entitlement, durationSeconds, caller, services))).object;
}

async function findEntitlement(request: GrantRequest, caller: CallerOf, services: Services): Promise<Entitlement> {
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

function newGrant(
  request: GrantRequest,
  entitlement: Entitlement,
  durationSeconds: number,
  caller: CallerOf,
  services: Services,
): Grant {
  const suffix = Buffer.from(services.random(nameSuffixBytes)).toString("hex");
  const allowanceMs = entitlement.needsApproval ? approvalAllowanceMs : provisioningAllowanceMs;
  const now = services.clock.now();
  return {
    apiVersion,
    kind: "Grant",
    metadata: {
      namespace: entitlement.namespace,
      name: `${dnsLabel(`${caller.userName}-${request.database}-${request.role}`)}-${suffix}`,
    },
    spec: {
      principal: { name: caller.userName },
      databaseRef: { name: request.database },
      roleName: request.role,
      durationSeconds,
      notAfterTime: new Date(now + durationSeconds * 1_000 + allowanceMs).toISOString(),
      requester: { username: caller.userName },
      ...(request.reason === undefined || request.reason === "" ? {} : { reason: request.reason }),
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
        isSamePerson(grant.spec.principal.name, userName) &&
        grant.spec.databaseRef.name === database &&
        grant.spec.roleName === role &&
        isOpen(grant),
    )
    .sort((one, other) => Number(stateOf(other) === "Active") - Number(stateOf(one) === "Active"))[0];
}
