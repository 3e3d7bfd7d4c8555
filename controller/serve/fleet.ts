import { type AnyObject, type Condition, type Grant, type Kind, kinds } from "#kinds/index.ts";
import type { EpochMs } from "#lib/clock.ts";
import { defined } from "#lib/defined.ts";
import type { Fleet, FleetDatabase, FleetObject, FleetProxy, FleetQuota } from "#wire/fleet.ts";
import type { Source } from "../source/source.ts";
import { stateOf } from "./grants/grant-view.ts";
import type { LinkedTask } from "./services.ts";

/** AWS's default quotas of permission sets (IAM Identity Center quotas, 2026): provisioned in one account, and in the instance. */
const setsOfAccountMax = 500;
const setsOfInstanceMax = 3_500;
/** The lag is that of the last day. */
const lagWindowMs = 24 * 3_600_000;
/** Objects of one answer that are not well; whoever has more looks at the first. */
export const troubledMax = 200;

/** What a fleet is made of. */
export interface FleetParts {
  readonly source: Pick<Source, "list">;
  readonly linkedTasks: (proxyKey: string) => readonly LinkedTask[];
  readonly problems: readonly string[];
  readonly now: EpochMs;
}

/** What an operator watches, from what is known: nobody is asked. */
export function fleetOf({ source, linkedTasks, problems, now }: FleetParts): Fleet {
  const of = <K extends Kind>(kind: K): Extract<AnyObject, { kind: K }>[] =>
    source.list(kind).map(({ object }) => object);
  const grants = of("Grant");
  const lag = revocationLag(grants, now);
  return {
    proxies: of("Proxy").map((proxy): FleetProxy => ({
      ...fleetObject(proxy),
      tasks: linkedTasks(`${proxy.metadata.namespace}/${proxy.metadata.name}`).map(taskOf),
    })),
    databases: of("Database").map((database): FleetDatabase => {
      const { host, port } = database.status?.endpoint ?? {};
      const isOf = ({ metadata, spec }: Grant): boolean =>
        metadata.namespace === database.metadata.namespace && spec.databaseRef.name === database.metadata.name;
      return {
        ...fleetObject(database),
        engine: database.spec.engine,
        ...(host === undefined ? {} : { endpoint: `${host}:${port}` }),
        activeGrants: grants.filter((grant) => isOf(grant) && stateOf(grant) === "Active").length,
      };
    }),
    troubled: kinds.flatMap((kind) => of(kind).filter(isTroubled).map(fleetObject)).slice(0, troubledMax),
    quotas: quotasOf(grants),
    ...(lag === undefined ? {} : { revocationLag: lag }),
    grants: countByState(grants),
    problems,
  };
}

function taskOf({ taskARN, version, skewMs, sessions, draining, audit }: LinkedTask): FleetProxy["tasks"][number] {
  return { taskARN, version, skewMs, ...defined({ sessions, draining, spoolBytes: audit?.bytes }) };
}

function fleetObject(object: AnyObject): FleetObject {
  const { kind, metadata } = object;
  const conditions = conditionsOf(object).map(({ type, status, reason, message, lastTransitionTime }) => {
    return { type, status, reason, message, lastTransitionTime };
  });
  return { kind, namespace: metadata.namespace, name: metadata.name, conditions };
}

function conditionsOf({ status }: AnyObject): readonly Condition[] {
  return (status as { readonly conditions?: readonly Condition[] } | undefined)?.conditions ?? [];
}

/** A Grant that waits for people, or for its time, or has ended is as it should be. A review is done once it was looked at. */
function isTroubled(object: AnyObject): boolean {
  const conditions = conditionsOf(object);
  const is = (type: string, status: string): boolean =>
    conditions.some((condition) => condition.type === type && condition.status === status);
  if (is("Stalled", "True")) {
    return object.kind !== "GrantReview";
  }
  const isWaiting = object.kind === "Grant" && ["Pending", "PendingApproval", "Scheduled"].includes(stateOf(object));
  return is("Ready", "False") && !isWaiting && object.kind !== "GrantReview";
}

/** Our own sets alone: those of others take room too, and a raised quota is not known. */
function quotasOf(grants: readonly Grant[]): FleetQuota[] {
  const used = new Map<string, { used: number; readonly limit: number }>();
  const count = (name: string, limit: number): void => {
    const known = used.get(name) ?? { used: 0, limit };
    known.used += 1;
    used.set(name, known);
  };
  for (const { status } of grants) {
    if (status?.external?.permissionSetARN !== undefined && status.deprovisionTime === undefined) {
      count(`permission sets of Sallyport in account ${status.external.accountID}`, setsOfAccountMax);
      count(`permission sets of Sallyport in ${status.external.instanceARN}`, setsOfInstanceMax);
    }
  }
  return [...used].map(([name, use]) => ({ name, ...use })).toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

/** From the end on record until everything was confirmed to be taken away. */
function revocationLag(grants: readonly Grant[], now: EpochMs): Fleet["revocationLag"] {
  const lags = grants
    .flatMap(({ status }) => {
      const [ended, gone] = [Date.parse(status?.end?.time ?? ""), Date.parse(status?.deprovisionTime ?? "")];
      return gone > now - lagWindowMs && ended <= gone ? [gone - ended] : [];
    })
    .toSorted((one, other) => one - other);
  // Nearest rank: with few of them the 99th of a hundred is the slowest.
  const at = (share: number): number => lags[Math.ceil(share * lags.length) - 1] ?? 0;
  return lags.length === 0 ? undefined : { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1), count: lags.length };
}

function countByState(grants: readonly Grant[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const grant of grants) {
    const state = stateOf(grant);
    counts[state] = (counts[state] ?? 0) + 1;
  }
  return counts;
}
