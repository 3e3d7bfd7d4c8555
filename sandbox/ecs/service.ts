import type { Clock } from "#lib/clock.ts";
import type { Log } from "#lib/log.ts";
import type { Authorize } from "../authorize.ts";
import type { CredentialRegistry } from "../credentials.ts";
import type { Random } from "../ids.ts";
import type { RoleRegistry } from "../roles.ts";
import type { Answer } from "../server/answer.ts";
import type { Service } from "../service.ts";
import type { TargetDirectory } from "../ssm/target.ts";
import type { SecretRecord } from "../state.ts";
import type { Watch } from "../watch.ts";
import { clusterOperations } from "./cluster-operations.ts";
import { definitionOperations } from "./definition-operations.ts";
import { Engine } from "./engine.ts";
import { tagRecord } from "./input.ts";
import { isHealthy, isProtected, type ContainerRecord, type TaskRecord, type TaskStatus } from "./model.ts";
import { defaultEcsDelays } from "./options.ts";
import type { ChooseCommand, EcsDelays } from "./options.ts";
import { containerSecret } from "./secrets.ts";
import { serviceOperations } from "./service-operations.ts";
import { tagOperations } from "./tag-operations.ts";
import { createTaskEndpoints, type TaskRequest } from "./task-endpoints.ts";
import { taskOperations } from "./task-operations.ts";

/** What ECS needs from the sandbox. */
export interface EcsDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly authorize: Authorize;
  /** `http://127.0.0.1:<port>`, known once the server listens. */
  readonly url: () => string;
  readonly roles: RoleRegistry;
  readonly credentials: CredentialRegistry;
  /** By ARN; for `secrets` of container definitions. */
  readonly secrets: ReadonlyMap<string, SecretRecord>;
  /** What to run for a container. */
  readonly command: ChooseCommand;
  readonly delays?: Partial<EcsDelays>;
}

/** A task as tests and tools see it. */
export interface TaskView {
  readonly arn: string;
  readonly taskID: string;
  readonly accountID: string;
  readonly clusterName: string;
  readonly serviceName: string | undefined;
  readonly definitionARN: string;
  readonly lastStatus: TaskStatus;
  readonly desiredStatus: "RUNNING" | "STOPPED";
  readonly stoppedReason: string | undefined;
  readonly isHealthy: boolean;
  /** Whether scale-in and deployments leave it alone now. */
  readonly isProtected: boolean;
  /** Its loopback address, once it has one. */
  readonly host: string | undefined;
  /** Target names of its containers whose agent is connected. */
  readonly targets: readonly string[];
  /** How often restart policies have started a process again. */
  readonly restartCount: number;
  readonly tags: Readonly<Record<string, string>>;
}

/** ECS: the service, the endpoints that its tasks use, and what a test may do to tasks. */
export interface EcsService extends Service {
  /** Answers requests under `/_task/`; undefined for other paths. */
  serveTask(request: TaskRequest): Answer | undefined;
  /** Where Session Manager finds the agents of running tasks. */
  readonly targets: TargetDirectory;
  /** All tasks in the order in which they were started, those that stopped within the last hour too. */
  tasks(): TaskView[];
  /** Sends a signal to the task's processes, or to one container's. False when none runs. */
  kill(taskARN: string, signal: NodeJS.Signals, containerName?: string): boolean;
  /** Process ID of the task's first container, or of the named one; undefined while none runs. */
  pid(taskARN: string, containerName?: string): number | undefined;
  /** What the task's containers have written, the newest million characters of it. */
  logs(taskARN: string): string;
  /** Resolves with what `look` gives as soon as that is not undefined; it is asked after each change and output of a task. */
  until: Watch["until"];
  /** Kills every task, waits until nothing of them is left, and refuses to start more. */
  stop(): Promise<void>;
}

