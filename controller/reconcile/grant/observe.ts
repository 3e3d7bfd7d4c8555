import { getCondition, type Grant, type GrantStatusExternal } from "#kinds/index.ts";
import type { EpochMs } from "#lib/clock.ts";
import { warnBeforeEndMsDefault } from "#wire/link.ts";
import type { IdentityTrust } from "../../admission/identity-trust.ts";
import { requesterOf } from "../../admission/proven.ts";
import { isFailure } from "../../aws/errors.ts";
import type { AwsPorts, IdentityCenterPort } from "../../aws/ports.ts";
import type { Source } from "../../source/source.ts";
import { lookupsFor } from "./decide.ts";
import { isDisposable } from "./disposal.ts";
import { dependsOnGroups } from "./entitlement.ts";
import type { AwsObservation, GrantInput, Lookups, PersonObservation } from "./types.ts";
import { phaseOf } from "./phase.ts";

/** What is needed to look. */
export interface ObserveDeps {
  readonly source: Pick<Source, "get" | "list" | "tombstone">;
  readonly ports: AwsPorts;
  readonly installation: string;
  /** How long before its end a person is warned (`--warn-before-end`). Absent: the usual time. */
  readonly warnBeforeEndMs?: number;
  readonly identity?: Pick<IdentityTrust, "current" | "look">;
}

/** When to look, and what is known already. */
export interface ObserveTimes {
  readonly now: EpochMs;
  /** When AWS was last looked at; absent: never by this process. */
  readonly checkedAt: EpochMs | undefined;
  /** The look at AWS that a live Grant is due for. */
  readonly due: "no" | "listing" | "full";
  /** What this process's own writes tell of AWS: no look is needed where it is there. */
  readonly own: AwsObservation | undefined;
}

/**
 * One listing of an account serves all Grants that are due within this long, in milliseconds: a tenth of the default period,
 * in which a tenth of them fall due.
 */
const listingMaxAgeMs = 30_000;

/** Gathers the input of a decision: what the source holds, and from AWS what the Grant's phase calls for. */
export async function observeGrant(grant: Grant, deps: ObserveDeps, times: ObserveTimes): Promise<GrantInput> {
  if (grant.spec.urgency === "BreakGlass" && phaseOf(grant) === "Pending") {
    // The policies could have been away when it was made: what counts is a look that began after it was seen.
    await deps.identity?.look();
  }
  const known = observeSource(grant, deps, times.now);
  const lookups = lookupsFor(known, times.due);
  const isLook = lookups.aws === "full" || lookups.aws === "listing";
  const checkedAt = isLook ? times.now : times.checkedAt;
  const input = checkedAt === undefined ? known : { ...known, checkedAt };
  try {
    const person = await lookUpPerson(known, lookups, deps.ports);
    // An operation that is on its way comes first: it changes what is known.
    const own = grant.status?.external?.operation === undefined ? times.own : undefined;
    const aws = own ?? (await lookUpAws(grant, lookups, deps.ports));
    return { ...input, ...(person === undefined ? {} : { person }), ...(aws === undefined ? {} : { aws }) };
  } catch (thrown) {
    if (isFailure(thrown)) {
      return { ...input, failure: thrown };
    }
    throw thrown;
  }
}

/** The part of the input that needs no call to AWS; what `plan` without credentials has. */
export function observeSource(grant: Grant, deps: Omit<ObserveDeps, "ports">, now: EpochMs): GrantInput {
  const { source, installation, warnBeforeEndMs = warnBeforeEndMsDefault } = deps;
  const { namespace, name } = grant.metadata;
  const inNamespace = <T extends { readonly object: { readonly metadata: { readonly namespace: string } } }>(
    all: readonly T[],
  ): T["object"][] => all.flatMap(({ object }) => (object.metadata.namespace === namespace ? [object] : []));
  const database = source.get("Database", namespace, grant.spec.databaseRef.name)?.object;
  const proxyName = database?.spec.proxyRef.name ?? grant.status?.target?.proxy;
  return {
    now,
    installation,
    grant,
    warnBeforeEndMs,
    tombstone: source.tombstone(namespace, name),
    database,
    proxy: proxyName === undefined ? undefined : source.get("Proxy", namespace, proxyName)?.object,
    availabilities: inNamespace(source.list("Availability")),
    workflows: inNamespace(source.list("AccessWorkflow")),
    databases: inNamespace(source.list("Database")),
    ...isOursOf(grant, deps),
    ...identityOf(grant, deps),
  };
}

function isOursOf(
  { metadata: { namespace, name } }: Grant,
  { source }: Pick<ObserveDeps, "source">,
): Pick<GrantInput, "isOurs"> {
  const stored = source.get("Grant", namespace, name);
  return stored === undefined ? {} : { isOurs: isDisposable(stored.origin, stored.object.metadata) };
}

