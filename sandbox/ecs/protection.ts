import type { Engine } from "./engine.ts";
import type { TaskRecord } from "./model.ts";

/** Task protection lasts two hours unless told otherwise, at most 48 hours; both in minutes. */
export const protectionDefaultMinutes = 120;
export const protectionMaxMinutes = 2_880;

/** Protects a service's task for so many minutes, or no more. False for a task that is in no service or is to stop. */
export function protectTask(engine: Engine, task: TaskRecord, minutes: number | undefined): boolean {
  if (task.serviceName === undefined || task.desiredStatus !== "RUNNING") {
    return false;
  }
  task.protectedUntil = minutes === undefined ? undefined : engine.clock.now() + minutes * 60_000;
  const account = engine.accounts().find((one) => one.tasks.has(task.arn));
  const service = account?.services.get(`${task.clusterName}/${task.serviceName}`);
  if (account !== undefined && service !== undefined) {
    engine.scheduler.reconcile(account, service);
  }
  engine.watch.notify();
  return true;
}
