import type { NetworkView } from "../../aws/ecs-port.ts";
import { deploymentRules } from "../../aws/ecs-port.ts";
import type { ServiceView, TaskView } from "../../aws/ports.ts";
import { proxyKeyOf, proxyTags } from "./definition.ts";
import { type ProxyInput, runningTasks } from "./input.ts";

/** What of a service is not as the Proxy asks for. */
export interface Differences {
  /** One for each difference, such as `desired count 3 instead of 1`. */
  readonly found: readonly string[];
  /** Whether tasks run that were started without what they can only get at their start, so that they must be replaced. */
  readonly unfitTasks: boolean;
}

/** Compares a service and its tasks with what the spec asks for, field by field. Pure. */
export function serviceDifferences(input: ProxyInput, service: ServiceView): Differences {
  const { proxy, desired, revisions } = input;
  const wanted = proxy.spec.service;
  if (desired === undefined || wanted === undefined) {
    return { found: [], unfitTasks: false };
  }
  const { rules } = service;
  const network: NetworkView = {
    subnetIDs: wanted.subnetIDs,
    securityGroupIDs: wanted.securityGroupIDs,
    assignPublicIP: wanted.assignPublicIP === "Enabled",
  };
  const areRulesSame =
    rules.minimumHealthyPercent === deploymentRules.minimumHealthyPercent &&
    rules.maximumPercent === deploymentRules.maximumPercent &&
    rules.breaks === deploymentRules.breaks &&
    rules.rollsBack === deploymentRules.rollsBack;
  const unfitTasks = hasUnfitTasks(input, service);
  const found = [
    revisions.get(service.taskDefinitionARN) === desired.revision ? "" : "another task definition",
    service.desiredCount === wanted.desiredCount
      ? ""
      : `desired count ${service.desiredCount} instead of ${wanted.desiredCount}`,
    service.executeCommand ? "" : "execute-command is off",
    service.propagateTags === "SERVICE" ? "" : `tags are propagated from ${service.propagateTags}`,
    sameSet(service.network.subnetIDs, network.subnetIDs) ? "" : `subnets ${service.network.subnetIDs.join(", ")}`,
    sameSet(service.network.securityGroupIDs, network.securityGroupIDs)
      ? ""
      : `security groups ${service.network.securityGroupIDs.join(", ")}`,
    service.network.assignPublicIP === network.assignPublicIP ? "" : "another setting of public addresses",
    areRulesSame ? "" : "other rules for deployments",
    unfitTasks ? "tasks without execute-command or the Proxy's tag" : "",
  ].filter((difference) => difference !== "");
  return { found, unfitTasks };
}

/**
 * Tasks get the agent and their tags when they start and never later, so that a service that was put right may still have tasks that
 * nobody can reach. Asked only when no deployment is going on: its own tasks come and go.
 */
function hasUnfitTasks(input: ProxyInput, service: ServiceView): boolean {
  const isSettled = service.deployments.every(({ state }) => state === "COMPLETED");
  const key = proxyKeyOf(input.proxy);
  const isUnfit = (task: TaskView): boolean =>
    task.executeCommand === false || (task.tags !== undefined && task.tags[proxyTags.proxy] !== key);
  return isSettled && runningTasks(input).some(isUnfit);
}

function sameSet(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((value) => other.includes(value));
}
