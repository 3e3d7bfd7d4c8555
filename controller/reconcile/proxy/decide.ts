import type { ConditionInput, Proxy, ProxyStatus } from "#kinds/index.ts";
import type { Outcome } from "../reconciler.ts";
import type { Patch } from "../status/patch.ts";
import { stalledAt } from "../status/simple.ts";
import { ownershipTags, proxyKeyOf } from "./definition.ts";
import { type Differences, serviceDifferences } from "./differences.ts";
import { drainingTasks } from "./duties.ts";
import { type ProxyAction, type ProxyInput, runningTasks } from "./input.ts";
import { nextLook } from "./next-look.ts";
import { type Observed, proxyConditions } from "./readiness.ts";
import { beginRollout, judgeRollout, type Rollout } from "./rollout.ts";
import { statusPatch } from "./status-patch.ts";

/** What is to be done about a Proxy, and what is to be said of it. */
export interface ProxyDecision {
  readonly patch: Patch<ProxyStatus>;
  readonly conditions: readonly ConditionInput[];
  readonly actions: readonly ProxyAction[];
  /** Whether tasks get another duty, which whoever holds their links must hear of. */
  readonly notify: boolean;
  readonly next: Outcome;
}

/** Milliseconds until ECS is asked whether a service that was deleted is gone. */
const deletingLookMs = 2_000;

/** Decides what is to be done about a Proxy. Pure. */
export function decideProxy(input: ProxyInput): ProxyDecision {
  const { proxy, service } = input;
  const isManaged = proxy.spec.managementPolicy !== "Observe";
  const isOurs = service !== undefined && carries(service.tags, ownershipTags(proxy, input.installation));
  if (proxy.metadata.deletionTimestamp !== undefined) {
    return decideDeletion(input, isManaged && isOurs && input.sharedWith === undefined);
  }
  if (input.sharedWith !== undefined) {
    const message = `The ECS service ${proxy.spec.ecs.serviceName} belongs to the Proxy ${input.sharedWith} already. One service belongs to one Proxy: name another one.`;
    return refused(input, "ServiceShared", message);
  }
  const isActive = isManaged && proxy.spec.suspend !== true;
  if (isActive && service !== undefined && !isOurs) {
    const message = `The ECS service ${proxy.spec.ecs.serviceName} exists and does not carry the tags of this Proxy and installation. Set managementPolicy: Observe to only follow it, or name another service.`;
    return refused(input, "NotOwned", message);
  }
  return converge(input, isActive);
}

function converge(input: ProxyInput, isActive: boolean): ProxyDecision {
  const { proxy, service, desired, now } = input;
  const judged = isActive ? judgeRollout(input) : undefined;
  const differences = isActive && service !== undefined ? serviceDifferences(input, service) : none;
  const wanted = isActive && judged?.state !== "Failed" ? changes(input, differences, judged) : [];
  const isDrift = wanted.length > 0 && service !== undefined && wasConverged(input);
  const reportOnly = isDrift && proxy.spec.driftPolicy === "Report";
  const actions = reportOnly ? [] : wanted;
  const rollout =
    actions.length > 0 && desired !== undefined
      ? beginRollout(desired.revision, input)
      : (judged ?? settledRollout(input));
  const draining = drainingTasks(input);
  const observed: Observed = { input, differences, isChanging: actions.length > 0, reportOnly, rollout, draining };
  return {
    patch: {
      ...statusPatch(input, draining),
      ...(isActive ? { rollout } : {}),
      ...(isDrift ? { lastDriftTime: new Date(now).toISOString() } : {}),
    },
    conditions: proxyConditions(observed),
    actions,
    notify: !sameDuties(proxy, draining, input),
    next: nextLook(observed),
  };
}

const none: Differences = { found: [], unfitTasks: false };

