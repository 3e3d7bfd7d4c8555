import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "#lib/clock.ts";
import type { Log } from "#lib/log.ts";
import type { Authorize } from "../authorize.ts";
import { hex } from "../ids.ts";
import type { Random } from "../ids.ts";
import type { Call } from "../service.ts";
import { createWatch } from "../watch.ts";
import { LoopbackAddresses } from "./loopback.ts";
import { emptyAccount } from "./model.ts";
import type {
  AccountState,
  ContainerRecord,
  Deployment,
  EcsServiceRecord,
  TaskDefinition,
  TaskRecord,
} from "./model.ts";
import type { Tag } from "./model.ts";
import { mergeTags } from "./input.ts";
import { ecsARN } from "./names.ts";
import type { ChooseCommand, EcsDelays } from "./options.ts";
import { startReaper } from "./reaper.ts";
import type { Reaper } from "./reaper.ts";
import { ServiceScheduler } from "./service-scheduler.ts";
import { TaskRunner } from "./task-runner.ts";
import type { RunnerDeps } from "./task-runner.ts";

/** What the engine needs from the sandbox. */
export interface EngineDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly authorize: Authorize;
  readonly delays: EcsDelays;
  readonly command: ChooseCommand;
  readonly url: () => string;
  readonly startProblem: RunnerDeps["startProblem"];
  readonly secret: RunnerDeps["secret"];
}

/** What a new task is made of. */
export interface NewTask {
  readonly clusterName: string;
  readonly definition: TaskDefinition;
  readonly service?: EcsServiceRecord;
  readonly deployment?: Deployment;
  readonly enableExecuteCommand: boolean;
  readonly tags: readonly Tag[];
  readonly startedBy?: string;
  readonly group?: string;
}

/** How long a stopped task is shown, in ms; AWS: about an hour. */
const stoppedShownMs = 3_600_000;

/** The state of ECS in all accounts and what moves it: runners of tasks and the service scheduler. */
export class Engine {
  readonly clock: Clock;
  readonly random: Random;
  readonly authorize: Authorize;
  readonly scheduler: ServiceScheduler;
  /** Told of every change of a task and of every output. */
  readonly watch = createWatch();
  readonly #deps: EngineDeps;
  readonly #accounts = new Map<string, AccountState>();
  /** By task ARN; those of stopped tasks too, for their logs. */
  readonly #runners = new Map<string, TaskRunner>();
  readonly #addresses = new LoopbackAddresses();
  readonly #agentGone: ((task: TaskRecord, container: ContainerRecord) => void)[] = [];
  #storage: { directory: string; reaper: Reaper } | undefined;
  #stopped = false;

  constructor(deps: EngineDeps) {
    this.#deps = deps;
    this.clock = deps.clock;
    this.random = deps.random;
    this.authorize = deps.authorize;
    this.scheduler = new ServiceScheduler(this);
  }

  /** The caller's account in the call's region; made when first asked for. */
  account(call: Call): AccountState {
    const accountID = call.caller?.accountID ?? "";
    const key = `${accountID}/${call.region}`;
    const account = this.#accounts.get(key) ?? emptyAccount(accountID, call.region);
    this.#accounts.set(key, account);
    return account;
  }