function identityOf(
  { metadata: { namespace, name, uid } }: Grant,
  { source, identity }: Pick<ObserveDeps, "source" | "identity">,
): Pick<GrantInput, "identity" | "requester"> {
  const stored = source.get("Grant", namespace, name);
  if (identity === undefined || stored === undefined || stored.object.metadata.uid !== uid) {
    return {};
  }
  const verdict = identity.current();
  return { identity: verdict, requester: requesterOf(stored, verdict) };
}

async function lookUpPerson(
  { grant, proxy }: GrantInput,
  lookups: Lookups,
  ports: AwsPorts,
): Promise<PersonObservation | undefined> {
  const { external, principal } = grant.status ?? {};
  if (lookups.person === "byID" && external !== undefined && principal !== undefined) {
    const store = ports.identityStore(external);
    const user = await store.getUser(principal.userID);
    const isInGroups = user !== undefined && dependsOnGroups(grant);
    return { user, groups: isInGroups ? await store.groupsOf(principal.userID) : [] };
  }
  if (lookups.person === "byName" && proxy !== undefined) {
    const store = ports.identityStore(proxy.spec.identityCenter);
    const user = await store.findUser(grant.spec.principal.name);
    return { user, groups: user === undefined ? [] : await store.groupsOf(user.userID) };
  }
  return undefined;
}

async function lookUpAws(grant: Grant, lookups: Lookups, ports: AwsPorts): Promise<AwsObservation | undefined> {
  const { external } = grant.status ?? {};
  if (lookups.aws === "no" || external === undefined) {
    return undefined;
  }
  const phase = phaseOf(grant);
  const urgency = phase === "Revoking" ? "revoke" : phase === "Live" ? "check" : "change";
  const center = ports.identityCenter({ ...external, urgency });
  if (lookups.aws === "byName") {
    const set = await center.findPermissionSet(grant.status?.grantID ?? "");
    return { set, policy: undefined, assigned: false, role: "notLookedUp" };
  }
  const { permissionSetARN = "", accountID } = external;
  if (lookups.aws === "listing" && (await center.provisionedIn(accountID, listingMaxAgeMs)).has(permissionSetARN)) {
    return undefined;
  }
  return lookInFull(grant, external, center, ports);
}

/** Without a recorded ARN a set can only be there when a create's answer was lost: creating it again finds out by itself. */
async function lookInFull(
  grant: Grant,
  external: GrantStatusExternal,
  center: IdentityCenterPort,
  ports: AwsPorts,
): Promise<AwsObservation> {
  const { permissionSetARN: arn, accountID, principalID } = external;
  const { grantID = "" } = grant.status ?? {};
  const tags = arn === undefined ? undefined : await center.getTags(arn);
  if (arn === undefined || tags === undefined) {
    return { set: undefined, policy: undefined, assigned: false, role: "notLookedUp" };
  }
  const assignments = await center.listAssignments(arn, accountID);
  const isOwn = (other: (typeof assignments)[number]): boolean =>
    other.principalType === "USER" && other.principalID === principalID;
  const others = assignments.flatMap((other) => (isOwn(other) ? [] : [other.principalID]));
  return {
    set: { arn, name: grantID, tags },
    policy: await center.getInlinePolicy(arn),
    assigned: assignments.some(isOwn),
    role: await lookAtRole(grant, external, ports),
    ...(others.length === 0 ? {} : { others }),
    ...((await isOutdated(grant, arn, accountID, center)) ? { isOutdated: true } : {}),
  };
}

/**
 * Whether the set was changed and not provisioned: by somebody, or by a controller that ended in between. Where a repair was begun the
 * listing must be newer than it.
 */
async function isOutdated(grant: Grant, arn: string, accountID: string, center: IdentityCenterPort): Promise<boolean> {
  if (phaseOf(grant) !== "Live") {
    return false;
  }
  const isAdrift = getCondition(grant.status?.conditions, "Ready")?.reason === "DriftDetected";
  return (await center.outdatedIn(accountID, isAdrift ? 0 : listingMaxAgeMs)).has(arn);
}

/** The role on record by its name, which is one call; another one, or the first, by a listing of the account's. */
async function lookAtRole(
  grant: Grant,
  external: GrantStatusExternal,
  ports: AwsPorts,
): Promise<AwsObservation["role"]> {
  if (phaseOf(grant) !== "Live") {
    return "notLookedUp";
  }
  const account = ports.account({ ...external, region: external.taskRegion ?? external.region });
  const { roleName } = external;
  const known = roleName === undefined ? undefined : await account.getRole(roleName);
  return known ?? (await account.findReservedRole(grant.status?.grantID ?? "")) ?? "none";
}
