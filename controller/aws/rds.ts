import { DescribeDBClustersCommand, DescribeDBInstancesCommand, type RDSClient } from "@aws-sdk/client-rds";
import { callAwsOptional } from "./errors.ts";
import type { AccountPort, RdsEndpoint } from "./ports.ts";

/** The RDS calls of the account port. */
export function rdsCalls(client: RDSClient): Pick<AccountPort, "getInstance" | "getCluster"> {
  return {
    async getInstance(DBInstanceIdentifier) {
      const answer = await callAwsOptional("rds:DescribeDBInstances", () =>
        client.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier })),
      );
      const instance = answer?.DBInstances?.[0];
      return endpointOf(instance?.Endpoint?.Address, instance?.Endpoint?.Port, instance);
    },
    async getCluster(DBClusterIdentifier) {
      const answer = await callAwsOptional("rds:DescribeDBClusters", () =>
        client.send(new DescribeDBClustersCommand({ DBClusterIdentifier })),
      );
      const cluster = answer?.DBClusters?.[0];
      return endpointOf(cluster?.Endpoint, cluster?.Port, cluster);
    },
  };
}

/** Undefined as well while RDS is still creating the database and it has no address. */
function endpointOf(
  host: string | undefined,
  port: number | undefined,
  database: { Engine?: string | undefined; EngineVersion?: string | undefined } | undefined,
): RdsEndpoint | undefined {
  return host === undefined || port === undefined
    ? undefined
    : { host, port, engine: database?.Engine ?? "", engineVersion: database?.EngineVersion ?? "" };
}
