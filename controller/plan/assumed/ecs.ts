import { deploymentRules, type EcsPort, type TaskView } from "../../aws/ecs-port.ts";
import type { ServiceSpec, ServiceView, TaskDefinition } from "../../aws/ports.ts";
import type { CallRecorder } from "../calls.ts";

/** What one account has of ECS. */
export interface AssumedEcs {
  readonly port: EcsPort;
  /** Tasks of a service, without a call. */
  running(cluster: string, service: string): readonly TaskView[];
}

/** The ECS that a plan assumes in one account and region: a deployment is over at once, and its tasks run. */
export function assumedEcs(calls: CallRecorder): AssumedEcs {
  const definitions: { readonly arn: string; readonly definition: TaskDefinition }[] = [];
  const services = new Map<string, ServiceSpec>();
  const running = (cluster: string, service: string): readonly TaskView[] => {
    const known = services.get(`${cluster}/${service}`);
    return known === undefined ? [] : tasksOf(known);
  };
  const port: EcsPort = {
    async getService(cluster, service) {
      calls.look("ecs:DescribeServices", service);
      const known = services.get(`${cluster}/${service}`);
      return known === undefined ? undefined : viewOf(known);
    },
    async listTasks(cluster, service) {
      calls.look("ecs:ListTasks", service);
      return running(cluster, service);
    },
    listStoppedTasks: async () => [],
    async registerTaskDefinition(definition) {
      calls.change("ecs:RegisterTaskDefinition", `${definition.family}, image ${definition.image}`);
      const arn = `arn:aws:ecs:::task-definition/${definition.family}:${definitions.length + 1}`;
      definitions.push({ arn, definition });
      return arn;
    },
    async getTaskDefinition(familyOrARN) {
      calls.look("ecs:DescribeTaskDefinition");
      const found = definitions.findLast(
        ({ arn, definition }) => arn === familyOrARN || definition.family === familyOrARN,
      );
      return found === undefined ? undefined : { ...found, foreign: [] };
    },
    async createService(service) {
      calls.change("ecs:CreateService", service.serviceName);
      services.set(`${service.clusterName}/${service.serviceName}`, service);
    },
    async updateService(change) {
      calls.change("ecs:UpdateService", change.serviceName);
      const key = `${change.clusterName}/${change.serviceName}`;
      const known = services.get(key);
      if (known !== undefined) {
        services.set(key, { ...known, ...change });
      }
    },
    async deleteService(cluster, service) {
      calls.change("ecs:DeleteService", service);
      services.delete(`${cluster}/${service}`);
    },
  };
  return { port, running };
}

function viewOf(service: ServiceSpec): ServiceView {
  return {
    arn: `arn:aws:ecs:::service/${service.clusterName}/${service.serviceName}`,
    taskDefinitionARN: service.taskDefinitionARN,
    desiredCount: service.desiredCount,
    runningCount: service.desiredCount,
    tags: service.tags,
    executeCommand: true,
    propagateTags: "SERVICE",
    network: service,
    rules: deploymentRules,
    deployments: [
      {
        id: "assumed",
        isPrimary: true,
        taskDefinitionARN: service.taskDefinitionARN,
        state: "COMPLETED",
        reason: "",
        createdAt: 0,
        failedTasks: 0,
      },
    ],
    events: [],
  };
}

function tasksOf({ clusterName, serviceName, desiredCount, taskDefinitionARN }: ServiceSpec) {
  return Array.from({ length: desiredCount }, (_, index) => ({
    taskARN: `arn:aws:ecs:::task/${clusterName}/${serviceName}-${index}`,
    taskDefinitionARN,
    lastStatus: "RUNNING",
    target: `ecs:${clusterName}_${serviceName}-${index}_assumed`,
  }));
}
