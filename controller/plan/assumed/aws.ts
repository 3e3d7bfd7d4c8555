import type { AnyObject } from "#kinds/index.ts";
import type { AccountPort, AwsPorts, RdsEndpoint } from "../../aws/ports.ts";
import type { CallRecorder } from "../calls.ts";
import { assumedEcs } from "./ecs.ts";
import { AssumedIdentityCenter } from "./identity-center.ts";
import { assumedIdentityStore, peopleIn } from "./identity-store.ts";

/** The AWS that a plan assumes, which notes every call and does at once what it is asked for. */
export interface AssumedAws {
  readonly ports: AwsPorts;
  readonly identityCenter: AssumedIdentityCenter;
}

/** An AWS with nothing in it. `objects` are those of the plan at the moment: the databases and groups that they name exist. */
export function assumedAws(calls: CallRecorder, objects: () => readonly AnyObject[]): AssumedAws {
  const identityCenter = new AssumedIdentityCenter(calls);
  const accounts = new Map<string, AccountPort>();
  const people = peopleIn(objects);
  const accountPort = (): AccountPort => ({
    ...assumedEcs(calls),
    async findReservedRole(permissionSetName) {
      calls.look("iam:ListRoles");
      return identityCenter.hasRole(permissionSetName) ? roleOf(permissionSetName) : undefined;
    },
    async getRole(roleName) {
      calls.look("iam:GetRole");
      return { roleName, roleID: "AROAASSUMED" };
    },
    async terminateSessions() {
      calls.look("ssm:DescribeSessions");
      return [];
    },
    async getInstance(identifier) {
      calls.look("rds:DescribeDBInstances", identifier);
      return endpointOf(identifier, objects());
    },
    async getCluster(identifier) {
      calls.look("rds:DescribeDBClusters", identifier);
      return endpointOf(identifier, objects());
    },
  });
  return {
    identityCenter,
    ports: {
      instances: async () => [],
      identityCenter: ({ instanceARN }) => identityCenter.port(instanceARN),
      identityStore: () => assumedIdentityStore(calls, people),
      account: ({ accountID, region }) => {
        const key = `${accountID} ${region}`;
        const port = accounts.get(key) ?? accountPort();
        accounts.set(key, port);
        return port;
      },
    },
  };
}

function roleOf(permissionSetName: string): { readonly roleName: string; readonly roleID: string } {
  return { roleName: `AWSReservedSSO_${permissionSetName}_0000000000000000`, roleID: "AROAASSUMED" };
}

/** Where RDS would say that the database is: a stand-in that stays the same while the identifier does. */
function endpointOf(identifier: string, objects: readonly AnyObject[]): RdsEndpoint | undefined {
  const database = objects.find(
    (object) =>
      object.kind === "Database" &&
      [object.spec.rds?.instanceIdentifier, object.spec.rds?.clusterIdentifier].includes(identifier),
  );
  if (database?.kind !== "Database") {
    return undefined;
  }
  const isPostgres = database.spec.engine === "PostgreSQL";
  const engine = isPostgres ? "postgres" : database.spec.engine.toLowerCase();
  return { host: `${identifier}.rds`, port: isPostgres ? 5432 : 3306, engine, engineVersion: "" };
}
