import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { aDatabase, anAvailability, aProxy, aWorkflow, place } from "#controller/reconcile/testing.ts";
import { definitions } from "#kinds/generated/schemas.ts";
import { apiVersion, type AnyObject, type Grant } from "#kinds/index.ts";
import { byHand, type ByHand } from "#sandbox/by-hand.ts";
import { createAuthority } from "#sandbox/certificates.ts";
import { startSandbox } from "#sandbox/main.ts";
import type { Sandbox } from "#sandbox/sandbox.ts";
import { Ledger } from "../faults/ledger.ts";
import { judgeCluster } from "../harness/conformance.ts";
import { type ControlPlane, startControlPlane } from "../harness/control-plane.ts";
import { repository } from "../harness/process.ts";
import { eventually } from "../harness/process.ts";
import { Replicas, type Replica, type ReplicaOptions } from "./replicas.ts";

/** How long access may outlive its end while somebody leads, in milliseconds: two operations, their polls, and a machine with much to do. */
const lagMs = 12_000;
/** How long something may take that waits for a server which was away, in milliseconds: it is asked again after waits that grow. */
const patienceMs = 60_000;
export const installation = "cluster-faults";
/** Where the objects are. */
export const namespace = "shop";
/** Where the controller keeps its Lease and tombstones. */
export const ownNamespace = "sallyport-system";
const grantsPath = `/apis/${apiVersion}/namespaces/${namespace}/grants`;

/** What a Grant of these tests may say. */
export interface Wish {
  readonly person?: string;
  readonly durationSeconds?: number;
  /** From now, in milliseconds; an hour by default. */
  readonly notAfterMs?: number;
}

/** A real API server, a sandbox AWS, replicas of the real controller, and the ledger beside them. No proxy runs. */
export interface ClusterFaultWorld extends AsyncDisposable {
  readonly plane: ControlPlane;
  readonly sandbox: Sandbox;
  readonly hands: ByHand;
  readonly ledger: Ledger;
  readonly replicas: Replicas;
  addReplica(options?: ReplicaOptions): Promise<Replica>;
  kubectl(...args: readonly string[]): Promise<string>;
  /** A person wants this: it goes to the ledger and to the cluster. */
  want(name: string, wish?: Wish): Promise<Grant>;
  /** Revokes it by its spec. */
  revoke(name: string): Promise<void>;
  /** Asks for the deletion and does not wait for it. */
  remove(name: string): Promise<void>;
  /** The Grant as the API server has it; undefined where it is gone. */
  get(name: string): Promise<Grant | undefined>;
  /** Resolves with the Grant once it passes. */
  until(name: string, what: string, passes: (grant: Grant) => boolean): Promise<Grant>;
  active(name: string): Promise<Grant>;
  /** The Grant is gone from the cluster, and what it gave from AWS. */
  gone(name: string): Promise<void>;
  /** Names of the permission sets of that Grant. */
  setsOf(name: string): string[];
  /** The Lease ends now instead of when its time is over: its holder is dead for certain. */
  freeLease(): Promise<void>;
}

