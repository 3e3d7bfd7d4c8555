/** A task as the scheduler sees it. Tasks that are to stop are not shown to it. */
export interface ScheduledTask {
  readonly arn: string;
  readonly deploymentID: string;
  /** Its containers run. */
  readonly running: boolean;
  readonly protected: boolean;
}

/** A service as the scheduler sees it. */
export interface ScheduledService {
  readonly desiredCount: number;
  readonly primaryDeploymentID: string;
  /** Share of the desired count that must keep running during a deployment. */
  readonly minimumHealthyPercent: number;
  /** Share of the desired count that may exist during a deployment. */
  readonly maximumPercent: number;
  /** In the order in which they were started. */
  readonly tasks: readonly ScheduledTask[];
}

/** What to do now. The scheduler is asked again after each change. */
export interface Schedule {
  /** How many tasks of the primary deployment to start. */
  readonly start: number;
  /** ARNs of tasks to stop. */
  readonly stop: readonly string[];
  /** The primary deployment has all its tasks running and no older one has any. */
  readonly steady: boolean;
}

/**
 * Decides as the ECS service scheduler does in a rolling update (ECS Developer Guide, "Deploy Amazon ECS services by
 * replacing tasks"): new tasks up to the maximum, then older ones down to the minimum. With the usual 100 and 200 percent
 * a new task runs before an old one is stopped. Protected tasks are never chosen.
 */
export function schedule(service: ScheduledService): Schedule {
  const { desiredCount, tasks } = service;
  const current = tasks.filter((task) => task.deploymentID === service.primaryDeploymentID);
  const older = tasks.filter((task) => task.deploymentID !== service.primaryDeploymentID);
  const upper = Math.max(desiredCount, Math.floor((desiredCount * service.maximumPercent) / 100));
  const lower = Math.ceil((desiredCount * service.minimumHealthyPercent) / 100);

  const start = Math.max(0, Math.min(desiredCount - current.length, upper - tasks.length));
  const surplus = newestIdleFirst(current).slice(0, Math.max(0, current.length - desiredCount));
  const keptRunning = tasks.filter((task) => task.running && !surplus.includes(task)).length;
  const stoppable = older.filter((task) => !task.protected);
  const notRunning = stoppable.filter((task) => !task.running);
  const running = stoppable.filter((task) => task.running).slice(0, Math.max(0, keptRunning - lower));

  const currentRunning = current.filter((task) => task.running).length;
  return {
    start,
    stop: [...surplus, ...notRunning, ...running].map((task) => task.arn),
    steady: currentRunning === desiredCount && current.length === desiredCount && older.length === 0,
  };
}

/** Those that may be stopped when there are too many: first those that do not run yet, then the youngest. */
function newestIdleFirst(tasks: readonly ScheduledTask[]): ScheduledTask[] {
  return tasks
    .filter((task) => !task.protected)
    .toReversed()
    .sort((a, b) => Number(a.running) - Number(b.running));
}
