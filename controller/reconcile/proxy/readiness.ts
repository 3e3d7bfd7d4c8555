import type { ConditionInput } from "#kinds/index.ts";
import { held, notReady, ready, stalledAt } from "../status/simple.ts";
import type { Differences } from "./differences.ts";
import { isCurrent } from "./duties.ts";
import { type ProxyInput, revisionOfAll, runningTasks } from "./input.ts";
import { type Rollout, troubleText } from "./rollout.ts";

/** A Proxy as it was seen, and what follows from that. */
export interface Observed {
  readonly input: ProxyInput;
  readonly differences: Differences;
  /** Whether something is changed in ECS now. */
  readonly isChanging: boolean;
  /** Whether a change by somebody else is only reported. */
  readonly reportOnly: boolean;
  readonly rollout: Rollout | undefined;
  /** Tasks that keep their sessions and take no new ones. */
  readonly draining: ReadonlySet<string>;
}

/** A clock further off than this is reported: the proxy counts on its own clock, but people's proofs carry the time. */
export const skewMaxMs = 30_000;
/** Longest text that is quoted from ECS in a condition. */
const quotedMax = 1_500;

/** The conditions of a Proxy. Pure. */
export function proxyConditions(observed: Observed): ConditionInput[] {
  return [...readiness(observed), skewCondition(observed.input), protectionCondition(observed.input)];
}

/** How the tasks of a Proxy stand to the deployment that is wanted. */
export interface TaskCounts {
  readonly running: number;
  /** Of the deployment that ECS keeps. */
  readonly current: number;
  /** Of those: linked, and reached by Session Manager. */
  readonly usable: number;
}

/** Counts running tasks. */
export function countTasks(input: ProxyInput): TaskCounts {
  const { service, connected } = input;
  const running = runningTasks(input);
  const current = service === undefined ? [] : running.filter((task) => isCurrent(task, service));
  const isLinked = new Set(connected.map(({ taskARN }) => taskARN));
  const usable = current.filter((task) => task.target !== undefined && isLinked.has(task.taskARN));
  return { running: running.length, current: current.length, usable: usable.length };
}

function readiness(observed: Observed): ConditionInput[] {
  const { input, differences, isChanging, reportOnly, rollout } = observed;
  const { proxy, service } = input;
  const name = proxy.spec.ecs.serviceName;
  if (proxy.spec.suspend === true) {
    return held("Suspended", "spec.suspend: nothing is changed in ECS.");
  }
  if (reportOnly) {
    return held(
      "DriftDetected",
      `The ECS service ${name} was changed by somebody else: ${differences.found.join("; ")}. It is only reported: driftPolicy is Report.`,
    );
  }
  if (rollout?.state === "Failed") {
    return stalledAt("RolloutFailed", failedText(name, rollout, countTasks(input).usable));
  }
  if (service === undefined) {
    return notReady("ServiceMissing", `There is no ECS service ${name} yet.`);
  }
  return isChanging ? deploying(observed, name) : progress(observed, name);
}

function progress(observed: Observed, name: string): ConditionInput[] {
  const { input, draining } = observed;
  const { service, desired, revisions } = input;
  const desiredCount = service?.desiredCount ?? 0;
  const { running, current, usable } = countTasks(input);
  const currentTasks = runningTasks(input).filter((task) => service !== undefined && isCurrent(task, service));
  const isRevisionRight = desired === undefined || revisionOfAll(currentTasks, revisions) === desired.revision;
  const older = running - current;
  if (running === 0) {
    return desiredCount === 0
      ? held("NoTasks", `The ECS service ${name} is asked for no task.`)
      : notReady("NoTasks", `No task of the ECS service ${name} runs yet.${trouble(input)}`);
  }
  if (usable > 0 && usable >= desiredCount && older > 0 && isRevisionRight && draining.size > 0) {
    const message = `${usable} tasks take new sessions; ${draining.size} that ${draining.size === 1 ? "is" : "are"} being replaced keep the sessions they have until these end.`;
    return ready("Draining", message);
  }
  if (older > 0 || (current > 0 && !isRevisionRight)) {
    return deploying(observed, name);
  }
  if (usable === 0) {
    const message = `No running task of ${name} is connected to this controller and reachable through Session Manager. Its log says why.`;
    return notReady("NotConnected", message);
  }
  return ready("Available", `${usable} of ${running} running tasks are connected.`);
}

function deploying({ input, differences }: Observed, name: string): ConditionInput[] {
  const what = differences.found.length === 0 ? "" : ` Changed: ${differences.found.join("; ")}.`;
  return notReady(
    "Deploying",
    `The ECS service ${name} is being brought to the wanted configuration.${what}${trouble(input)}`,
  );
}

function trouble(input: ProxyInput): string {
  const text = troubleText(input).slice(0, quotedMax);
  return text === "" ? "" : ` Tasks failed: ${text}`;
}

function failedText(name: string, rollout: Rollout, usable: number): string {
  const serves =
    usable > 0
      ? `${usable} tasks with the configuration before go on serving.`
      : "No task serves: ECS had no earlier configuration to go back to.";
  return (
    `The new configuration of the ECS service ${name} failed: ${(rollout.message ?? "").slice(0, quotedMax)}. ${serves} ` +
    "It is not tried again by itself: correct spec.service, or set the annotation sallyport.dev/reconcile-requested-at for another try."
  );
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

/** A task that cannot protect itself loses its sessions when it is replaced, after `stopTimeout` at the latest. */
function protectionCondition({ connected, proxy }: ProxyInput): ConditionInput {
  const problem = connected.find((task) => task.protectionProblem !== undefined)?.protectionProblem;
  if (problem === undefined) {
    return { type: "SessionsProtected", status: "True", reason: "Protected", message: "" };
  }
  const { accountID, region, clusterName } = proxy.spec.ecs;
  const statement = {
    Effect: "Allow",
    Action: ["ecs:GetTaskProtection", "ecs:UpdateTaskProtection"],
    Resource: `arn:aws:ecs:${region}:${accountID}:task/${clusterName}/*`,
  };
  return {
    type: "SessionsProtected",
    status: "False",
    reason: "ProtectionFailed",
    message:
      `Tasks cannot protect themselves while they have sessions, so a new deployment ends these within two minutes: ${problem.slice(0, quotedMax)}. ` +
      `The task role needs: ${JSON.stringify(statement)}`,
  };
}
