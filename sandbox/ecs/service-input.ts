import { AwsError } from "../service.ts";
import { clientError, invalid, optionalCount, optionalObject, optionalText } from "./input.ts";
import type { AccountState, EcsServiceRecord, TaskDefinition } from "./model.ts";
import { findDefinition } from "./names.ts";

/** Members of CreateService and UpdateService that are shown as they were set. */
const shownMembers = [
  "networkConfiguration",
  "launchType",
  "platformVersion",
  "loadBalancers",
  "serviceRegistries",
  "healthCheckGracePeriodSeconds",
  "placementConstraints",
  "placementStrategy",
  "capacityProviderStrategy",
] as const;

/** The members of `input` that are shown as they are. */
export function shownFrom(input: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(shownMembers.filter((key) => input[key] !== undefined).map((key) => [key, input[key]]));
}

/** The active task definition that a service or task is to run. Throws ClientException. */
export function runnableDefinition(account: AccountState, name: string): TaskDefinition {
  const definition = findDefinition(account, name);
  if (definition === undefined) {
    throw clientError("TaskDefinition not found.");
  }
  if (definition.status !== "ACTIVE") {
    throw clientError("TaskDefinition is inactive");
  }
  return definition;
}

/** A task with its own network interface needs to be told where to put it. Throws InvalidParameterException. */
export function checkNetwork(definition: TaskDefinition, networkConfiguration: unknown): void {
  if (definition.networkMode !== "awsvpc") {
    return;
  }
  const { awsvpcConfiguration } = (networkConfiguration ?? {}) as {
    awsvpcConfiguration?: { subnets?: unknown };
  };
  const subnets = awsvpcConfiguration?.subnets;
  if (!Array.isArray(subnets) || subnets.length === 0) {
    throw invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.");
  }
}

/** Minimum and maximum percent of a request, absent members as they are. Throws InvalidParameterException. */
export function readPercents(
  input: Record<string, unknown>,
  before: { minimumHealthyPercent: number; maximumPercent: number },
): { minimumHealthyPercent: number; maximumPercent: number } {
  const configuration = optionalObject(input, "deploymentConfiguration") ?? {};
  const minimumHealthyPercent = optionalCount(configuration, "minimumHealthyPercent") ?? before.minimumHealthyPercent;
  const maximumPercent = optionalCount(configuration, "maximumPercent") ?? before.maximumPercent;
  if (maximumPercent > 200 || minimumHealthyPercent > 100 || maximumPercent < 100) {
    throw invalid("minimumHealthyPercent must be 0 to 100, maximumPercent 100 to 200.");
  }
  if (maximumPercent === 100 && minimumHealthyPercent === 100) {
    throw invalid("Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.");
  }
  return { minimumHealthyPercent, maximumPercent };
}

/** The circuit breaker of a request, as it was where it is absent (ECS API reference, DeploymentCircuitBreaker). */
export function readCircuitBreaker(
  input: Record<string, unknown>,
  before: EcsServiceRecord["circuitBreaker"],
): EcsServiceRecord["circuitBreaker"] {
  const configuration = optionalObject(input, "deploymentConfiguration") ?? {};
  const wanted = optionalObject(configuration, "deploymentCircuitBreaker");
  if (wanted === undefined) {
    return before;
  }
  const { enable, rollback } = wanted;
  if (typeof enable !== "boolean" || typeof rollback !== "boolean") {
    throw invalid("deploymentCircuitBreaker needs enable and rollback.");
  }
  return { enable, rollback };
}

/** Value of propagateTags. Throws InvalidParameterException. */
export function readPropagateTags(
  input: Record<string, unknown>,
  before: EcsServiceRecord["propagateTags"] = "NONE",
): EcsServiceRecord["propagateTags"] {
  const value = optionalText(input, "propagateTags") ?? before;
  if (value !== "SERVICE" && value !== "TASK_DEFINITION" && value !== "NONE") {
    throw invalid("propagateTags must be SERVICE, TASK_DEFINITION or NONE.");
  }
  return value;
}

/** Throws InvalidParameterException for a scheduling strategy or controller that the sandbox does not have. */
export function checkStrategy(input: Record<string, unknown>): void {
  if ((optionalText(input, "schedulingStrategy") ?? "REPLICA") !== "REPLICA") {
    throw invalid("The sandbox has the REPLICA scheduling strategy only.");
  }
  const controller = optionalObject(input, "deploymentController");
  if (controller !== undefined && controller["type"] !== "ECS") {
    throw invalid("The sandbox has the ECS deployment controller only.");
  }
}

/** ServiceNotFoundException in AWS's words. */
export function serviceNotFound(): AwsError {
  return new AwsError("ServiceNotFoundException", "Service not found.");
}
