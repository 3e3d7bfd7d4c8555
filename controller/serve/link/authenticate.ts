import type { Proxy } from "#kinds/index.ts";
import { type ProveTask } from "#wire/link.ts";
import { type ProofVerifier, verifyProof } from "#wire/proof.ts";
import type { AccountPort } from "../../aws/ports.ts";
import { firstOfService } from "../../reconcile/proxy/decide.ts";
import type { Source } from "../../source/source.ts";

/** What checking a task needs. */
export interface TaskDirectory {
  readonly source: Source;
  readonly verifier: ProofVerifier;
  readonly installation: string;
  /** Ports for the Proxy's account and region. */
  readonly account: (proxy: Proxy) => AccountPort;
}

/** A task that is what it says: a running task of that Proxy's service, with that service's task role. */
export interface ProvenTask {
  readonly proxy: Proxy;
  /** `namespace/name` */
  readonly proxyKey: string;
  readonly taskARN: string;
  readonly taskID: string;
}

const taskPattern = /^arn:aws[a-z-]*:ecs:([a-z0-9-]+):(\d{12}):task\/([\w-]{1,255})\/([0-9a-f]{32})$/;

/**
 * Checks a task's proof. The role's unique id must be that of the Proxy's task role (a look-alike name is refused), the
 * session name must be the task's id (as ECS sets it), and ECS must list the task as running in that service. Every refusal
 * is one sentence for the proxy's log. Source: Amazon ECS task IAM roles; DESIGN section 3.
 */
export async function authenticateTask(
  message: ProveTask,
  nonce: string,
  directory: TaskDirectory,
): Promise<ProvenTask | { readonly refused: string }> {
  const [namespace = "", name = "", more] = message.proxy.split("/");
  const proxy = more === undefined ? directory.source.get("Proxy", namespace, name)?.object : undefined;
  if (proxy === undefined) {
    return { refused: `there is no Proxy ${message.proxy} in this installation` };
  }
  const owner = firstOfService(
    proxy,
    directory.source.list("Proxy").map((stored) => stored.object),
  );
  if (owner !== undefined) {
    // Its tasks prove the same role and stand in the same service: which Proxy they are could not be told apart.
    return { refused: `the ECS service of the Proxy ${message.proxy} belongs to the Proxy ${owner}` };
  }
  const { ecs, service } = proxy.spec;
  const [, region, accountID, cluster, taskID] = taskPattern.exec(message.taskARN) ?? [];
  if (region !== ecs.region || accountID !== ecs.accountID || cluster !== ecs.clusterName || taskID === undefined) {
    return { refused: `the task does not run in the account, region and cluster of the Proxy ${message.proxy}` };
  }
  const proven = await verifyProof(
    message.proof,
    { purpose: "link", installation: directory.installation, proxy: message.proxy, nonce },
    directory.verifier,
  );
  if ("refused" in proven) {
    return { refused: `the task's identity proof was refused: ${proven.detail}` };
  }
  const port = directory.account(proxy);
  const roleName = service?.taskRoleARN.split("/").at(-1);
  const role = roleName === undefined ? undefined : await port.getRole(roleName);
  if (role === undefined) {
    return { refused: `the task role of the Proxy ${message.proxy} is not known: state spec.service.taskRoleARN` };
  }
  if (proven.accountID !== ecs.accountID || proven.roleID !== role.roleID || proven.role.sessionName !== taskID) {
    return { refused: "the identity proof is not that of this task's role" };
  }
  const tasks = await port.listTasks(ecs.clusterName, ecs.serviceName, ecs.containerName);
  if (!tasks.some((task) => task.taskARN === message.taskARN && task.lastStatus !== "STOPPED")) {
    return { refused: `ECS lists no such task in the service ${ecs.serviceName}` };
  }
  return { proxy, proxyKey: message.proxy, taskARN: message.taskARN, taskID };
}
