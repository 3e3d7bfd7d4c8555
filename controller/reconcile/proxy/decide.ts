import type { ConditionInput, Proxy, ProxyStatus } from "#kinds/index.ts";
import type { EpochMs } from "#lib/clock.ts";
import type { ServiceView, TaskDefinition, TaskView } from "../../aws/ports.ts";
import type { Outcome } from "../reconciler.ts";
import type { Patch } from "../status/patch.ts";
import { held, notReady, ready, stalledAt } from "../status/simple.ts";
import { ownershipTags, proxyKeyOf } from "./definition.ts";

/** A task of the Proxy that is linked to this controller. */
export interface ConnectedTask {
  readonly taskARN: string;
  readonly version: string;
  /** Proxy's wall clock minus the controller's, in milliseconds. */
  readonly skewMs: number;
}

/** Everything that a decision about one Proxy rests on. */
export interface ProxyInput {
  readonly now: EpochMs;
  readonly installation: string;
  readonly proxy: Proxy;
  /** Another Proxy that was there first and names the same ECS service, as `namespace/name`. */
  readonly sharedWith: string | undefined;
  /** Undefined where spec has no service to ask for. */
  readonly desired: { readonly definition: TaskDefinition; readonly revision: string } | undefined;
  readonly service: ServiceView | undefined;
  /** Newest task definition of the family. */
  readonly newest: { readonly arn: string; readonly revision: string | undefined } | undefined;
  readonly tasks: readonly TaskView[];
  /** Revision of each task definition that is in use, by ARN; absent for one without our tag. */
  readonly revisions: ReadonlyMap<string, string>;
  readonly connected: readonly ConnectedTask[];
}

/** One step in ECS; `plan` prints it. The definition that a service gets is the one registered last, or `taskDefinitionARN`. */
export type ProxyAction =
  | { readonly kind: "RegisterTaskDefinition"; readonly definition: TaskDefinition }
  | { readonly kind: "CreateService"; readonly taskDefinitionARN: string | undefined }
  | { readonly kind: "UpdateService"; readonly taskDefinitionARN: string | undefined }
  | { readonly kind: "DeleteService" }
  | { readonly kind: "Release" };

export interface ProxyDecision {
  readonly patch: Patch<ProxyStatus>;
  readonly conditions: readonly ConditionInput[];
  readonly actions: readonly ProxyAction[];
  readonly next: Outcome;
}

/** Milliseconds between looks while a deployment goes on. */
export const deployingLookMs = 2_000;
/** Milliseconds between looks while no task is linked. A link that comes up asks for a look by itself. */
export const unlinkedLookMs = 15_000;
/** Seconds between looks at a Proxy that has converged and states none. */
export const driftCheckPeriodSecondsDefault = 300;
/** A clock further off than this is reported: the proxy counts on its own clock, but people's proofs carry the time. */
export const skewMaxMs = 30_000;

/** Decides what is to be done about a Proxy. Pure. */
export function decideProxy(input: ProxyInput): ProxyDecision {
  const { proxy, service, desired, installation } = input;
  const isManaged = proxy.spec.managementPolicy !== "Observe";
  const isOurs = service !== undefined && carries(service.tags, ownershipTags(proxy, installation));
  if (proxy.metadata.deletionTimestamp !== undefined) {
    const remove = isManaged && isOurs && proxy.spec.deletionPolicy !== "Retain";
    return {
      patch: {},
      conditions: [],
      actions: [...(remove ? [{ kind: "DeleteService" as const }] : []), { kind: "Release" }],
      next: { kind: "settled" },
    };
  }
  if (input.sharedWith !== undefined) {
    const message = `The ECS service ${proxy.spec.ecs.serviceName} belongs to the Proxy ${input.sharedWith} already. One service belongs to one Proxy: name another one.`;
    return refused(input, "ServiceShared", message);
  }
  if (isManaged && service !== undefined && !isOurs && proxy.spec.suspend !== true) {
    const message = `The ECS service ${proxy.spec.ecs.serviceName} exists and does not carry the tags of this Proxy and installation. Set managementPolicy: Observe to only follow it, or name another service.`;
    return refused(input, "NotOwned", message);
  }
  const actions = isManaged && proxy.spec.suspend !== true && desired !== undefined ? changes(input, desired) : [];
  const isDrift = isManaged && service !== undefined && actions.length > 0 && wasConverged(input);
  const reportOnly = isDrift && proxy.spec.driftPolicy === "Report";
  return {
    patch: { ...statusPatch(input), ...(isDrift ? { lastDriftTime: new Date(input.now).toISOString() } : {}) },
    conditions: [...readiness(input, actions.length, reportOnly), skewCondition(input)],
    actions: reportOnly ? [] : actions,
    next: nextLook(input, actions.length > 0 && !reportOnly),
  };
}

