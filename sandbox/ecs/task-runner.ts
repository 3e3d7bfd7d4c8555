import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";
import type { Log } from "#lib/log.ts";
import { startProcess } from "./container-process.ts";
import type { ContainerProcess } from "./container-process.ts";
import { containerEnvironment } from "./environment.ts";
import { checkHealth } from "./health-check.ts";
import type { LoopbackAddress, LoopbackAddresses } from "./loopback.ts";
import type { ContainerRecord, StopCode, TaskRecord } from "./model.ts";
import type { ChooseCommand, EcsDelays } from "./options.ts";
import type { Reaper } from "./reaper.ts";
import { TaskLog } from "./task-log.ts";

/** What running a task needs. */
export interface RunnerDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly delays: EcsDelays;
  readonly command: ChooseCommand;
  readonly addresses: LoopbackAddresses;
  readonly reaper: Reaper;
  /** Directory that holds the tasks' storage directories. */
  readonly storageDirectory: string;
  readonly url: () => string;
  /** Why a task must not start, such as a role that does not exist; undefined when it may. */
  readonly startProblem: (task: TaskRecord) => string | undefined;
  /** Value of a container's secret. Throws when it cannot be read. */
  readonly secret: (task: TaskRecord, valueFrom: string) => string;
  /** A container has written something. */
  readonly onOutput: () => void;
  /** The task changed. */
  readonly onChange: (task: TaskRecord) => void;
  /** The agent of this container has gone: its process ended. */
  readonly onAgentGone: (task: TaskRecord, container: ContainerRecord) => void;
}

/** Fargate's default between SIGTERM and SIGKILL, in seconds. */
const stopTimeoutDefaultSeconds = 30;

/**
 * A restart policy restarts at once a container that ran for this long, in ms. AWS asks for a minute at least; a sandbox's
 * minutes are seconds.
 */
const steadyAfterMs = 1_000;

/** Pause before a container is restarted that ended sooner: the first and the longest, in ms. It doubles in between. */
const restartPauseMs = { first: 100, longest: 5_000 };

/** Takes one task through its life: address and storage, processes, agent, and back. */
export class TaskRunner {
  readonly task: TaskRecord;
  readonly log = new TaskLog();
  readonly #deps: RunnerDeps;
  readonly #processes = new Map<ContainerRecord, ContainerProcess>();
  /** Aborted when a container's health is no longer asked for. */
  readonly #health = new Map<ContainerRecord, AbortController>();
  #address: LoopbackAddress | undefined;
  #stopping = false;
  /** Nothing is waited for any more: the sandbox stops, and a test's clock may stand still. */
  #atOnce = false;
  /** The step of the start that is under way: what it makes must be there before it is removed. */
  #starting: Promise<void> = Promise.resolve();
  #ended: () => void = () => {};
  /** The last step, while it is waited for. */
  #lastStep: (() => void) | undefined;
  /** Resolves when the task is STOPPED and has left nothing behind. */
  readonly ended: Promise<void>;

  constructor(task: TaskRecord, deps: RunnerDeps) {
    this.task = task;
    this.#deps = { ...deps, log: deps.log.with({ taskID: task.taskID }) };
    this.ended = new Promise((resolve) => {
      this.#ended = resolve;
    });
  }