/** Starts all but the replicas. */
export async function startClusterFaultWorld(): Promise<ClusterFaultWorld> {
  const folder = mkdtempSync(path.join(tmpdir(), "sallyport-faults-"));
  const [plane, sandbox] = await Promise.all([
    startControlPlane(),
    startSandbox({ delays: { identityCenterMs: 30 } }),
    writeCertificate(folder),
  ]);
  const token = await prepare(plane);
  const controllers = Array.from({ length: 100 }, (_, number) => `:user/replica-${number}`);
  const ledger = new Ledger({ events: sandbox.events, installation, controllers, lagMs });
  const replicas = new Replicas({ plane, sandbox, folder, token, installation, namespace, ownNamespace });
  const request: ControlPlane["request"] = (what) => plane.request(what);
  const grantPath = (name: string): string => `${grantsPath}/${name}`;
  const get = async (name: string): Promise<Grant | undefined> => {
    const { status, body } = await request({ path: grantPath(name) });
    return status === 200 ? (body as Grant) : undefined;
  };
  const until = (name: string, what: string, passes: (grant: Grant) => boolean): Promise<Grant> => {
    let last: Grant | undefined;
    const told = (): string =>
      `${name} ${what}\n${JSON.stringify(last?.status?.conditions)}\n${ledger.history()}\n${replicas.lastWords()}`;
    return eventually(
      told,
      async () => {
        last = await get(name);
        return last !== undefined && passes(last) ? last : undefined;
      },
      patienceMs,
    );
  };
  const setsOf = (name: string): string[] =>
    [...sandbox.state.permissionSets.values()]
      .filter(({ tags }) => tags.get("sallyport.dev/name") === name)
      .map((set) => set.name);
  return {
    plane,
    sandbox,
    hands: byHand(sandbox),
    ledger,
    replicas,
    addReplica: (options) => replicas.add(options),
    kubectl: (...args) => plane.kubectl(["--namespace", namespace, ...args]),
    async want(name, wish = {}) {
      const { person = "ada", durationSeconds = 1_800, notAfterMs = 3_600_000 } = wish;
      const spec = {
        principal: { name: person },
        databaseRef: { name: "orders" },
        roleName: "read_only",
        durationSeconds,
        notAfterTime: new Date(Date.now() + notAfterMs).toISOString().replace(/\.\d+Z$/, "Z"),
      };
      const principalID = [...sandbox.state.people.values()].find(({ userName }) => userName === person)?.userID ?? "";
      ledger.want({ ...spec, name, namespace, principalID, accountID: place.accountID });
      return (await make(plane, { apiVersion, kind: "Grant", metadata: { name }, spec } as Grant)) as Grant;
    },
    async revoke(name) {
      await patch(plane, grantPath(name), { spec: { revocation: { reason: "done" } } });
      ledger.end(name, namespace);
    },
    async remove(name) {
      await request({ path: grantPath(name), method: "DELETE" });
      ledger.end(name, namespace);
    },
    get,
    until,
    active: (name) => until(name, "is active", ({ status }) => status?.conditions?.some(isTrue("Active")) === true),
    async gone(name) {
      const told = (): string => `${name} is gone\n${ledger.history()}\n${replicas.lastWords()}`;
      const isGone = async (): Promise<boolean> => setsOf(name).length === 0 && (await get(name)) === undefined;
      await eventually(told, async () => ((await isGone()) ? true : undefined), patienceMs);
    },
    setsOf,
    freeLease: () =>
      patch(plane, `/apis/coordination.k8s.io/v1/namespaces/${ownNamespace}/leases/sallyport`, {
        spec: { holderIdentity: null },
      }),
    async [Symbol.asyncDispose]() {
      ledger.stop();
      await replicas.close();
      await sandbox.stop();
      try {
        await judgeCluster(request);
      } finally {
        await plane.close();
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}

/** Whether a condition of that type is True. */
export function isTrue(type: string): (condition: { readonly type: string; readonly status: string }) => boolean {
  return (condition) => condition.type === type && condition.status === "True";
}

/** A merge patch by an administrator. Throws where it is refused. */
export async function patch(plane: ControlPlane, at: string, body: object): Promise<void> {
  const answer = await plane.request({
    path: at,
    method: "PATCH",
    body,
    contentType: "application/merge-patch+json",
  });
  if (answer.status >= 300) {
    throw new Error(`PATCH ${at}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }
}

/** Definitions, roles, and one Proxy, Database, workflow and availability. Gives the controller's token. */
async function prepare(plane: ControlPlane): Promise<string> {
  await plane.installCRDs();
  const token = await plane.serviceAccountToken(ownNamespace, "sallyport-controller");
  await plane.kubectl(["apply", "-k", path.join(repository, "manifests", "rbac")]);
  await plane.kubectl(["create", "namespace", namespace]);
  await applyPolicy(plane);
  return token;
}

/** The objects that Grants need. */
export async function applyPolicy(plane: ControlPlane): Promise<void> {
  // No proxy is run: what these tests look at is the cluster and AWS.
  for (const object of [
    aProxy({ spec: { managementPolicy: "Observe" } }),
    aDatabase(),
    aWorkflow(),
    anAvailability(),
  ]) {
    const { name } = object.metadata;
    await make(plane, { ...object, metadata: { name } } as AnyObject);
  }
}

async function make(plane: ControlPlane, object: AnyObject): Promise<unknown> {
  const collection = `/apis/${apiVersion}/namespaces/${namespace}/${definitions[object.kind].plural}`;
  // A server that has only just learned of a kind answers 429 for a moment.
  return eventually(`${object.kind} ${object.metadata.name} is made`, async () => {
    const { status, body } = await plane.request({ path: collection, method: "POST", body: object });
    if (status !== 201 && status !== 429) {
      throw new Error(`could not make ${object.kind}: ${status} ${JSON.stringify(body)}`);
    }
    return status === 201 ? body : undefined;
  });
}

async function writeCertificate(folder: string): Promise<void> {
  const authority = await createAuthority("Sallyport test CA", Date.now());
  const server = await authority.issue(["127.0.0.1", "localhost"]);
  writeFileSync(path.join(folder, "tls.crt"), server.certificate);
  writeFileSync(path.join(folder, "tls.key"), server.privateKey, { mode: 0o600 });
}
