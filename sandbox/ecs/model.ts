import type { EpochMs } from "#lib/clock.ts";

/** Key and value of a tag, in the API's own spelling. */
export interface Tag {
  readonly key: string;
  readonly value: string;
}

/** A container of a task definition: what the sandbox acts on. Other members are kept and given back as they came. */
export interface ContainerDefinition {
  readonly name: string;
  readonly image: string;
  readonly essential: boolean;
  readonly environment: readonly { readonly name: string; readonly value: string }[];
  readonly secrets?: readonly { readonly name: string; readonly valueFrom: string }[];
  readonly command?: readonly string[];
  /** Seconds between SIGTERM and SIGKILL; absent: 30. */
  readonly stopTimeout?: number;
  readonly healthCheck?: { readonly command: readonly string[] };
  readonly restartPolicy?: { readonly enabled: boolean; readonly ignoredExitCodes?: readonly number[] };
}

/** A registered revision of a family. */
export interface TaskDefinition {
  readonly arn: string;
  readonly family: string;
  readonly revision: number;
  status: "ACTIVE" | "INACTIVE";
  readonly networkMode: string;
  readonly taskRoleARN: string | undefined;
  readonly executionRoleARN: string | undefined;
  readonly containers: readonly ContainerDefinition[];
  readonly tags: readonly Tag[];
  /** The whole `taskDefinition` member as the API shows it, but for its status. */
  readonly shape: Readonly<Record<string, unknown>>;
}

export interface Cluster {
  readonly arn: string;
  readonly name: string;
  tags: readonly Tag[];
}

/** One rollout of a service. The first of a service's list is the primary one. */
export interface Deployment {
  readonly id: string;
  readonly definition: TaskDefinition;
  readonly createdAt: EpochMs;
  updatedAt: EpochMs;
  rolloutState: "IN_PROGRESS" | "COMPLETED" | "FAILED";
  /** Whether it ever reached a steady state: a rollback goes to the newest that did. */
  wasSteady: boolean;
  /** Tasks that stopped before they had run for a while, one after another; a task that holds out resets it. */
  failedTasks: number;
}

/** A service: keeps a number of tasks of one task definition running. */
export interface EcsServiceRecord {
  readonly arn: string;
  readonly name: string;
  readonly accountID: string;
  readonly clusterName: string;
  status: "ACTIVE" | "DRAINING" | "INACTIVE";
  desiredCount: number;
  minimumHealthyPercent: number;
  maximumPercent: number;
  enableExecuteCommand: boolean;
  /** Ends a deployment whose tasks keep failing; with `rollback`, goes back to the last one that was steady. */
  circuitBreaker: { readonly enable: boolean; readonly rollback: boolean };
  propagateTags: "SERVICE" | "TASK_DEFINITION" | "NONE";
  readonly enableECSManagedTags: boolean;
  tags: readonly Tag[];
  deployments: Deployment[];
  /** Newest first, at most a hundred, as the API shows them. */
  events: { readonly id: string; readonly createdAt: EpochMs; readonly message: string }[];
  readonly createdAt: EpochMs;
  /** Members that are shown as they were set: network configuration, launch type and the like. */
  shown: Readonly<Record<string, unknown>>;
  /** Before this moment no task is started: back-off after tasks that fail at once. */
  notBefore: EpochMs;
}

/** Task states in the order in which a task passes through them. */
export type TaskStatus =
  | "PROVISIONING"
  | "PENDING"
  | "RUNNING"
  | "DEACTIVATING"
  | "STOPPING"
  | "DEPROVISIONING"
  | "STOPPED";

/** Why a task stopped, as the API names it. */
export type StopCode = "TaskFailedToStart" | "EssentialContainerExited" | "UserInitiated" | "ServiceSchedulerInitiated";

/** A container of a task. */
export interface ContainerRecord {
  readonly definition: ContainerDefinition;
  readonly arn: string;
  /** `<taskId>-<10 digits>`, as on Fargate. */
  readonly runtimeID: string;
  lastStatus: "PENDING" | "RUNNING" | "STOPPED";
  exitCode: number | undefined;
  reason: string | undefined;
  /** The agent behind ECS Exec and Session Manager; undefined when the task was started without it. */
  agent: "PENDING" | "RUNNING" | "STOPPED" | undefined;
  agentStartedAt: EpochMs | undefined;
  /** `UNKNOWN` until its health check has succeeded once, and without one. */
  health: "UNKNOWN" | "HEALTHY" | "UNHEALTHY";
  /** Process ID of the container's process; undefined while none runs. */
  pid: number | undefined;
  /** How often the restart policy has started the process again. */
  restartCount: number;
}

/** A task. */
export interface TaskRecord {
  readonly arn: string;
  /** 32 hexadecimal digits. */
  readonly taskID: string;
  readonly accountID: string;
  readonly region: string;
  readonly clusterName: string;
  readonly definition: TaskDefinition;
  /** `service:<name>` or `family:<name>`. */
  readonly group: string;
  readonly serviceName: string | undefined;
  /** Of the service: the deployment it belongs to. */
  readonly deploymentID: string | undefined;
  readonly startedBy: string | undefined;
  readonly enableExecuteCommand: boolean;
  tags: readonly Tag[];
  lastStatus: TaskStatus;
  desiredStatus: "RUNNING" | "STOPPED";
  readonly createdAt: EpochMs;
  startedAt: EpochMs | undefined;
  stoppingAt: EpochMs | undefined;
  stoppedAt: EpochMs | undefined;
  stopCode: StopCode | undefined;
  stoppedReason: string | undefined;
  /** Until when a scale-in or deployment leaves it alone; undefined: not protected. */
  protectedUntil: EpochMs | undefined;
  readonly containers: readonly ContainerRecord[];
  /** Its loopback address, once it has one. */
  host: string | undefined;
  /** Part of the addresses by which its processes, and nobody else, get credentials and metadata. */
  readonly secretID: string;
  /** Grows with each change, as the API shows it. */
  version: number;
}

/** All that one account has in one region. */
export interface AccountState {
  readonly accountID: string;
  readonly region: string;
  /** By family, revisions in order from 1. */
  readonly families: Map<string, TaskDefinition[]>;
  /** By name. */
  readonly clusters: Map<string, Cluster>;
  /** By `<cluster>/<name>`. */
  readonly services: Map<string, EcsServiceRecord>;
  /** By ARN, in the order in which they were made. */
  readonly tasks: Map<string, TaskRecord>;
}

/** An account in which nothing has been made. */
export function emptyAccount(accountID: string, region: string): AccountState {
  return {
    accountID,
    region,
    families: new Map(),
    clusters: new Map(),
    services: new Map(),
    tasks: new Map(),
  };
}

/** Whether a task counts as running in a deployment: its containers run, and those with a health check are healthy. */
export function isUp(task: TaskRecord): boolean {
  return task.lastStatus === "RUNNING" && isHealthy(task);
}

/** Whether every container that has a health check is healthy, or was when it ended. */
export function isHealthy(task: TaskRecord): boolean {
  return task.containers.every(
    ({ definition, health }) => definition.healthCheck === undefined || health === "HEALTHY",
  );
}

/** Whether scale-in and deployments must leave the task alone at `now`. */
export function isProtected(task: TaskRecord, now: EpochMs): boolean {
  return task.protectedUntil !== undefined && task.protectedUntil > now;
}