  /** Every account that has been asked for. */
  accounts(): AccountState[] {
    return [...this.#accounts.values()];
  }

  /** The runner of a task; undefined for a task that is long gone. */
  runner(taskARN: string): TaskRunner | undefined {
    return this.#runners.get(taskARN);
  }

  /** Calls `listener` when the agent of a container has gone. */
  onAgentGone(listener: (task: TaskRecord, container: ContainerRecord) => void): void {
    this.#agentGone.push(listener);
  }

  /** Makes a task and starts it. */
  startTask(account: AccountState, wanted: NewTask): TaskRecord {
    const task = this.#newTask(account, wanted);
    account.tasks.set(task.arn, task);
    const storage = this.#ensureStorage();
    const runner = new TaskRunner(task, {
      ...this.#deps,
      addresses: this.#addresses,
      reaper: storage.reaper,
      storageDirectory: storage.directory,
      onOutput: () => this.watch.notify(),
      onChange: () => this.#changed(account, task),
      onAgentGone: (_task, container) => {
        for (const listener of this.#agentGone) {
          listener(task, container);
        }
      },
    });
    this.#runners.set(task.arn, runner);
    runner.start();
    return task;
  }

  /** Kills every task and waits until nothing is left of them. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const runners = [...this.#runners.values()];
    for (const runner of runners) {
      runner.kill("The sandbox stops");
    }
    await Promise.all(runners.map((runner) => runner.ended));
    await this.#storage?.reaper.close();
  }

  /** Whether `stop` was called: then nothing is started any more. */
  get stopped(): boolean {
    return this.#stopped;
  }

  #changed(account: AccountState, task: TaskRecord): void {
    if (task.lastStatus === "STOPPED") {
      this.clock.after(stoppedShownMs, () => {
        account.tasks.delete(task.arn);
        this.#runners.delete(task.arn);
      });
    }
    const service = account.services.get(`${task.clusterName}/${task.serviceName ?? ""}`);
    if (service !== undefined && !this.#stopped) {
      this.scheduler.taskChanged(account, service, task);
    }
    this.watch.notify();
  }

  /** Made with the first task, so that a sandbox without tasks has neither directory nor reaper. */
  #ensureStorage(): { directory: string; reaper: Reaper } {
    if (this.#storage === undefined) {
      // mkdtemp makes it with mode 0700.
      const directory = mkdtempSync(join(tmpdir(), "sallyport-sandbox-"));
      this.#storage = { directory, reaper: startReaper(directory) };
    }
    return this.#storage;
  }

  #newTask(account: AccountState, wanted: NewTask): TaskRecord {
    const taskID = hex(this.random, 16);
    const { service, deployment, definition, clusterName } = wanted;
    return {
      arn: ecsARN(account, `task/${clusterName}/${taskID}`),
      taskID,
      accountID: account.accountID,
      region: account.region,
      clusterName,
      definition,
      group: service === undefined ? (wanted.group ?? `family:${definition.family}`) : `service:${service.name}`,
      serviceName: service?.name,
      deploymentID: deployment?.id,
      startedBy: deployment?.id ?? wanted.startedBy,
      enableExecuteCommand: wanted.enableExecuteCommand,
      tags: service === undefined ? wanted.tags : mergeTags(wanted.tags, propagatedTags(service, definition)),
      lastStatus: "PROVISIONING",
      desiredStatus: "RUNNING",
      createdAt: this.clock.now(),
      startedAt: undefined,
      stoppingAt: undefined,
      stoppedAt: undefined,
      stopCode: undefined,
      stoppedReason: undefined,
      protectedUntil: undefined,
      containers: definition.containers.map((container) => ({
        definition: container,
        arn: ecsARN(account, `container/${clusterName}/${taskID}/${hex(this.random, 16)}`),
        runtimeID: `${taskID}-${String(Buffer.from(this.random(4)).readUInt32BE()).padStart(10, "0")}`,
        lastStatus: "PENDING",
        exitCode: undefined,
        reason: undefined,
        agent: wanted.enableExecuteCommand ? "PENDING" : undefined,
        agentStartedAt: undefined,
        health: "UNKNOWN",
        pid: undefined,
        restartCount: 0,
      })),
      host: undefined,
      secretID: hex(this.random, 24),
      version: 1,
    };
  }
}

/** Tags that a service's task gets besides its own (ECS Developer Guide, "Tagging Amazon ECS resources"). */
function propagatedTags(service: EcsServiceRecord, definition: TaskDefinition): Tag[] {
  const managed = [
    { key: "aws:ecs:clusterName", value: service.clusterName },
    { key: "aws:ecs:serviceName", value: service.name },
  ];
  const propagated =
    service.propagateTags === "SERVICE"
      ? service.tags
      : service.propagateTags === "TASK_DEFINITION"
        ? definition.tags
        : [];
  return [...(service.enableECSManagedTags ? managed : []), ...propagated];
}
