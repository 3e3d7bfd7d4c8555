import {
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  type DesiredStatus,
  type ECSClient,
  type Task,
} from "@aws-sdk/client-ecs";
import { definitionView, registrationOf } from "./ecs-definition.ts";
import type { EcsPort, StoppedTask, TaskView } from "./ecs-port.ts";
import { serviceCalls } from "./ecs-service.ts";
import { fromEcsTags } from "./ecs-tags.ts";
import { callAws, callAwsOptional, isFailure, malformedAnswer } from "./errors.ts";
import { pages } from "./paging.ts";

/** DescribeTasks takes at most this many tasks (ECS API reference). */
const describeTasksMax = 100;

/** The ECS calls of the account port. */
export function ecsCalls(client: ECSClient): EcsPort {
  return { ...serviceCalls(client), ...taskCalls(client), ...definitionCalls(client) };
}

function taskCalls(client: ECSClient): Pick<EcsPort, "listTasks" | "listStoppedTasks"> {
  const list = async (cluster: string, serviceName: string, desiredStatus: DesiredStatus): Promise<Task[]> => {
    const arns = await pages(async (token) => {
      const nextToken = token.NextToken === undefined ? {} : { nextToken: token.NextToken };
      const answer = await callAwsOptional("ecs:ListTasks", () =>
        client.send(new ListTasksCommand({ cluster, serviceName, desiredStatus, ...nextToken })),
      );
      return { items: answer?.taskArns ?? [], next: answer?.nextToken };
    });
    const tasks: Task[] = [];
    for (let from = 0; from < arns.length; from += describeTasksMax) {
      const some = arns.slice(from, from + describeTasksMax);
      const answer = await callAws("ecs:DescribeTasks", () =>
        client.send(new DescribeTasksCommand({ cluster, tasks: some, include: ["TAGS"] })),
      );
      tasks.push(...(answer.tasks ?? []));
    }
    return tasks;
  };
  return {
    listTasks: async (cluster, serviceName, containerName) =>
      (await list(cluster, serviceName, "RUNNING")).flatMap((task) => taskView(task, containerName)),
    listStoppedTasks: async (cluster, serviceName, containerName) =>
      (await list(cluster, serviceName, "STOPPED")).flatMap((task) => stoppedTask(task, containerName)),
  };
}

function definitionCalls(client: ECSClient): Pick<EcsPort, "registerTaskDefinition" | "getTaskDefinition"> {
  return {
    async registerTaskDefinition(definition) {
      const answer = await callAws("ecs:RegisterTaskDefinition", () =>
        client.send(new RegisterTaskDefinitionCommand(registrationOf(definition))),
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
        return definitionView(answer.taskDefinition, answer.tags);
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
      // A service's tasks name the deployment that started them (ECS API reference, Task).
      ...(task.startedBy === undefined ? {} : { deploymentID: task.startedBy }),
      tags: fromEcsTags(task.tags),
      executeCommand: task.enableExecuteCommand === true,
    },
  ];
}

function stoppedTask(task: Task, containerName: string): StoppedTask[] {
  if (task.taskArn === undefined) {
    return [];
  }
  const container = task.containers?.find((other) => other.name === containerName);
  const { reason, exitCode } = container ?? {};
  const parts = [task.stoppedReason ?? "", reason ?? "", exitCode === undefined ? "" : `exit code ${exitCode}`].filter(
    (part) => part !== "",
  );
  return [
    { taskARN: task.taskArn, taskDefinitionARN: task.taskDefinitionArn ?? "", reason: [...new Set(parts)].join("; ") },
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