function changes(input: ProxyInput, desired: NonNullable<ProxyInput["desired"]>): ProxyAction[] {
  const { service, newest, revisions, proxy } = input;
  const registered = newest?.revision === desired.revision ? newest.arn : undefined;
  const register: ProxyAction[] =
    registered === undefined ? [{ kind: "RegisterTaskDefinition", definition: desired.definition }] : [];
  if (service === undefined) {
    return [...register, { kind: "CreateService", taskDefinitionARN: registered }];
  }
  if (revisions.get(service.taskDefinitionARN) !== desired.revision) {
    return [...register, { kind: "UpdateService", taskDefinitionARN: registered }];
  }
  const isAsAsked = service.desiredCount === proxy.spec.service?.desiredCount && service.executeCommand;
  return isAsAsked ? [] : [{ kind: "UpdateService", taskDefinitionARN: service.taskDefinitionARN }];
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

function statusPatch(input: ProxyInput): Patch<ProxyStatus> {
  const { proxy, desired, service, tasks, connected } = input;
  const linked = new Map(connected.map((task) => [task.taskARN, task]));
  const running = tasks.filter((task) => task.lastStatus === "RUNNING");
  return {
    observedGeneration: proxy.metadata.generation ?? 0,
    desiredConfigRevision: desired?.revision,
    observedConfigRevision: runningRevision(input),
    taskDefinitionARN: service?.taskDefinitionARN === "" ? undefined : service?.taskDefinitionARN,
    runningTasks: running.length,
    tasks: running
      .flatMap(({ taskARN, target }) => (target === undefined ? [] : [{ taskARN, target }]))
      .slice(0, 100)
      .map(({ taskARN, target }) => {
        const link = linked.get(taskARN);
        return {
          taskARN,
          target,
          connected: link !== undefined,
          ...(link === undefined ? {} : { version: link.version }),
        };
      }),
  };
}

/** The revision that all running tasks have; undefined where they differ or none runs. */
function runningRevision({ tasks, revisions }: ProxyInput): string | undefined {
  const found = new Set(
    tasks.filter((task) => task.lastStatus === "RUNNING").map((task) => revisions.get(task.taskDefinitionARN)),
  );
  return found.size === 1 ? [...found][0] : undefined;
}

function readiness(input: ProxyInput, changeCount: number, reportOnly: boolean): ConditionInput[] {
  const { proxy, service, desired, tasks, connected } = input;
  const name = proxy.spec.ecs.serviceName;
  if (proxy.spec.suspend === true) {
    return held("Suspended", "spec.suspend: nothing is changed in ECS.");
  }
  if (reportOnly) {
    return held(
      "DriftDetected",
      `The ECS service ${name} was changed by somebody else. It is only reported: driftPolicy is Report.`,
    );
  }
  if (service === undefined) {
    return notReady("ServiceMissing", `There is no ECS service ${name} yet.`);
  }
  const running = tasks.filter((task) => task.lastStatus === "RUNNING");
  if (changeCount > 0 || (desired !== undefined && running.length > 0 && runningRevision(input) !== desired.revision)) {
    return notReady("Deploying", `The ECS service ${name} is being brought to the wanted configuration.`);
  }
  if (running.length === 0) {
    return service.desiredCount === 0
      ? held("NoTasks", `The ECS service ${name} is asked for no task.`)
      : notReady("NoTasks", `No task of the ECS service ${name} runs yet.`);
  }
  const usable = running.filter((task) => task.target !== undefined);
  const links = connected.filter((link) => usable.some((task) => task.taskARN === link.taskARN)).length;
  if (links === 0) {
    const message = `No running task of ${name} is connected to this controller and reachable through Session Manager. Its log says why.`;
    return notReady("NotConnected", message);
  }
  return ready("Available", `${links} of ${running.length} running tasks are connected.`);
}

function skewCondition({ connected }: ProxyInput): ConditionInput {
  const worst = connected.reduce((most, task) => Math.max(most, Math.abs(task.skewMs)), 0);
  return worst > skewMaxMs
    ? {
        type: "ClockSkewed",
        status: "True",
        reason: "ClockSkewed",
        message: `A task's clock differs by ${Math.round(worst / 1_000)} s from the controller's. Windows still end on time; people may fail to prove who they are.`,
      }
    : { type: "ClockSkewed", status: "False", reason: "InStep", message: "" };
}

function nextLook(input: ProxyInput, changing: boolean): Outcome {
  const { proxy, now, tasks, service } = input;
  const running = tasks.filter((task) => task.lastStatus === "RUNNING" && task.target !== undefined).length;
  const isDeploying = changing || (service !== undefined && running !== service.desiredCount) || unsettled(input);
  const periodMs = (proxy.spec.driftCheckPeriodSeconds ?? driftCheckPeriodSecondsDefault) * 1_000;
  const steadyMs = input.connected.length === 0 && tasks.length > 0 ? Math.min(unlinkedLookMs, periodMs) : periodMs;
  const ms = isDeploying ? deployingLookMs : steadyMs;
  return { kind: "waiting", untilMs: now + ms, why: "the next look at ECS", priority: "change" };
}

function unsettled(input: ProxyInput): boolean {
  return input.desired !== undefined && runningRevision(input) !== input.desired.revision && input.tasks.length > 0;
}

function refused(input: ProxyInput, reason: string, message: string): ProxyDecision {
  return {
    patch: { observedGeneration: input.proxy.metadata.generation ?? 0 },
    conditions: stalledAt(reason, message),
    actions: [],
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
