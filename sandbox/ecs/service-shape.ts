import { assertNever } from "#lib/errors.ts";
import type { AccountState, Deployment, EcsServiceRecord, TaskRecord } from "./model.ts";
import { ecsARN } from "./names.ts";
import { tasksOf } from "./service-scheduler.ts";

/** A service as DescribeServices shows it. Timestamps are epoch seconds, as AWS JSON 1.1 writes them. */
export function serviceShape(account: AccountState, service: EcsServiceRecord, withTags: boolean): unknown {
  const tasks = tasksOf(account, service);
  const [primary] = service.deployments;
  return {
    serviceArn: service.arn,
    serviceName: service.name,
    clusterArn: ecsARN(account, `cluster/${service.clusterName}`),
    status: service.status,
    desiredCount: service.desiredCount,
    ...counts(tasks),
    taskDefinition: primary?.definition.arn,
    deploymentConfiguration: {
      deploymentCircuitBreaker: service.circuitBreaker,
      minimumHealthyPercent: service.minimumHealthyPercent,
      maximumPercent: service.maximumPercent,
    },
    deploymentController: { type: "ECS" },
    schedulingStrategy: "REPLICA",
    loadBalancers: [],
    serviceRegistries: [],
    placementConstraints: [],
    placementStrategy: [],
    launchType: "FARGATE",
    platformFamily: "Linux",
    ...service.shown,
    platformVersion: "1.4.0",
    deployments: service.deployments.map((deployment, index) =>
      deploymentShape(service, deployment, index === 0, tasks),
    ),
    events: service.events.map((event) => ({ ...event, createdAt: event.createdAt / 1000 })),
    createdAt: service.createdAt / 1000,
    propagateTags: service.propagateTags,
    enableECSManagedTags: service.enableECSManagedTags,
    enableExecuteCommand: service.enableExecuteCommand,
    availabilityZoneRebalancing: "DISABLED",
    ...(withTags ? { tags: service.tags } : {}),
  };
}

function deploymentShape(
  service: EcsServiceRecord,
  deployment: Deployment,
  isPrimary: boolean,
  tasks: readonly TaskRecord[],
): unknown {
  return {
    id: deployment.id,
    status: isPrimary ? "PRIMARY" : "ACTIVE",
    taskDefinition: deployment.definition.arn,
    desiredCount: isPrimary ? service.desiredCount : 0,
    ...counts(tasks.filter((task) => task.deploymentID === deployment.id)),
    failedTasks: deployment.failedTasks,
    createdAt: deployment.createdAt / 1000,
    updatedAt: deployment.updatedAt / 1000,
    launchType: "FARGATE",
    platformVersion: "1.4.0",
    platformFamily: "Linux",
    ...(service.shown["networkConfiguration"] === undefined
      ? {}
      : { networkConfiguration: service.shown["networkConfiguration"] }),
    rolloutState: deployment.rolloutState,
    rolloutStateReason: rolloutReason(deployment),
  };
}

function rolloutReason({ id, rolloutState }: Deployment): string {
  switch (rolloutState) {
    case "COMPLETED":
      return `ECS deployment ${id} completed.`;
    case "IN_PROGRESS":
      return `ECS deployment ${id} in progress.`;
    case "FAILED":
      return "ECS deployment circuit breaker: tasks failed to start.";
    default:
      return assertNever(rolloutState);
  }
}

function counts(tasks: readonly TaskRecord[]): { runningCount: number; pendingCount: number } {
  return {
    runningCount: tasks.filter((task) => task.lastStatus === "RUNNING").length,
    pendingCount: tasks.filter((task) => task.lastStatus === "PENDING" || task.lastStatus === "PROVISIONING").length,
  };
}
