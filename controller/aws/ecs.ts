import {
  CreateServiceCommand,
  DeleteServiceCommand,
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  UpdateServiceCommand,
  type ECSClient,
  type Tag,
  type Task,
} from "@aws-sdk/client-ecs";
import { callAws, callAwsOptional, isFailure, malformedAnswer } from "./errors.ts";
import { pages } from "./paging.ts";
import type { AccountPort, ServiceView, TaskDefinition, TaskView } from "./ports.ts";

type EcsCalls = Pick<
  AccountPort,
  | "getService"
  | "listTasks"
  | "registerTaskDefinition"
  | "getTaskDefinition"
  | "createService"
  | "updateService"
  | "deleteService"
>;

/** DescribeTasks takes at most this many tasks (ECS API reference). */
const describeTasksMax = 100;

/**
 * A container that exits within this many seconds of its start is not restarted in place. The least that ECS takes; its own
 * default of 300 would turn a crash in the first minutes into the loss of the task and its spool.
 */
const restartAttemptPeriodSeconds = 60;

/** The ECS calls of the account port. */
export function ecsCalls(client: ECSClient): EcsCalls {
  return { ...serviceCalls(client), ...taskCalls(client) };
}

function serviceCalls(
  client: ECSClient,
): Pick<EcsCalls, "getService" | "createService" | "updateService" | "deleteService"> {
  const getService = async (cluster: string, service: string): Promise<ServiceView | undefined> => {
    const answer = await callAwsOptional("ecs:DescribeServices", () =>
      client.send(new DescribeServicesCommand({ cluster, services: [service], include: ["TAGS"] })),
    );
    const found = answer?.services?.[0];
    if (found?.serviceArn === undefined || found.status !== "ACTIVE") {
      return undefined;
    }
    return {
      arn: found.serviceArn,
      taskDefinitionARN: found.taskDefinition ?? "",
      desiredCount: found.desiredCount ?? 0,
      runningCount: found.runningCount ?? 0,
      tags: fromEcsTags(found.tags),
      executeCommand: found.enableExecuteCommand === true,
    };
  };
  return {
    getService,
    async createService(service) {
      await callAws("ecs:CreateService", () =>
        client.send(
          new CreateServiceCommand({
            cluster: service.clusterName,
            serviceName: service.serviceName,
            taskDefinition: service.taskDefinitionARN,
            desiredCount: service.desiredCount,
            launchType: "FARGATE",
            platformVersion: "LATEST",
            enableExecuteCommand: true,
            // People's permission sets are conditioned on the tag that tasks inherit from the service.
            propagateTags: "SERVICE",
            tags: toEcsTags(service.tags),
            networkConfiguration: {
              awsvpcConfiguration: {
                subnets: [...service.subnetIDs],
                securityGroups: [...service.securityGroupIDs],
                assignPublicIp: service.assignPublicIP ? "ENABLED" : "DISABLED",
              },
            },
            // The new task runs before the old one stops.
            deploymentConfiguration: { minimumHealthyPercent: 100, maximumPercent: 200 },
          }),
        ),
      );
    },
    async updateService(service) {
      const { clusterName: cluster, serviceName } = service;
      await callAws("ecs:UpdateService", () =>
        client.send(
          new UpdateServiceCommand({
            cluster,
            service: serviceName,
            taskDefinition: service.taskDefinitionARN,
            desiredCount: service.desiredCount,
            enableExecuteCommand: true,
            propagateTags: "SERVICE",
          }),
        ),
      );
    },
    async deleteService(cluster, service) {
      await callAwsOptional("ecs:DeleteService", () =>
        client.send(new DeleteServiceCommand({ cluster, service, force: true })),
      );
    },
  };
}

