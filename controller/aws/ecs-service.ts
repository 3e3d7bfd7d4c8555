import {
  CreateServiceCommand,
  DeleteServiceCommand,
  DescribeServicesCommand,
  UpdateServiceCommand,
  type ECSClient,
  type Service,
} from "@aws-sdk/client-ecs";
import { deploymentRules, type EcsPort, type NetworkView, type ServiceSpec, type ServiceView } from "./ecs-port.ts";
import { fromEcsTags, toEcsTags } from "./ecs-tags.ts";
import { callAws, callAwsOptional } from "./errors.ts";

/** Events that are looked at; ECS keeps a hundred, and the reasons of a failed deployment are among the newest. */
const eventsMax = 20;

/** The calls on services. */
export function serviceCalls(
  client: ECSClient,
): Pick<EcsPort, "getService" | "createService" | "updateService" | "deleteService"> {
  return {
    async getService(cluster, service) {
      const answer = await callAwsOptional("ecs:DescribeServices", () =>
        client.send(new DescribeServicesCommand({ cluster, services: [service], include: ["TAGS"] })),
      );
      const found = answer?.services?.[0];
      return found === undefined ? undefined : serviceView(found);
    },
    async createService(service) {
      await callAws("ecs:CreateService", () =>
        client.send(
          new CreateServiceCommand({
            ...wantedOf(service),
            serviceName: service.serviceName,
            launchType: "FARGATE",
            platformVersion: "LATEST",
            tags: toEcsTags(service.tags),
          }),
        ),
      );
    },
    async updateService({ forceNewDeployment, ...service }) {
      await callAws("ecs:UpdateService", () =>
        client.send(
          new UpdateServiceCommand({ ...wantedOf(service), service: service.serviceName, forceNewDeployment }),
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

/** What creating and updating have in common. */
function wantedOf(service: Omit<ServiceSpec, "tags">) {
  const { minimumHealthyPercent, maximumPercent, breaks, rollsBack } = deploymentRules;
  return {
    cluster: service.clusterName,
    taskDefinition: service.taskDefinitionARN,
    desiredCount: service.desiredCount,
    enableExecuteCommand: true,
    // People's permission sets are conditioned on the tag that tasks inherit from the service.
    propagateTags: "SERVICE" as const,
    networkConfiguration: {
      awsvpcConfiguration: {
        subnets: [...service.subnetIDs],
        securityGroups: [...service.securityGroupIDs],
        assignPublicIp: service.assignPublicIP ? ("ENABLED" as const) : ("DISABLED" as const),
      },
    },
    deploymentConfiguration: {
      minimumHealthyPercent,
      maximumPercent,
      deploymentCircuitBreaker: { enable: breaks, rollback: rollsBack },
    },
  };
}

/** Undefined for a service that is being or was deleted. */
function serviceView(found: Service): ServiceView | undefined {
  if (found.serviceArn === undefined || found.status !== "ACTIVE") {
    return undefined;
  }
  const { minimumHealthyPercent, maximumPercent, deploymentCircuitBreaker } = found.deploymentConfiguration ?? {};
  return {
    arn: found.serviceArn,
    taskDefinitionARN: found.taskDefinition ?? "",
    desiredCount: found.desiredCount ?? 0,
    runningCount: found.runningCount ?? 0,
    tags: fromEcsTags(found.tags),
    executeCommand: found.enableExecuteCommand === true,
    propagateTags: found.propagateTags ?? "NONE",
    network: networkView(found),
    rules: {
      minimumHealthyPercent: minimumHealthyPercent ?? 0,
      maximumPercent: maximumPercent ?? 0,
      breaks: deploymentCircuitBreaker?.enable === true,
      rollsBack: deploymentCircuitBreaker?.rollback === true,
    },
    deployments: (found.deployments ?? []).map((one) => ({
      id: one.id ?? "",
      isPrimary: one.status === "PRIMARY",
      taskDefinitionARN: one.taskDefinition ?? "",
      state: one.rolloutState ?? "IN_PROGRESS",
      reason: one.rolloutStateReason ?? "",
      createdAt: one.createdAt?.getTime() ?? 0,
      failedTasks: one.failedTasks ?? 0,
    })),
    events: (found.events ?? []).slice(0, eventsMax).map((event) => ({
      time: event.createdAt?.getTime() ?? 0,
      message: event.message ?? "",
    })),
  };
}

function networkView({ networkConfiguration }: Service): NetworkView {
  const { subnets, securityGroups, assignPublicIp } = networkConfiguration?.awsvpcConfiguration ?? {};
  return {
    subnetIDs: subnets ?? [],
    securityGroupIDs: securityGroups ?? [],
    assignPublicIP: assignPublicIp === "ENABLED",
  };
}
