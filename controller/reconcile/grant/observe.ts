import type { Grant } from "#kinds/index.ts";
import type { EpochMs } from "#lib/clock.ts";
import { isFailure } from "../../aws/errors.ts";
import { AwsFailure, type AwsPorts, type IdentityCenterPort } from "../../aws/ports.ts";
import type { Source } from "../../source/source.ts";
import { lookupsFor } from "./decide.ts";
import type { AwsObservation, GrantInput, Lookups, PersonObservation } from "./types.ts";
import { phaseOf } from "./phase.ts";

/** What is needed to look. */
export interface ObserveDeps {
  readonly source: Pick<Source, "get" | "list" | "tombstone">;
  readonly ports: AwsPorts;
  readonly installation: string;
}

/** When to look. */
export interface ObserveTimes {
  readonly now: EpochMs;
  /** When AWS was last looked at in full; absent: never by this process. */
  readonly checkedAt: EpochMs | undefined;
  /** Whether a live Grant is due for its look at AWS. */
  readonly checkDue: boolean;
}

/** Gathers the input of a decision: what the source holds, and from AWS what the Grant's phase calls for. */
export async function observeGrant(grant: Grant, deps: ObserveDeps, times: ObserveTimes): Promise<GrantInput> {
  const known = observeSource(grant, deps, times.now);
  const lookups = lookupsFor(known, times.checkDue);
  const checkedAt = lookups.aws === "full" ? times.now : times.checkedAt;
  const input = checkedAt === undefined ? known : { ...known, checkedAt };
  try {
    const person = await lookUpPerson(known, lookups, deps.ports);
    const aws = await lookUpAws(grant, lookups, deps.ports);
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
  const { source, installation } = deps;
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
    tombstone: source.tombstone(namespace, name),
    database,
    proxy: proxyName === undefined ? undefined : source.get("Proxy", namespace, proxyName)?.object,
    availabilities: inNamespace(source.list("Availability")),
    workflows: inNamespace(source.list("AccessWorkflow")),
    databases: inNamespace(source.list("Database")),
  };
}

async function lookUpPerson(
  { grant, proxy }: GrantInput,
  lookups: Lookups,
  ports: AwsPorts,
): Promise<PersonObservation | undefined> {
  const { external, principal } = grant.status ?? {};
  if (lookups.person === "byID" && external !== undefined && principal !== undefined) {
    return { user: await ports.identityStore(external).getUser(principal.userID), groups: [] };
  }
  if (lookups.person === "byName" && proxy !== undefined) {
    const store = ports.identityStore(proxy.spec.identityCenter);
    const user = await store.findUser(grant.spec.principal.name);
    return { user, groups: user === undefined ? [] : await store.groupsOf(user.userID) };
  }
  return undefined;
}

async function lookUpAws(grant: Grant, lookups: Lookups, ports: AwsPorts): Promise<AwsObservation | undefined> {
  const { external, grantID = "" } = grant.status ?? {};
  if (lookups.aws === "no" || external === undefined) {
    return undefined;
  }
  const isRevoking = phaseOf(grant) === "Revoking";
  const center = ports.identityCenter({ ...external, urgency: isRevoking ? "revoke" : "change" });
  const set = await findSet(center, external.permissionSetARN, grantID, isRevoking);
  if (set === undefined) {
    return { set: undefined, policy: undefined, assigned: false, role: "notLookedUp" };
  }
  const assignments = await center.listAssignments(set.arn, external.accountID);
  const assigned = assignments.some(
    (other) => other.principalType === "USER" && other.principalID === external.principalID,
  );
  if (lookups.aws === "set") {
    return { set, policy: undefined, assigned, role: "notLookedUp" };
  }
  const policy = await center.getInlinePolicy(set.arn);
  const account = ports.account({ ...external, region: external.taskRegion ?? external.region });
  const role = (await account.findReservedRole(grantID)) ?? "none";
  return { set, policy, assigned, role };
}

/**
 * The Grant's set by its recorded ARN. Without one, a set can only be there when a create's answer was lost: creating it
 * again finds out by itself, so the long search by name is made only where the set must go.
 */
async function findSet(center: IdentityCenterPort, arn: string | undefined, name: string, isRevoking: boolean) {
  if (arn === undefined) {
    return isRevoking ? center.findPermissionSet(name) : undefined;
  }
  const set = await center.getPermissionSet(arn);
  // AWS is eventually consistent: a set that it cannot describe may be there all the same, with its assignment.
  if (set === undefined && isRevoking && (await center.isListed(arn))) {
    const message = `the permission set ${name} is listed but cannot be described yet`;
    throw new AwsFailure("unavailable", "NotSettled", "sso:DescribePermissionSet", message);
  }
  return set;
}