  /** Begins. Never throws: a task that cannot start stops with TaskFailedToStart. */
  start(): void {
    this.#after(this.#deps.delays.provisioningMs, async () => {
      this.#address = await this.#deps.addresses.reserve();
      await mkdir(this.#directory, { mode: 0o700, recursive: true });
      if (this.#stopping) {
        return;
      }
      this.#change({ host: this.#address.address, lastStatus: "PENDING" });
      this.#after(this.#deps.delays.pendingMs, () => this.#run());
    });
  }

  /** Stops the task: SIGTERM, and SIGKILL for what is left after each container's stop timeout. A second call changes nothing. */
  stop(stopCode: StopCode, stoppedReason: string): void {
    if (this.#stopping) {
      return;
    }
    this.#stopping = true;
    this.#change({
      desiredStatus: "STOPPED",
      lastStatus: this.#processes.size > 0 ? "STOPPING" : "DEPROVISIONING",
      stoppingAt: this.#deps.clock.now(),
      stopCode,
      stoppedReason,
    });
    for (const [container, child] of this.#processes) {
      child.signal("SIGTERM");
      const seconds = container.definition.stopTimeout ?? stopTimeoutDefaultSeconds;
      this.#deps.clock.after(seconds * 1000, () => this.#processes.get(container)?.kill());
    }
    this.#finishWhenEmpty();
  }

  /** Stops the task without asking and without delay. */
  kill(stoppedReason: string): void {
    this.#atOnce = true;
    this.stop("UserInitiated", stoppedReason);
    this.#lastStep?.();
    for (const child of this.#processes.values()) {
      child.kill();
    }
  }

  /** Sends a signal to a container's process, as something outside of ECS's control might. */
  signal(signal: NodeJS.Signals, containerName?: string): boolean {
    return [...this.#processes]
      .filter(([container]) => containerName === undefined || container.definition.name === containerName)
      .map(([, child]) => child.signal(signal))
      .some(Boolean);
  }

  get #directory(): string {
    return join(this.#deps.storageDirectory, this.task.taskID);
  }

  #run(): void {
    const problem = this.#deps.startProblem(this.task);
    if (problem !== undefined) {
      throw new Error(problem);
    }
    for (const container of this.task.containers) {
      this.#startContainer(container);
    }
    this.#change({ lastStatus: "RUNNING", startedAt: this.#deps.clock.now() });
  }

  #startContainer(container: ContainerRecord): void {
    const { definition } = container;
    const command = this.#deps.command(definition.image, definition.name, definition);
    const secrets = Object.fromEntries(
      (definition.secrets ?? []).map((secret) => [secret.name, this.#deps.secret(this.task, secret.valueFrom)]),
    );
    const environment = containerEnvironment(definition.environment, {
      task: this.task,
      containerName: definition.name,
      host: this.#address?.address ?? "",
      sandboxURL: this.#deps.url(),
      program: command.file,
      secrets,
    });
    const startedAt = this.#deps.clock.monotonicMs();
    const child = startProcess(
      command,
      { directory: this.#directory, environment },
      {
        onOutput: (stream, text) => this.#output(`${definition.name} ${stream}`, text),
        onExit: (exitCode) => this.#exited(container, exitCode, this.#deps.clock.monotonicMs() - startedAt),
      },
      this.#deps.reaper,
    );
    this.#processes.set(container, child);
    Object.assign(container, { pid: child.pid, lastStatus: "RUNNING", health: "UNKNOWN" });
    this.#startAgent(container);
    this.#startHealth(container, environment);
  }

  #startHealth(container: ContainerRecord, environment: Record<string, string>): void {
    const { healthCheck } = container.definition;
    if (healthCheck === undefined) {
      return;
    }
    const over = new AbortController();
    this.#health.set(container, over);
    const place = { directory: this.#directory, environment };
    checkHealth(healthCheck, place, this.#deps.clock, over.signal, () => {
      container.health = "HEALTHY";
      over.abort();
      this.#change({});
    });
    this.#deps.clock.after(this.#deps.delays.healthyWithinMs, () => {
      if (!over.signal.aborted) {
        container.health = "UNHEALTHY";
        this.stop("EssentialContainerExited", "Task failed container health checks");
      }
    });
  }

  #startAgent(container: ContainerRecord): void {
    if (!this.task.enableExecuteCommand) {
      return;
    }
    container.agent = "PENDING";
    const { pid } = container;
    this.#deps.clock.after(this.#deps.delays.agentMs, () => {
      if (container.pid === pid && container.agent === "PENDING") {
        Object.assign(container, { agent: "RUNNING", agentStartedAt: this.#deps.clock.now() });
        this.#change({});
      }
    });
  }

  #output(streamName: string, text: string): void {
    for (const line of this.log.add(streamName, text)) {
      this.#deps.log.debug("task output", { stream: streamName, line });
    }
    this.#deps.onOutput();
  }

  #exited(container: ContainerRecord, exitCode: number, ranMs: number): void {
    this.#processes.delete(container);
    this.#health.get(container)?.abort();
    const hadAgent = container.agent !== undefined;
    Object.assign(container, { pid: undefined, lastStatus: "STOPPED", exitCode });
    if (hadAgent) {
      container.agent = "STOPPED";
      this.#deps.onAgentGone(this.task, container);
    }
    this.#deps.log.info("container exited", { container: container.definition.name, exitCode });
    if (this.#stopping) {
      this.#change({});
      this.#finishWhenEmpty();
    } else if (this.#mayRestart(container, exitCode)) {
      this.#change({});
      this.#restart(container, ranMs);
    } else if (container.definition.essential) {
      this.stop("EssentialContainerExited", "Essential container in task exited");
    } else {
      this.#change({});
    }
  }

  #mayRestart(container: ContainerRecord, exitCode: number): boolean {
    const policy = container.definition.restartPolicy;
    return policy?.enabled === true && policy.ignoredExitCodes?.includes(exitCode) !== true;
  }

  /** In place: the task, its address and its storage stay. */
  #restart(container: ContainerRecord, ranMs: number): void {
    container.restartCount += 1;
    const pauseMs =
      ranMs >= steadyAfterMs
        ? 0
        : Math.min(restartPauseMs.first * 2 ** Math.min(container.restartCount - 1, 10), restartPauseMs.longest);
    this.#after(pauseMs, () => {
      this.#startContainer(container);
      this.#change({});
    });
  }

  #finishWhenEmpty(): void {
    if (this.#processes.size > 0) {
      return;
    }
    this.#change({ lastStatus: "DEPROVISIONING" });
    const done = (): void => {
      this.#lastStep = undefined;
      this.#change({ lastStatus: "STOPPED", stoppedAt: this.#deps.clock.now() });
      this.#ended();
    };
    const wiped = this.#starting
      .then(() => rm(this.#directory, { recursive: true, force: true }))
      .catch((error: unknown) => this.#deps.log.error("cannot wipe the task's storage", { error }));
    void wiped.then(() => {
      this.#address?.release();
      if (this.#atOnce) {
        done();
      } else {
        this.#lastStep = done;
        this.#deps.clock.after(this.#deps.delays.deprovisioningMs, () => this.#lastStep?.());
      }
    });
  }

  /** Runs a step of the start later, unless the task is stopped meanwhile; a step that fails ends the task. */
  #after(delayMs: number, step: () => Promise<void> | void): void {
    this.#deps.clock.after(delayMs, () => {
      if (this.#stopping) {
        return;
      }
      this.#starting = (async () => step())().catch((error: unknown) => {
        const { message } = coerceError(error);
        this.#deps.log.warn("task failed to start", { reason: message });
        this.stop("TaskFailedToStart", message);
      });
    });
  }

  #change(members: Partial<TaskRecord>): void {
    Object.assign(this.task, members);
    this.task.version += 1;
    this.#deps.onChange(this.task);
  }
}
