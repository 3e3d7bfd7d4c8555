import type { CancelTimer } from "#lib/clock.ts";
import { hex, uuid } from "../ids.ts";
import type { Engine } from "./engine.ts";
import { isHealthy, isProtected, isUp } from "./model.ts";
import type { AccountState, Deployment, EcsServiceRecord, TaskDefinition, TaskRecord } from "./model.ts";
import { schedule } from "./schedule.ts";

/** Events that a service shows. */
const eventsMax = 100;

/** A task that ran for less than this has failed, in ms; AWS looks at minutes. */
const failedBelowMs = 10_000;

/** Pause before the next start after tasks that failed, in ms. It doubles from the first to the longest. */
const failurePauseMs = { first: 500, longest: 30_000 };

/** Keeps services at their desired count and rolls out new task definitions: observes, asks `schedule`, acts. */
export class ServiceScheduler {
  readonly #engine: Engine;
  readonly #inside = new Set<EcsServiceRecord>();
  /** Tasks whose failure is counted. */
  readonly #noted = new WeakSet<TaskRecord>();
  /** When each service is looked at again for a reason that no change announces. */
  readonly #due = new Map<EcsServiceRecord, { readonly at: number; readonly cancel: CancelTimer }>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Begins a rollout; the deployment that was primary becomes an older one. */
  deploy(service: EcsServiceRecord, definition: TaskDefinition): void {
    const now = this.#engine.clock.now();
    const deployment: Deployment = {
      id: `ecs-svc/${BigInt(`0x${hex(this.#engine.random, 8)}`)}`,
      definition,
      createdAt: now,
      updatedAt: now,
      rolloutState: "IN_PROGRESS",
      wasSteady: false,
      failedTasks: 0,
    };
    service.deployments = [deployment, ...service.deployments];
    service.notBefore = now;
  }

  /** Looks at a service and does what is due. */
  reconcile(account: AccountState, service: EcsServiceRecord): void {
    // Starting and stopping tasks reports changes, which come back here.
    if (this.#inside.has(service) || this.#engine.stopped) {
      return;
    }
    this.#inside.add(service);
    const tasks = liveTasks(account, service);
    const [primary] = service.deployments;
    if (primary !== undefined) {
      this.#act(account, service, primary, tasks);
    }
    this.#inside.delete(service);
    if (service.status === "DRAINING" && liveTasks(account, service).length === 0) {
      service.status = "INACTIVE";
    }
  }

  /** A task of the service changed. */
  taskChanged(account: AccountState, service: EcsServiceRecord, task: TaskRecord): void {
    if (task.desiredStatus === "STOPPED") {
      this.#noteFailure(service, task);
    }
    this.reconcile(account, service);
  }

  #act(account: AccountState, service: EcsServiceRecord, primary: Deployment, tasks: TaskRecord[]): void {
    const now = this.#engine.clock.now();
    const plan = schedule({
      desiredCount: service.status === "ACTIVE" ? service.desiredCount : 0,
      primaryDeploymentID: primary.id,
      minimumHealthyPercent: service.status === "ACTIVE" ? service.minimumHealthyPercent : 0,
      maximumPercent: service.maximumPercent,
      tasks: tasks.map((task) => ({
        arn: task.arn,
        deploymentID: task.deploymentID ?? "",
        running: isUp(task),
        protected: service.status === "ACTIVE" && isProtected(task, now),
      })),
    });
    for (const arn of plan.stop) {
      const task = account.tasks.get(arn);
      this.#event(service, `has stopped 1 running tasks: (task ${task?.taskID ?? ""}).`);
      this.#engine
        .runner(arn)
        ?.stop("ServiceSchedulerInitiated", `Scaling activity initiated by (deployment ${task?.deploymentID ?? ""})`);
    }
    if (primary.rolloutState === "FAILED") {
      // The circuit breaker ended it and there was nothing to go back to: nothing is started for it any more.
    } else if (plan.start > 0 && service.notBefore > now) {
      this.#again(account, service, service.notBefore - now);
    } else {
      this.#startTasks(account, service, primary, plan.start);
    }
    this.#watchProtection(account, service, tasks, now);
    if (plan.steady && primary.rolloutState === "IN_PROGRESS") {
      primary.rolloutState = "COMPLETED";
      primary.wasSteady = true;
      primary.updatedAt = now;
      service.deployments = [primary];
      this.#event(service, "has reached a steady state.");
    }
  }

  #startTasks(account: AccountState, service: EcsServiceRecord, primary: Deployment, count: number): void {
    for (let started = 0; started < count; started += 1) {
      const task = this.#engine.startTask(account, {
        clusterName: service.clusterName,
        definition: primary.definition,
        service,
        deployment: primary,
        enableExecuteCommand: service.enableExecuteCommand,
        tags: [],
      });
      this.#event(service, `has started 1 tasks: (task ${task.taskID}).`);
    }
  }

  /** Protection that runs out changes what may be stopped, and nobody tells. */
  #watchProtection(account: AccountState, service: EcsServiceRecord, tasks: TaskRecord[], now: number): void {
    const ends = tasks.flatMap((task) => (isProtected(task, now) ? [task.protectedUntil ?? now] : []));
    if (ends.length > 0) {
      this.#again(account, service, Math.min(...ends) - now);
    }
  }

  #noteFailure(service: EcsServiceRecord, task: TaskRecord): void {
    const deployment = service.deployments.find((one) => one.id === task.deploymentID);
    const byItself = task.stopCode === "TaskFailedToStart" || task.stopCode === "EssentialContainerExited";
    if (deployment === undefined || !byItself || this.#noted.has(task)) {
      return;
    }
    this.#noted.add(task);
    const now = this.#engine.clock.now();
    const ranMs = task.startedAt === undefined ? 0 : (task.stoppingAt ?? now) - task.startedAt;
    const wasHealthy = isHealthy(task);
    deployment.failedTasks = ranMs < failedBelowMs || !wasHealthy ? deployment.failedTasks + 1 : 0;
    if (deployment.failedTasks > 1) {
      const doublings = Math.min(deployment.failedTasks - 2, 10);
      service.notBefore = now + Math.min(failurePauseMs.first * 2 ** doublings, failurePauseMs.longest);
    }
    if (service.circuitBreaker.enable && deployment.failedTasks >= breakerThreshold(service)) {
      this.#breakOff(service, deployment, now);
    }
  }

  /** A deployment that ever was steady is not broken off: its tasks fail for another reason than the deployment. */
  #breakOff(service: EcsServiceRecord, deployment: Deployment, now: number): void {
    if (deployment !== service.deployments[0] || deployment.rolloutState !== "IN_PROGRESS" || deployment.wasSteady) {
      return;
    }
    deployment.rolloutState = "FAILED";
    deployment.updatedAt = now;
    this.#event(service, `(deployment ${deployment.id}) deployment failed: tasks failed to start.`);
    const last = service.deployments.find((one) => one.wasSteady);
    if (service.circuitBreaker.rollback && last !== undefined) {
      Object.assign(last, { rolloutState: "IN_PROGRESS", updatedAt: now, failedTasks: 0 });
      service.deployments = [last, ...service.deployments.filter((one) => one !== last)];
      service.notBefore = now;
      this.#event(service, `rolling back to deployment ${last.id}.`);
    }
  }

  /** Of several moments the earliest counts: looking then tells the next one. */
  #again(account: AccountState, service: EcsServiceRecord, inMs: number): void {
    const at = this.#engine.clock.monotonicMs() + inMs;
    const due = this.#due.get(service);
    if (due !== undefined && due.at <= at) {
      return;
    }
    due?.cancel();
    const cancel = this.#engine.clock.after(inMs, () => {
      this.#due.delete(service);
      this.reconcile(account, service);
    });
    this.#due.set(service, { at, cancel });
  }

  #event(service: EcsServiceRecord, message: string): void {
    const event = {
      id: uuid(this.#engine.random),
      createdAt: this.#engine.clock.now(),
      message: `(service ${service.name}) ${message}`,
    };
    service.events = [event, ...service.events].slice(0, eventsMax);
  }
}

/** Failed tasks that end a deployment: half the desired count, 3 to 200 (ECS Developer Guide, "deployment circuit breaker"). */
function breakerThreshold({ desiredCount }: EcsServiceRecord): number {
  return Math.min(Math.max(Math.ceil(desiredCount / 2), 3), 200);
}

/** The service's tasks that are not to stop, in the order in which they were started. */
function liveTasks(account: AccountState, service: EcsServiceRecord): TaskRecord[] {
  return tasksOf(account, service).filter((task) => task.desiredStatus === "RUNNING");
}

/** All of the service's tasks that are still shown. */
export function tasksOf(account: AccountState, service: EcsServiceRecord): TaskRecord[] {
  return [...account.tasks.values()].filter(
    (task) => task.clusterName === service.clusterName && task.serviceName === service.name,
  );
}
