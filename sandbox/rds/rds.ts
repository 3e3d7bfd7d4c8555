import type { Context } from "../context.ts";
import { type Input, optionalText, structures, text, texts } from "../input.ts";
import { page, type PagingNames } from "../paging.ts";
import type { SeedDBCluster, SeedDBInstance } from "../seed.ts";
import { AwsError, type Call, type Operation, type Service } from "../service.ts";

const rdsPaging: PagingNames = { size: "MaxRecords", token: "Marker" };

/** RDS, as far as endpoints are resolved from it: instances and clusters of the caller's account. */
export function rdsService(context: Context): Service {
  return {
    signingName: "rds",
    protocol: "query",
    target: "2014-10-31",
    xmlNamespace: "http://rds.amazonaws.com/doc/2014-10-31/",
    listMemberNames: {
      DBInstances: "DBInstance",
      DBClusters: "DBCluster",
      DBClusterMembers: "DBClusterMember",
      VpcSecurityGroups: "VpcSecurityGroupMembership",
      TagList: "Tag",
    },
    operations: { DescribeDBInstances: describeInstances(context), DescribeDBClusters: describeClusters(context) },
    mutating: [],
  };
}

function describeInstances(context: Context): Operation {
  return (input, call) => {
    const identifier = optionalText(input, "DBInstanceIdentifier")?.toLowerCase();
    context.authorize(call, "rds:DescribeDBInstances", arn(context, call, "db", identifier ?? "*"));
    const own = context.state.dbInstances.filter((one) => one.accountID === call.caller?.accountID);
    const found = own.filter((one) => identifier === undefined || one.identifier === identifier);
    if (identifier !== undefined && found.length === 0) {
      throw new AwsError("DBInstanceNotFound", `DBInstance ${identifier} not found.`, 404);
    }
    const filtered = applyFilters(input, found, {
      "db-instance-id": (one) => one.identifier,
      "db-cluster-id": (one) => one.clusterIdentifier ?? "",
      engine: (one) => one.engine,
    });
    const { items, next } = page(filtered, input, rdsPaging, 100, 20);
    return { DBInstances: items.map((one) => instanceShape(context, call, one)), Marker: next };
  };
}

function describeClusters(context: Context): Operation {
  return (input, call) => {
    const identifier = optionalText(input, "DBClusterIdentifier")?.toLowerCase();
    context.authorize(call, "rds:DescribeDBClusters", arn(context, call, "cluster", identifier ?? "*"));
    const own = context.state.dbClusters.filter((one) => one.accountID === call.caller?.accountID);
    const found = own.filter((one) => identifier === undefined || one.identifier === identifier);
    if (identifier !== undefined && found.length === 0) {
      throw new AwsError("DBClusterNotFoundFault", `DBCluster ${identifier} not found.`, 404);
    }
    const filtered = applyFilters(input, found, {
      "db-cluster-id": (one) => one.identifier,
      engine: (one) => one.engine,
    });
    const { items, next } = page(filtered, input, rdsPaging, 100, 20);
    return { DBClusters: items.map((one) => clusterShape(context, call, one)), Marker: next };
  };
}

function applyFilters<T>(input: Input, items: readonly T[], known: Record<string, (item: T) => string>): T[] {
  let left = [...items];
  for (const filter of structures(input, "Filters")) {
    const name = text(filter, "Name");
    const read = known[name];
    if (read === undefined) {
      throw new AwsError("InvalidParameterValue", `Unrecognized filter name: ${name}`);
    }
    const values = texts(filter, "Values");
    left = left.filter((item) => values.includes(read(item)));
  }
  return left;
}

function instanceShape(context: Context, call: Call, one: SeedDBInstance): Record<string, unknown> {
  return {
    DBInstanceIdentifier: one.identifier,
    DBInstanceClass: "db.t4g.medium",
    Engine: one.engine,
    EngineVersion: one.engineVersion,
    DBInstanceStatus: one.status ?? "available",
    MasterUsername: one.masterUsername,
    DBName: one.databaseName,
    Endpoint: { Address: one.endpoint.host, Port: one.endpoint.port },
    AllocatedStorage: 20,
    DBClusterIdentifier: one.clusterIdentifier,
    PubliclyAccessible: false,
    MultiAZ: false,
    StorageEncrypted: true,
    IAMDatabaseAuthenticationEnabled: one.iamAuthentication ?? false,
    CACertificateIdentifier: "rds-ca-rsa2048-g1",
    VpcSecurityGroups: securityGroups(one.securityGroupIDs),
    DbiResourceId: resourceID("db", one.identifier),
    DBInstanceArn: arn(context, call, "db", one.identifier),
    TagList: [],
  };
}

function clusterShape(context: Context, call: Call, one: SeedDBCluster): Record<string, unknown> {
  const members = context.state.dbInstances.filter(
    (instance) => instance.accountID === one.accountID && instance.clusterIdentifier === one.identifier,
  );
  return {
    DBClusterIdentifier: one.identifier,
    Engine: one.engine,
    EngineVersion: one.engineVersion,
    Status: "available",
    MasterUsername: one.masterUsername,
    DatabaseName: one.databaseName,
    Endpoint: one.endpoint.host,
    ReaderEndpoint: one.readerEndpoint?.host,
    Port: one.endpoint.port,
    MultiAZ: false,
    StorageEncrypted: true,
    IAMDatabaseAuthenticationEnabled: one.iamAuthentication ?? false,
    VpcSecurityGroups: securityGroups(one.securityGroupIDs),
    DbClusterResourceId: resourceID("cluster", one.identifier),
    DBClusterArn: arn(context, call, "cluster", one.identifier),
    DBClusterMembers: members.map((member, index) => ({
      DBInstanceIdentifier: member.identifier,
      IsClusterWriter: index === 0,
      DBClusterParameterGroupStatus: "in-sync",
    })),
    TagList: [],
  };
}

/** Security group of a database that the seed gives none. */
const securityGroupDefault = "sg-0d1e2f3a4b5c6d7e8";

function securityGroups(ids: readonly string[] = [securityGroupDefault]): Record<string, string>[] {
  return ids.map((VpcSecurityGroupId) => ({ VpcSecurityGroupId, Status: "active" }));
}

function arn(context: Context, call: Call, kind: "db" | "cluster", identifier: string): string {
  return `arn:aws:rds:${context.state.region}:${call.caller?.accountID}:${kind}:${identifier}`;
}

/** `db-…` and `cluster-…` with 26 upper-case characters, the same for the same identifier. */
function resourceID(prefix: string, identifier: string): string {
  const characters = Buffer.from(identifier)
    .toString("hex")
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]/g, "");
  return `${prefix}-${characters.padEnd(26, "A").slice(0, 26)}`;
}
