import type {
  ContainerDefinition,
  RegisterTaskDefinitionCommandInput,
  TaskDefinition as Described,
} from "@aws-sdk/client-ecs";
import { canonicalJson } from "#kinds/index.ts";
import type { DefinitionView, TaskDefinition } from "./ecs-port.ts";
import { fromEcsTags, toEcsTags } from "./ecs-tags.ts";

/**
 * A container that exits within this many seconds of its start is not restarted in place. The least that ECS takes; its own
 * default of 300 would turn a crash in the first minutes into the loss of the task and its spool.
 */
const restartAttemptPeriodSeconds = 60;

/**
 * Asks the proxy's health socket, in its working directory, whether it was ever linked to its controller. Until then the task
 * counts as starting, so that a deployment whose tasks come up and cannot work is not taken for done and is undone. After its
 * first link a proxy stays healthy: it enforces what it knows while the controller is away. Plain Node, since a health check
 * every ten seconds must not load the whole program.
 */
const healthScript =
  "require('net').connect('health.sock').on('error',()=>process.exit(1))" +
  ".on('data',(line)=>process.exit(JSON.parse(line).ready?0:1))";

/** Seconds, within the bounds of ECS (HealthCheck): a task has the longest start period, five minutes, to link. */
const healthCheck = {
  command: ["CMD", "node", "-e", healthScript],
  interval: 10,
  timeout: 5,
  retries: 3,
  startPeriod: 300,
};

const command = ["proxy"];
const networkMode = "awsvpc" as const;
const compatibility = "FARGATE" as const;

/** What is sent to ECS for a definition. */
export function registrationOf(definition: TaskDefinition): RegisterTaskDefinitionCommandInput {
  const { log } = definition;
  return {
    family: definition.family,
    networkMode,
    requiresCompatibilities: [compatibility],
    cpu: definition.cpu,
    memory: definition.memory,
    taskRoleArn: definition.taskRoleARN,
    executionRoleArn: definition.executionRoleARN,
    containerDefinitions: [
      {
        name: definition.containerName,
        image: definition.image,
        command,
        essential: true,
        environment: Object.entries(definition.environment).map(([name, value]) => ({ name, value })),
        // The processes that execute-command starts need an init to reap them (ECS developer guide, "ECS Exec").
        linuxParameters: { initProcessEnabled: true },
        stopTimeout: definition.stopTimeoutSeconds,
        healthCheck,
        ...(definition.restartContainer
          ? { restartPolicy: { enabled: true, restartAttemptPeriod: restartAttemptPeriodSeconds } }
          : {}),
        ...(log === undefined ? {} : { logConfiguration: logConfigurationOf(log, definition.family) }),
      },
    ],
    tags: toEcsTags(definition.tags),
  };
}

/** Reads a definition back by its effect. Members that ECS fills in by itself are left out. Undefined for an answer without one. */
export function definitionView(
  described: Described | undefined,
  tags: Parameters<typeof fromEcsTags>[0],
): DefinitionView | undefined {
  if (described?.taskDefinitionArn === undefined) {
    return undefined;
  }
  const [container, ...others] = described.containerDefinitions ?? [];
  const log = logOf(container);
  const family = described.family ?? "";
  return {
    arn: described.taskDefinitionArn,
    definition: {
      family,
      containerName: container?.name ?? "",
      image: container?.image ?? "",
      cpu: described.cpu ?? "",
      memory: described.memory ?? "",
      taskRoleARN: described.taskRoleArn ?? "",
      executionRoleARN: described.executionRoleArn ?? "",
      environment: Object.fromEntries((container?.environment ?? []).map(({ name = "", value = "" }) => [name, value])),
      restartContainer: container?.restartPolicy?.enabled === true,
      stopTimeoutSeconds: container?.stopTimeout ?? 0,
      ...(log === undefined ? {} : { log }),
      tags: fromEcsTags(tags),
    },
    foreign: [
      ...(others.length === 0 ? [] : ["containerDefinitions"]),
      ...unusual(described, taskMembers),
      ...unusual(container ?? {}, containerMembers),
      ...(isSame(container?.logConfiguration, log === undefined ? undefined : logConfigurationOf(log, family))
        ? []
        : ["logConfiguration"]),
      ...(described.networkMode === networkMode ? [] : ["networkMode"]),
      ...(described.requiresCompatibilities?.includes(compatibility) === true ? [] : ["requiresCompatibilities"]),
      ...(isSame(container?.command, command) ? [] : ["command"]),
      ...(isSame(container?.healthCheck, healthCheck) ? [] : ["healthCheck"]),
      ...(container?.linuxParameters?.initProcessEnabled === true ? [] : ["linuxParameters"]),
    ],
  };
}

/**
 * Members that Sallyport never sets and that change what runs or what it may do. A list of what to look at, and not of what to
 * pass over: a member that ECS begins to fill in tomorrow must not make every definition look foreign.
 */
const taskMembers = ["volumes", "pidMode", "ipcMode", "proxyConfiguration", "ephemeralStorage"] as const;
const containerMembers = [
  "entryPoint",
  "secrets",
  "environmentFiles",
  "mountPoints",
  "volumesFrom",
  "user",
  "workingDirectory",
  "privileged",
  "readonlyRootFilesystem",
  "dependsOn",
  "repositoryCredentials",
] as const;

function unusual<T extends object>(value: T, members: readonly (keyof T & string)[]): string[] {
  return members.filter((member) => {
    const found = value[member];
    return found !== undefined && found !== null && found !== false && !(Array.isArray(found) && found.length === 0);
  });
}

function logConfigurationOf(log: NonNullable<TaskDefinition["log"]>, family: string) {
  return {
    logDriver: "awslogs" as const,
    options: { "awslogs-group": log.group, "awslogs-region": log.region, "awslogs-stream-prefix": family },
  };
}

function logOf(container: ContainerDefinition | undefined): TaskDefinition["log"] {
  const { "awslogs-group": group, "awslogs-region": region } = container?.logConfiguration?.options ?? {};
  return group === undefined || region === undefined ? undefined : { group, region };
}

/** Absent and undefined members count as the same. */
function isSame(one: unknown, other: unknown): boolean {
  const text = (value: unknown): string | undefined =>
    value === undefined ? undefined : canonicalJson(JSON.parse(JSON.stringify(value)) as object);
  return text(one) === text(other);
}