/** Deletes what is certainly this Proxy's own, where the spec says so, and lets the object go once ECS has taken that. */
function decideDeletion(input: ProxyInput, isOwn: boolean): ProxyDecision {
  const remove = isOwn && input.proxy.spec.deletionPolicy !== "Retain";
  const untilMs = input.now + deletingLookMs;
  return {
    patch: {},
    conditions: [],
    actions: [{ kind: remove ? "DeleteService" : "Release" }],
    notify: false,
    next: remove
      ? { kind: "waiting", untilMs, why: "the end of the ECS service", priority: "change" }
      : { kind: "settled" },
  };
}

function changes(
  { service, newest, desired, revisions }: ProxyInput,
  { found, unfitTasks }: Differences,
  rollout: Rollout | undefined,
): ProxyAction[] {
  if (desired === undefined) {
    return [];
  }
  const registered = newest?.revision === desired.revision ? newest.arn : undefined;
  const register: ProxyAction[] =
    registered === undefined ? [{ kind: "RegisterTaskDefinition", definition: desired.definition }] : [];
  if (service === undefined) {
    return [...register, { kind: "CreateService", taskDefinitionARN: registered }];
  }
  const isThere = revisions.get(service.taskDefinitionARN) === desired.revision;
  // A deployment that the circuit breaker ended starts no task any more; another try needs a new one.
  const isStuck = rollout === undefined && service.deployments.some((one) => one.isPrimary && one.state === "FAILED");
  if (found.length === 0 && !isStuck) {
    return [];
  }
  const update = { kind: "UpdateService" as const, forceNewDeployment: unfitTasks || isStuck };
  return isThere
    ? [{ ...update, taskDefinitionARN: service.taskDefinitionARN }]
    : [...register, { ...update, taskDefinitionARN: registered }];
}

/** The same configuration had been reached before: what differs now was changed by somebody else. */
function wasConverged({ proxy, desired }: ProxyInput): boolean {
  const { desiredConfigRevision, observedConfigRevision } = proxy.status ?? {};
  return (
    desired !== undefined &&
    desiredConfigRevision === desired.revision &&
    observedConfigRevision === desired.revision &&
    proxy.status?.observedGeneration === proxy.metadata.generation
  );
}

/** A service that was there and right before any rollout was noted: by an older release, or by hand with our tags. */
function settledRollout(input: ProxyInput): Rollout | undefined {
  const { desired, service, now } = input;
  return desired === undefined || service === undefined
    ? undefined
    : { configRevision: desired.revision, state: "InProgress", startTime: new Date(now).toISOString() };
}

function sameDuties({ status }: Proxy, draining: ReadonlySet<string>, input: ProxyInput): boolean {
  const known = new Map((status?.tasks ?? []).map((task) => [task.taskARN, task.draining === true]));
  return runningTasks(input).every(({ taskARN }) => (known.get(taskARN) ?? false) === draining.has(taskARN));
}

function refused(input: ProxyInput, reason: string, message: string): ProxyDecision {
  return {
    patch: { observedGeneration: input.proxy.metadata.generation ?? 0 },
    conditions: stalledAt(reason, message),
    actions: [],
    notify: false,
    next: { kind: "refused", reason, message },
  };
}

function carries(tags: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([key, value]) => tags[key] === value);
}

/** The Proxy that was there first of those that name the same service, as `namespace/name`; undefined where it is `proxy`. */
export function firstOfService(proxy: Proxy, all: readonly Proxy[]): string | undefined {
  const place = ({ spec: { ecs } }: Proxy): string =>
    [ecs.accountID, ecs.region, ecs.clusterName, ecs.serviceName].join("/");
  const age = (one: Proxy): string => `${one.metadata.creationTimestamp ?? ""} ${proxyKeyOf(one)}`;
  const first = all.filter((other) => place(other) === place(proxy)).sort((a, b) => (age(a) < age(b) ? -1 : 1))[0];
  return first === undefined || proxyKeyOf(first) === proxyKeyOf(proxy) ? undefined : proxyKeyOf(first);
}
