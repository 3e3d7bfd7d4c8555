import type { EpochMs } from "#lib/clock.ts";

/** ECS in one account and region. Every method rejects with an `AwsFailure` only. */
export interface EcsPort {
  /** ecs:DescribeServices; undefined when missing or no longer ACTIVE. */
  getService(cluster: string, service: string): Promise<ServiceView | undefined>;
  /** ecs:ListTasks and ecs:DescribeTasks: those that run or are to run. */
  listTasks(cluster: string, service: string, containerName: string): Promise<readonly TaskView[]>;
  /** ecs:ListTasks and ecs:DescribeTasks: those that stopped within about the last hour, which is as long as ECS shows them. */
  listStoppedTasks(cluster: string, service: string, containerName: string): Promise<readonly StoppedTask[]>;
  /** ecs:RegisterTaskDefinition; the new revision's ARN. */
  registerTaskDefinition(definition: TaskDefinition): Promise<string>;
  /** ecs:DescribeTaskDefinition with tags, newest active revision of the family; undefined when there is none. */
  getTaskDefinition(familyOrARN: string): Promise<DefinitionView | undefined>;
  /** ecs:CreateService. */
  createService(service: ServiceSpec): Promise<void>;
  /** ecs:UpdateService: everything that createService sets but the tags. */
  updateService(service: ServiceUpdate): Promise<void>;
  /** ecs:DeleteService with force; done as well when it is already gone. */
  deleteService(cluster: string, service: string): Promise<void>;
}

/** One running or starting task of the proxy's service. */
export interface TaskView {
  readonly taskARN: string;
  readonly taskDefinitionARN: string;
  readonly lastStatus: string;
  /** `ecs:<cluster>_<task>_<runtime>` once the container has a runtime id and its ExecuteCommandAgent runs; else undefined. */
  readonly target?: string;
  /** Deployment that started it. */
  readonly deploymentID?: string;
  readonly tags?: Readonly<Record<string, string>>;
  /** Whether it was started with execute-command: without, Session Manager never reaches it. */
  readonly executeCommand?: boolean;
}

/** A task that is over. */
export interface StoppedTask {
  readonly taskARN: string;
  readonly taskDefinitionARN: string;
  /** Why, as ECS says; the container's own reason and exit code where it has them. */
  readonly reason: string;
}

/** A task definition as it is wanted. Everything else of it is the same for all proxies (`ecs-definition.ts`). */
export interface TaskDefinition {
  readonly family: string;
  readonly containerName: string;
  readonly image: string;
  readonly cpu: string;
  readonly memory: string;
  readonly taskRoleARN: string;
  readonly executionRoleARN: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Whether ECS restarts the container in its task when it exits, which keeps the task's storage (container restart policy). */
  readonly restartContainer: boolean;
  /** Seconds between SIGTERM and SIGKILL. */
  readonly stopTimeoutSeconds: number;
  /** Where its log goes; absent: it is not kept. */
  readonly log?: { readonly group: string; readonly region: string };
  readonly tags: Readonly<Record<string, string>>;
}

/** A registered task definition by its effect, whoever registered it. */
export interface DefinitionView {
  readonly arn: string;
  readonly definition: TaskDefinition;
  /** Names of members that are not what Sallyport always registers, such as a second container or another command. */
  readonly foreign: readonly string[];
}

/** A service as it is. */
export interface ServiceView {
  readonly arn: string;
  readonly taskDefinitionARN: string;
  readonly desiredCount: number;
  readonly runningCount: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly executeCommand: boolean;
  /** `SERVICE`, `TASK_DEFINITION` or `NONE`. */
  readonly propagateTags: string;
  readonly network: NetworkView;
  readonly rules: DeploymentRules;
  /** The primary one first. */
  readonly deployments: readonly DeploymentView[];
  /** Newest first. */
  readonly events: readonly ServiceEvent[];
}

/** Where tasks are put. */
export interface NetworkView {
  readonly subnetIDs: readonly string[];
  readonly securityGroupIDs: readonly string[];
  readonly assignPublicIP: boolean;
}

/** How a service replaces its tasks. */
export interface DeploymentRules {
  readonly minimumHealthyPercent: number;
  readonly maximumPercent: number;
  /** The circuit breaker ends a deployment whose tasks keep failing. */
  readonly breaks: boolean;
  /** And goes back to the last one that was steady. */
  readonly rollsBack: boolean;
}

/** The new task runs before the old one stops; a deployment whose tasks keep failing is ended and undone. */
export const deploymentRules: DeploymentRules = {
  minimumHealthyPercent: 100,
  maximumPercent: 200,
  breaks: true,
  rollsBack: true,
};

/** One rollout of a service. */
export interface DeploymentView {
  readonly id: string;
  readonly isPrimary: boolean;
  readonly taskDefinitionARN: string;
  readonly state: "IN_PROGRESS" | "COMPLETED" | "FAILED";
  /** ECS's own sentence. */
  readonly reason: string;
  readonly createdAt: EpochMs;
  /** Tasks that failed to start, one after the other. */
  readonly failedTasks: number;
}

/** Something that the scheduler of ECS says of a service. */
export interface ServiceEvent {
  readonly time: EpochMs;
  readonly message: string;
}

/** A service as it is wanted. Execute-command is on, tags are propagated from it, and `deploymentRules` hold. */
export interface ServiceSpec extends NetworkView {
  readonly clusterName: string;
  readonly serviceName: string;
  readonly taskDefinitionARN: string;
  readonly desiredCount: number;
  readonly tags: Readonly<Record<string, string>>;
}

/** What an update sets. */
export interface ServiceUpdate extends Omit<ServiceSpec, "tags"> {
  /** Replaces the tasks even where nothing of the service differs: what they got when they were started is wrong. */
  readonly forceNewDeployment: boolean;
}
