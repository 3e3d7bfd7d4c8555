import type { Grant } from "#kinds/index.ts";
import { defined } from "#lib/defined.ts";
import type { ConnectInfo } from "#wire/control-api.ts";
import { stateOf } from "./grant-view.ts";
import { HttpProblem } from "../route.ts";
import type { Services } from "../services.ts";

/** Where the proxy listens on its task's loopback when the Proxy names no port (crds/proxy.yaml). */
const proxyPortDefault = 9432;

/**
 * How the grant's person reaches the database at this moment. The target is a task that is linked to this controller and
 * that SSM can reach; it is resolved at each call, so that a redeployed proxy breaks no grant.
 */
export function connectInfo(grant: Grant, services: Services): ConnectInfo {
  const { target: approved, external, expiryTime, grantID } = grant.status ?? {};
  const state = stateOf(grant);
  if (state !== "Active" || approved === undefined || external === undefined || expiryTime === undefined) {
    throw new HttpProblem(409, "GrantNotLive", `the grant is ${state}, not live`, {
      next: `sallyport grants get ${grantID ?? grant.metadata.name}`,
    });
  }
  if (Date.parse(expiryTime) <= services.clock.now()) {
    throw new HttpProblem(409, "GrantNotLive", "the grant has expired", { next: "sallyport rds proxy" });
  }
  const { namespace } = grant.metadata;
  const proxy = services.source.get("Proxy", namespace, approved.proxy)?.object;
  const proxyKey = `${namespace}/${approved.proxy}`;
  // A task that is being replaced lets nobody new in; it may know that before the Proxy's status says so.
  const open = services.linkedTasks(proxyKey).filter((task) => task.draining !== true);
  const linked = new Set(open.map((task) => task.taskARN));
  const ready = (proxy?.status?.tasks ?? []).filter(
    (task) => task.target !== undefined && task.draining !== true && linked.has(task.taskARN),
  );
  const chosen = ready[(services.random(1)[0] ?? 0) % Math.max(ready.length, 1)];
  if (proxy === undefined || chosen?.target === undefined) {
    throw new HttpProblem(503, "ProxyNotReady", `no task of the proxy ${proxyKey} is ready`, {
      why: "its ECS service may just be starting or being redeployed",
      next: "Try again in a few seconds; if it stays so, ask whoever operates Sallyport.",
    });
  }
  return {
    grantID: grantID ?? "",
    installation: services.installation,
    proxy: proxyKey,
    target: chosen.target,
    port: proxy.spec.port ?? proxyPortDefault,
    region: proxy.spec.ecs.region,
    accountID: external.accountID,
    permissionSet: grantID ?? "",
    document: "AWS-StartPortForwardingSession",
    engine: approved.engine,
    database: grant.spec.databaseRef.name,
    role: approved.roleName,
    databaseName: approved.databaseName,
    username: approved.username,
    endpoint: { host: approved.host, port: approved.port },
    ...defined({ localPort: approved.localPort }),
    expiryTime,
    sts: services.verifier.sts,
  };
}
