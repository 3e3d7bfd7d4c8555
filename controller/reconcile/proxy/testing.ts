import { aProxy } from "../testing.ts";
import { deploymentRules, type DeploymentView } from "../../aws/ecs-port.ts";
import type { ServiceView, TaskView } from "../../aws/ports.ts";
import type { ProxyDecision } from "./decide.ts";
import { desiredDefinition, ownershipTags } from "./definition.ts";
import type { ProxyInput } from "./input.ts";

/** The moment of these tests. */
export const now = Date.UTC(2026, 0, 1, 12);
/** What tasks are told of the controller. */
export const controller = {
  publicURL: "https://sallyport.example.com:8443",
  pin: `sha256:${"0".repeat(64)}`,
  installation: "test",
};
/** A managed Proxy. */
export const proxy = aProxy();
/** What it asks for. */
export const desired = desiredDefinition(proxy, controller) as NonNullable<ReturnType<typeof desiredDefinition>>;
/** The definition that runs. */
export const current = "arn:aws:ecs:eu-west-1:111122223333:task-definition/sallyport-proxy:1";
/** Its deployment, which is over. */
export const deployment: DeploymentView = {
  id: "ecs-svc/1",
  isPrimary: true,
  taskDefinitionARN: current,
  state: "COMPLETED",
  reason: "",
  createdAt: now - 60_000,
  failedTasks: 0,
};
/** Its service, as asked for. */
export const service: ServiceView = {
  arn: "arn:aws:ecs:eu-west-1:111122223333:service/sallyport/sallyport-proxy",
  taskDefinitionARN: current,
  desiredCount: 1,
  runningCount: 1,
  tags: ownershipTags(proxy, "test"),
  executeCommand: true,
  propagateTags: "SERVICE",
  network: {
    subnetIDs: proxy.spec.service?.subnetIDs ?? [],
    securityGroupIDs: proxy.spec.service?.securityGroupIDs ?? [],
    assignPublicIP: false,
  },
  rules: deploymentRules,
  deployments: [deployment],
  events: [],
};
/** Its task. */
export const task: TaskView = {
  taskARN: "task-1",
  taskDefinitionARN: current,
  lastStatus: "RUNNING",
  target: "ecs:sallyport_1_1",
  deploymentID: deployment.id,
  tags: ownershipTags(proxy, "test"),
  executeCommand: true,
};
/** That task's link. */
export const link = { taskARN: "task-1", version: "0.1.0", skewMs: 0 };
/** A task of the deployment before. */
export const oldTask: TaskView = { ...task, taskARN: "task-0", taskDefinitionARN: "older", deploymentID: "ecs-svc/0" };

/** A Proxy that has converged. */
export const input = (more: Partial<ProxyInput> = {}): ProxyInput => ({
  now,
  installation: "test",
  proxy,
  sharedWith: undefined,
  desired,
  service,
  newest: { arn: current, revision: desired.revision },
  tasks: [task],
  stopped: [],
  revisions: new Map([[current, desired.revision]]),
  connected: [link],
  ...more,
});
/** Kinds of the actions. */
export const kinds = (decision: ProxyDecision) => decision.actions.map(({ kind }) => kind);
/** Status and reason of Ready. */
export const ready = ({ conditions }: ProxyDecision) => {
  const found = conditions.find(({ type }) => type === "Ready");
  return `${found?.status} ${found?.reason}`;
};
/** What Ready says. */
export const message = ({ conditions }: ProxyDecision) => conditions.find(({ type }) => type === "Ready")?.message;
/** Status of a Proxy that has converged. */
export const converged = {
  observedGeneration: 1,
  desiredConfigRevision: desired.revision,
  observedConfigRevision: desired.revision,
};
