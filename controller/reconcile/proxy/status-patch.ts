import type { ProxyStatus } from "#kinds/index.ts";
import type { Patch } from "../status/patch.ts";
import { type ProxyInput, revisionOfAll, runningTasks } from "./input.ts";

/** Tasks that status names (crds/proxy.yaml). */
const tasksMax = 100;

/** What was seen, as status keeps it. `draining` are the tasks that take no new sessions. Pure. */
export function statusPatch(input: ProxyInput, draining: ReadonlySet<string>): Patch<ProxyStatus> {
  const { proxy, desired, service, revisions, connected } = input;
  const linked = new Map(connected.map((task) => [task.taskARN, task]));
  const running = runningTasks(input);
  return {
    observedGeneration: proxy.metadata.generation ?? 0,
    desiredConfigRevision: desired?.revision,
    observedConfigRevision: revisionOfAll(running, revisions),
    taskDefinitionARN: service?.taskDefinitionARN === "" ? undefined : service?.taskDefinitionARN,
    runningTasks: running.length,
    tasks: running
      .flatMap(({ taskARN, target }) => (target === undefined ? [] : [{ taskARN, target }]))
      .slice(0, tasksMax)
      .map(({ taskARN, target }) => {
        const link = linked.get(taskARN);
        return {
          taskARN,
          target,
          connected: link !== undefined,
          ...(link === undefined ? {} : { version: link.version }),
          ...(draining.has(taskARN) ? { draining: true } : {}),
        };
      }),
  };
}
