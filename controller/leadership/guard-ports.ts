import type { AccountPort, AwsPorts, IdentityCenterPort } from "../aws/ports.ts";
import type { Leadership } from "./leadership.ts";

/** AWS's name of an operation that changes something; undefined for one that only looks, or that stays in this process. */
type Operations<Port> = Readonly<Record<keyof Port, string | undefined>>;

/** Every method is named, so that a new one cannot be left unguarded by oversight. */
const identityCenterWrites: Operations<IdentityCenterPort> = {
  listTagged: undefined,
  getPermissionSet: undefined,
  takeTurn: undefined,
  giveUpTurn: undefined,
  getTags: undefined,
  provisionedIn: undefined,
  outdatedIn: undefined,
  accountsOf: undefined,
  findPermissionSet: undefined,
  getInlinePolicy: undefined,
  listAssignments: undefined,
  assignmentCreation: undefined,
  assignmentDeletion: undefined,
  provisioning: undefined,
  createPermissionSet: "sso:CreatePermissionSet",
  tagPermissionSet: "sso:TagResource",
  putInlinePolicy: "sso:PutInlinePolicyToPermissionSet",
  createAssignment: "sso:CreateAccountAssignment",
  deleteAssignment: "sso:DeleteAccountAssignment",
  provision: "sso:ProvisionPermissionSet",
  deletePermissionSet: "sso:DeletePermissionSet",
};

const accountWrites: Operations<AccountPort> = {
  findReservedRole: undefined,
  getRole: undefined,
  getService: undefined,
  listTasks: undefined,
  listStoppedTasks: undefined,
  getTaskDefinition: undefined,
  getInstance: undefined,
  getCluster: undefined,
  registerTaskDefinition: "ecs:RegisterTaskDefinition",
  createService: "ecs:CreateService",
  updateService: "ecs:UpdateService",
  deleteService: "ecs:DeleteService",
  terminateSessions: "ssm:TerminateSession",
};

/**
 * Ports whose writing methods reject with `NotLeading` when this process does not lead at the moment of the call. Reading is free. A
 * call that was let through may reach AWS after the lease has ended, by at most its wait for the shared rate limit and its time on the
 * network; the lease ends `leaseDurationMs - renewDeadlineMs` before another replica may take it, and every write is idempotent.
 */
export function guardPorts(ports: AwsPorts, leadership: Leadership): AwsPorts {
  return {
    instances: ports.instances,
    identityStore: ports.identityStore,
    identityCenter: (at) => guarded(ports.identityCenter(at), identityCenterWrites, leadership),
    account: (at) => guarded(ports.account(at), accountWrites, leadership),
  };
}

function guarded<Port extends object>(port: Port, writes: Operations<Port>, leadership: Leadership): Port {
  return new Proxy(port, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      const call = Object.hasOwn(writes, name) ? writes[name as keyof Port] : undefined;
      if (typeof method !== "function" || call === undefined) {
        return typeof method === "function" ? method.bind(target) : method;
      }
      return async (...given: unknown[]): Promise<unknown> => {
        leadership.assertLeading(call);
        return Reflect.apply(method, target, given);
      };
    },
  });
}