function taskCalls(client: ECSClient): Pick<EcsCalls, "listTasks" | "registerTaskDefinition" | "getTaskDefinition"> {
  return {
    async listTasks(cluster, serviceName, containerName) {
      const arns = await pages(async (token) => {
        const nextToken = token.NextToken === undefined ? {} : { nextToken: token.NextToken };
        const answer = await callAwsOptional("ecs:ListTasks", () =>
          client.send(new ListTasksCommand({ cluster, serviceName, ...nextToken })),
        );
        return { items: answer?.taskArns ?? [], next: answer?.nextToken };
      });
      const views: TaskView[] = [];
      for (let from = 0; from < arns.length; from += describeTasksMax) {
        const answer = await callAws("ecs:DescribeTasks", () =>
          client.send(new DescribeTasksCommand({ cluster, tasks: arns.slice(from, from + describeTasksMax) })),
        );
        views.push(...(answer.tasks ?? []).flatMap((task) => taskView(task, containerName)));
      }
      return views;
    },
    async registerTaskDefinition(definition) {
      const answer = await callAws("ecs:RegisterTaskDefinition", () =>
        client.send(new RegisterTaskDefinitionCommand(registration(definition))),
      );
      const arn = answer.taskDefinition?.taskDefinitionArn;
      if (arn === undefined) {
        throw malformedAnswer("ecs:RegisterTaskDefinition", "taskDefinitionArn");
      }
      return arn;
    },
    async getTaskDefinition(taskDefinition) {
      try {
        const answer = await callAws("ecs:DescribeTaskDefinition", () =>
          client.send(new DescribeTaskDefinitionCommand({ taskDefinition, include: ["TAGS"] })),
        );
        const arn = answer.taskDefinition?.taskDefinitionArn;
        return arn === undefined ? undefined : { arn, tags: fromEcsTags(answer.tags) };
      } catch (thrown) {
        // ECS has no not-found error here: "ClientException: Unable to describe task definition."
        if (isFailure(thrown, "not-found") || (isFailure(thrown, "invalid") && thrown.code === "ClientException")) {
          return undefined;
        }
        throw thrown;
      }
    },
  };
}

function registration(definition: TaskDefinition) {
  return {
    family: definition.family,
    networkMode: "awsvpc" as const,
    requiresCompatibilities: ["FARGATE" as const],
    cpu: definition.cpu,
    memory: definition.memory,
    taskRoleArn: definition.taskRoleARN,
    executionRoleArn: definition.executionRoleARN,
    containerDefinitions: [
      {
        name: definition.containerName,
        image: definition.image,
        command: ["proxy"],
        essential: true,
        environment: Object.entries(definition.environment).map(([name, value]) => ({ name, value })),
        // The processes that execute-command starts need an init to reap them (ECS developer guide, "ECS Exec").
        linuxParameters: { initProcessEnabled: true },
        ...(definition.restartContainer
          ? { restartPolicy: { enabled: true, restartAttemptPeriod: restartAttemptPeriodSeconds } }
          : {}),
      },
    ],
    tags: toEcsTags(definition.tags),
  };
}

function taskView(task: Task, containerName: string): TaskView[] {
  if (task.taskArn === undefined) {
    return [];
  }
  const target = targetOf(task, containerName);
  return [
    {
      taskARN: task.taskArn,
      taskDefinitionARN: task.taskDefinitionArn ?? "",
      lastStatus: task.lastStatus ?? "UNKNOWN",
      ...(target === undefined ? {} : { target }),
    },
  ];
}

/** SSM refuses sessions (TargetNotConnected) until the container's ExecuteCommandAgent runs. */
function targetOf(task: Task, containerName: string): string | undefined {
  const container = task.containers?.find((other) => other.name === containerName);
  const agent = container?.managedAgents?.find((other) => other.name === "ExecuteCommandAgent");
  const cluster = task.clusterArn?.split("/").at(-1);
  const taskID = task.taskArn?.split("/").at(-1);
  return agent?.lastStatus !== "RUNNING" || container?.runtimeId === undefined || cluster === undefined
    ? undefined
    : `ecs:${cluster}_${taskID}_${container.runtimeId}`;
}

function fromEcsTags(tags: readonly Tag[] | undefined): Record<string, string> {
  return Object.fromEntries((tags ?? []).flatMap(({ key, value }) => (key === undefined ? [] : [[key, value ?? ""]])));
}

function toEcsTags(tags: Readonly<Record<string, string>>): { key: string; value: string }[] {
  return Object.entries(tags).map(([key, value]) => ({ key, value }));
}
