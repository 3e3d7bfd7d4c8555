import type { ServiceView, TaskView } from "../../aws/ports.ts";
import { type ProxyInput, runningTasks } from "./input.ts";

/**
 * The tasks that are to keep the sessions they have and take no new ones: those that ECS is replacing, as soon as a task of the new
 * deployment can be reached, and those beyond the desired count. Before that they go on as ever, so that there is always a task to
 * go to. Pure; answers ARNs.
 */
export function drainingTasks(input: ProxyInput): ReadonlySet<string> {
  const { service, connected } = input;
  if (service === undefined) {
    return new Set();
  }
  const running = runningTasks(input);
  const isLinked = new Set(connected.map(({ taskARN }) => taskARN));
  const current = running.filter((task) => isCurrent(task, service));
  const older = running.filter((task) => !isCurrent(task, service));
  const hasNewWay = current.some((task) => task.target !== undefined && isLinked.has(task.taskARN));
  const replaced = hasNewWay || service.desiredCount === 0 ? older : [];
  return new Set([...replaced, ...surplus(input, current, service)].map(({ taskARN }) => taskARN));
}

/** Whether a task belongs to the deployment that ECS is bringing up or keeps. */
export function isCurrent(task: TaskView, { deployments, taskDefinitionARN }: ServiceView): boolean {
  const primary = deployments.find(({ isPrimary }) => isPrimary);
  return primary === undefined || task.deploymentID === undefined
    ? task.taskDefinitionARN === taskDefinitionARN
    : task.deploymentID === primary.id;
}

/**
 * What scaling in leaves over: protected tasks that ECS may not stop. Those that drain already go on draining, then those with the
 * fewest sessions.
 */
function surplus(
  { connected, proxy }: ProxyInput,
  current: readonly TaskView[],
  { desiredCount }: ServiceView,
): readonly TaskView[] {
  const drained = new Set((proxy.status?.tasks ?? []).flatMap((task) => (task.draining === true ? task.taskARN : [])));
  const sessions = new Map(connected.map((task) => [task.taskARN, task.sessions ?? 0]));
  const rank = ({ taskARN }: TaskView): number => (drained.has(taskARN) ? -1 : (sessions.get(taskARN) ?? 0));
  return current.toSorted((one, other) => rank(one) - rank(other)).slice(0, Math.max(0, current.length - desiredCount));
}
