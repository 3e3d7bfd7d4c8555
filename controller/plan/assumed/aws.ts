import type { AnyObject } from "#kinds/index.ts";
import type { EcsPort } from "../../aws/ecs-port.ts";
import type { AccountPort, AwsPorts, RdsEndpoint } from "../../aws/ports.ts";
import type { CallRecorder } from "../calls.ts";
import type { ConnectedTask } from "../../reconcile/proxy/input.ts";
import { proxyKeyOf } from "../../reconcile/proxy/definition.ts";
import { assumedEcs, type AssumedEcs } from "./ecs.ts";
import { AssumedIdentityCenter } from "./identity-center.ts";
import { assumedIdentityStore, peopleIn } from "./identity-store.ts";

/** The AWS that a plan assumes, which notes every call and does at once what it is asked for. */
export interface AssumedAws {
  readonly ports: AwsPorts;
  readonly identityCenter: AssumedIdentityCenter;
  /** Tasks of a Proxy, each linked at once. */
  linkedTasks(proxyKey: string): readonly ConnectedTask[];
}

/** An AWS with nothing in it. `objects` are those of the plan at the moment: the databases and groups that they name exist. */
export function assumedAws(calls: CallRecorder, objects: () => readonly AnyObject[]): AssumedAws {
  const identityCenter = new AssumedIdentityCenter(calls);
  const accounts = new Map<string, AssumedEcs & { readonly account: AccountPort }>();
  const people = peopleIn(objects);
  const accountPort = (ecs: EcsPort): AccountPort => ({
    ...ecs,
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
  const accountAt = (accountID: string, region: string) => {
    const key = `${accountID} ${region}`;
    const known = accounts.get(key);
    if (known !== undefined) {
      return known;
    }
    const ecs = assumedEcs(calls);
    const made = { ...ecs, account: accountPort(ecs.port) };
    accounts.set(key, made);
    return made;
  };
  return {
    identityCenter,
    linkedTasks(proxyKey) {
      const proxy = objects().find((object) => object.kind === "Proxy" && proxyKeyOf(object) === proxyKey);
      if (proxy?.kind !== "Proxy") {
        return [];
      }
      const { accountID, region, clusterName, serviceName } = proxy.spec.ecs;
      const tasks = accountAt(accountID, region).running(clusterName, serviceName);
      return tasks.map(({ taskARN }) => ({ taskARN, version: "", skewMs: 0 }));
    },
    ports: {
      instances: async () => [],
      identityCenter: ({ instanceARN }) => identityCenter.port(instanceARN),
      identityStore: () => assumedIdentityStore(calls, people),
      account: ({ accountID, region }) => accountAt(accountID, region).account,
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