/** Builds the simulated ECS. */
export function ecsService(deps: EcsDeps): EcsService {
  const engine = new Engine({
    ...deps,
    delays: { ...defaultEcsDelays, ...deps.delays },
    startProblem: (task) => missingRole(deps.roles, task),
    secret: (_task, valueFrom) => containerSecret(deps.secrets, valueFrom),
  });
  const tasks = (): TaskRecord[] => engine.accounts().flatMap((account) => [...account.tasks.values()]);
  const container = (taskARN: string, name?: string): ContainerRecord | undefined => {
    const all = tasks().find((task) => task.arn === taskARN)?.containers ?? [];
    return name === undefined ? all[0] : all.find((one) => one.definition.name === name);
  };
  return {
    signingName: "ecs",
    protocol: "json",
    target: "AmazonEC2ContainerServiceV20141113",
    operations: {
      ...clusterOperations(engine),
      ...definitionOperations(engine),
      ...serviceOperations(engine),
      ...taskOperations(engine),
      ...tagOperations(engine),
    },
    mutating: mutatingOperations,
    serveTask: createTaskEndpoints({ ...deps, engine }),
    targets: targetDirectory(engine, tasks),
    tasks: () => tasks().map((task) => view(task, engine)),
    kill: (taskARN, signal, name) => engine.runner(taskARN)?.signal(signal, name) ?? false,
    pid: (taskARN, name) => container(taskARN, name)?.pid,
    logs: (taskARN) => engine.runner(taskARN)?.log.text ?? "",
    until: (look) => engine.watch.until(look),
    stop: () => engine.stop(),
  };
}

const mutatingOperations = [
  "CreateCluster",
  "DeleteCluster",
  "RegisterTaskDefinition",
  "DeregisterTaskDefinition",
  "CreateService",
  "UpdateService",
  "DeleteService",
  "StopTask",
  "RunTask",
  "TagResource",
  "UntagResource",
  "UpdateTaskProtection",
];

/** ECS assumes the roles itself; it finds out that one is missing when a task starts. */
function missingRole(roles: RoleRegistry, task: TaskRecord): string | undefined {
  const { taskRoleARN, executionRoleARN } = task.definition;
  const missing = [taskRoleARN, executionRoleARN].find((arn) => arn !== undefined && roles.byARN(arn) === undefined);
  return missing === undefined
    ? undefined
    : `ECS was unable to assume the role '${missing}' that was provided for this task. ` +
        "Please verify that the role being passed has the proper trust relationship and permissions.";
}

function targetName(task: TaskRecord, container: ContainerRecord): string {
  return `ecs:${task.clusterName}_${task.taskID}_${container.runtimeID}`;
}

function targetDirectory(engine: Engine, tasks: () => TaskRecord[]): TargetDirectory {
  return {
    find(accountID, name) {
      const all = tasks().filter((task) => task.accountID === accountID);
      const found = all
        .flatMap((task) => task.containers.map((container) => ({ task, container })))
        .find(({ task, container }) => targetName(task, container) === name);
      return found === undefined
        ? undefined
        : {
            name,
            resourceARN: found.task.arn,
            tags: tagRecord(found.task.tags),
            connected: found.container.agent === "RUNNING" && found.task.host !== undefined,
            host: found.task.host ?? "",
          };
    },
    onGone(listener) {
      engine.onAgentGone((task, container) => listener(task.accountID, targetName(task, container)));
    },
  };
}

function view(task: TaskRecord, engine: Engine): TaskView {
  return {
    arn: task.arn,
    taskID: task.taskID,
    accountID: task.accountID,
    clusterName: task.clusterName,
    serviceName: task.serviceName,
    definitionARN: task.definition.arn,
    lastStatus: task.lastStatus,
    desiredStatus: task.desiredStatus,
    stoppedReason: task.stoppedReason,
    isHealthy: isHealthy(task),
    isProtected: isProtected(task, engine.clock.now()),
    host: task.host,
    targets: task.containers
      .filter((container) => container.agent === "RUNNING")
      .map((container) => targetName(task, container)),
    restartCount: task.containers.reduce((sum, container) => sum + container.restartCount, 0),
    tags: tagRecord(task.tags),
  };
}
