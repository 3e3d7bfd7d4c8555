import { AwsError } from "../service.ts";
import type { AccountState, Cluster, EcsServiceRecord, TaskDefinition, TaskRecord } from "./model.ts";

/** The cluster that operations mean when they name none. */
const defaultCluster = "default";

/** `arn:aws:ecs:<region>:<account>:<rest>`. */
export function ecsARN(account: AccountState, rest: string): string {
  return `arn:aws:ecs:${account.region}:${account.accountID}:${rest}`;
}

/** The last part of a name or ARN. */
export function shortName(nameOrARN: string): string {
  return nameOrARN.split("/").at(-1) ?? "";
}

/** Name of the cluster that an input means, whether or not it exists. */
export function clusterName(input: Record<string, unknown>): string {
  const value = input["cluster"];
  return typeof value === "string" && value !== "" ? shortName(value) : defaultCluster;
}

/** The cluster that an input means. Throws ClusterNotFoundException. */
export function findCluster(account: AccountState, input: Record<string, unknown>): Cluster {
  const cluster = account.clusters.get(clusterName(input));
  if (cluster === undefined) {
    throw new AwsError("ClusterNotFoundException", "Cluster not found.");
  }
  return cluster;
}

/** A service of the cluster by name or ARN. */
export function findService(account: AccountState, cluster: string, nameOrARN: string): EcsServiceRecord | undefined {
  return account.services.get(`${cluster}/${shortName(nameOrARN)}`);
}

/** A task of the cluster by ID or ARN. */
export function findTask(account: AccountState, cluster: string, idOrARN: string): TaskRecord | undefined {
  return account.tasks.get(ecsARN(account, `task/${cluster}/${shortName(idOrARN)}`));
}

/** A task definition by family (its newest active revision), `family:revision` or ARN. */
export function findDefinition(account: AccountState, name: string): TaskDefinition | undefined {
  const [family = "", revision] = shortName(name).split(":");
  const revisions = account.families.get(family) ?? [];
  return revision === undefined
    ? revisions.findLast((definition) => definition.status === "ACTIVE")
    : revisions.find((definition) => String(definition.revision) === revision);
}
