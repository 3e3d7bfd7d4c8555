import {
  DescribeDBClustersCommand,
  DescribeDBInstancesCommand,
  type DBCluster,
  type DBInstance,
  type RDSClient,
} from "@aws-sdk/client-rds";
import { defined } from "#lib/defined.ts";
import { callAwsOptional } from "./errors.ts";
import type { AccountPort, RdsEndpoint } from "./ports.ts";

/** The RDS calls of the account port. */
export function rdsCalls(client: RDSClient): Pick<AccountPort, "getInstance" | "getCluster"> {
  return {
    async getInstance(DBInstanceIdentifier) {
      const answer = await callAwsOptional("rds:DescribeDBInstances", () =>
        client.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier })),
      );
      const [instance] = answer?.DBInstances ?? [];
      const { Address, Port } = instance?.Endpoint ?? {};
      return instance === undefined
        ? undefined
        : endpointOf(Address, Port, instance, instance.DBInstanceStatus, instance.DbiResourceId);
    },
    async getCluster(DBClusterIdentifier) {
      const answer = await callAwsOptional("rds:DescribeDBClusters", () =>
        client.send(new DescribeDBClustersCommand({ DBClusterIdentifier })),
      );
      const [cluster] = answer?.DBClusters ?? [];
      return cluster === undefined
        ? undefined
        : endpointOf(cluster.Endpoint, cluster.Port, cluster, cluster.Status, cluster.DbClusterResourceId);
    },
  };
}

/** Undefined as well while RDS is still creating the database and it has no address. */
function endpointOf(
  host: string | undefined,
  port: number | undefined,
  database: DBInstance | DBCluster,
  status: string | undefined,
  resourceID: string | undefined,
): RdsEndpoint | undefined {
  const { Engine = "", EngineVersion = "", VpcSecurityGroups, IAMDatabaseAuthenticationEnabled } = database;
  const securityGroupIDs = (VpcSecurityGroups ?? []).flatMap(({ VpcSecurityGroupId }) => VpcSecurityGroupId ?? []);
  return host === undefined || port === undefined
    ? undefined
    : {
        host,
        port,
        engine: Engine,
        engineVersion: EngineVersion,
        securityGroupIDs,
        ...defined({ status, resourceID, iamAuthentication: IAMDatabaseAuthenticationEnabled }),
      };
}
