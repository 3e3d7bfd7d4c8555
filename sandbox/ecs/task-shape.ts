import type { AccountState, ContainerRecord, TaskRecord } from "./model.ts";
import { ecsARN } from "./names.ts";

const agentName = "ExecuteCommandAgent";

/** A task as DescribeTasks shows it. Timestamps are epoch seconds, as AWS JSON 1.1 writes them. */
export function taskShape(account: AccountState, task: TaskRecord, withTags: boolean): unknown {
  const { definition } = task;
  return {
    taskArn: task.arn,
    clusterArn: ecsARN(account, `cluster/${task.clusterName}`),
    taskDefinitionArn: definition.arn,
    group: task.group,
    lastStatus: task.lastStatus,
    desiredStatus: task.desiredStatus,
    connectivity: task.lastStatus === "RUNNING" ? "CONNECTED" : "DISCONNECTED",
    healthStatus: task.containers.every(({ health }) => health === "HEALTHY") ? "HEALTHY" : "UNKNOWN",
    launchType: "FARGATE",
    platformVersion: "1.4.0",
    platformFamily: "Linux",
    availabilityZone: `${task.region}a`,
    cpu: definition.shape["cpu"] ?? "256",
    memory: definition.shape["memory"] ?? "512",
    enableExecuteCommand: task.enableExecuteCommand,
    attachments: [],
    attributes: [{ name: "ecs.cpu-architecture", value: "x86_64" }],
    overrides: {
      containerOverrides: definition.containers.map(({ name }) => ({ name })),
      inferenceAcceleratorOverrides: [],
    },
    containers: task.containers.map((container) => containerShape(task, container)),
    version: task.version,
    createdAt: task.createdAt / 1000,
    ...seconds("startedAt", task.startedAt),
    ...seconds("stoppingAt", task.stoppingAt),
    ...seconds("stoppedAt", task.stoppedAt),
    ...(task.startedBy === undefined ? {} : { startedBy: task.startedBy }),
    ...(task.stopCode === undefined ? {} : { stopCode: task.stopCode }),
    ...(task.stoppedReason === undefined ? {} : { stoppedReason: task.stoppedReason }),
    tags: withTags ? task.tags : [],
  };
}

function containerShape(task: TaskRecord, container: ContainerRecord): unknown {
  const { definition } = container;
  return {
    containerArn: container.arn,
    taskArn: task.arn,
    name: definition.name,
    image: definition.image,
    runtimeId: container.runtimeID,
    lastStatus: container.lastStatus,
    networkBindings: [],
    networkInterfaces: task.host === undefined ? [] : [{ privateIpv4Address: task.host }],
    healthStatus: container.health,
    cpu: "0",
    ...(container.exitCode === undefined ? {} : { exitCode: container.exitCode }),
    ...(container.reason === undefined ? {} : { reason: container.reason }),
    ...(container.agent === undefined
      ? {}
      : {
          managedAgents: [
            { name: agentName, lastStatus: container.agent, ...seconds("lastStartedAt", container.agentStartedAt) },
          ],
        }),
  };
}

function seconds(name: string, at: number | undefined): Record<string, number> {
  return at === undefined ? {} : { [name]: at / 1000 };
}
