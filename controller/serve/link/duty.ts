import type { Proxy } from "#kinds/index.ts";
import type { Duty, ProxyStatus } from "#wire/link.ts";

/** Seconds for which a task that is being replaced keeps its sessions, where the Proxy names none (crds/proxy.yaml). */
const drainLimitSecondsDefault = 172_800;

/**
 * What a task is to do, from its Proxy's status, which every replica of the controller sees. A task of which status says nothing serves.
 */
export function dutyOf(proxy: Proxy | undefined, taskARN: string): Omit<Duty, "type"> {
  const isDraining = proxy?.status?.tasks?.some((task) => task.taskARN === taskARN && task.draining === true) === true;
  const limitMs = (proxy?.spec.service?.drainLimitSeconds ?? drainLimitSecondsDefault) * 1_000;
  return { duty: isDraining ? "drain" : "serve", limitMs };
}

/** Whether a task's report says something that its Proxy's reconciler acts on. The number of sessions alone is not worth a look at ECS. */
export function isNewsOfProxy(before: ProxyStatus | undefined, now: ProxyStatus): boolean {
  return (
    before?.draining !== now.draining ||
    before?.protectionProblem !== now.protectionProblem ||
    (now.draining === true && now.sessions.length === 0 && (before?.sessions.length ?? 0) > 0)
  );
}

/** Keys of the Databases of which the report says something new. */
export function databasesOfNews(before: ProxyStatus | undefined, now: ProxyStatus): readonly string[] {
  const textOf = ({ key, role, health, detail, problem, serverVersion }: ProxyStatus["databases"][number]): string =>
    JSON.stringify([key, role, health, detail, problem, serverVersion]);
  const known = new Set(before?.databases.map(textOf));
  return [...new Set(now.databases.filter((report) => !known.has(textOf(report))).map(({ key }) => key))];
}
