import { randomBytes } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { Agent } from "node:https";
import { tmpdir } from "node:os";
import path from "node:path";
import { kubectlPart, kubePart } from "#tools/parts/kube.ts";
import { isMissing } from "#tools/parts/part.ts";
import { type ApiAnswer, type ApiRequest, ask, runKubectl, writeKubeconfig } from "./control-plane-client.ts";
import { type Guard, startGuard } from "./guard.ts";
import { type People, startPeople } from "./control-plane-people.ts";
import { installCRDs, make, serviceAccountToken } from "./control-plane-objects.ts";
import { type ControlPlaneServers, startStore } from "./control-plane-server.ts";

/** How kubectl is run. */
export interface KubectlOptions {
  /** Whom it runs as: a kubeconfig file of `kubeconfigFor`. The administrator's by default. */
  readonly kubeconfig?: string;
  /** What it reads, for `-f -`. */
  readonly stdin?: string;
}

/**
 * A real kube-apiserver on a real etcd, on loopback ports. RBAC is on. There is no controller manager, so nothing collects garbage, no
 * namespace ever finishes its deletion, and no service account or its token appears by itself.
 */
export interface ControlPlane {
  /** `https://127.0.0.1:PORT`, the same after `restart`. */
  readonly url: string;
  /** The authority that signed the server's certificate. */
  readonly caPEM: string;
  /** Bearer token of a member of `system:masters`, who may do everything. */
  readonly adminToken: string;
  /** The administrator's kubeconfig. */
  readonly kubeconfigFile: string;
  /** Process id of the API server that runs now. */
  apiserverProcessID(): number;
  /** A bearer token for a person of that name and groups; `system:authenticated` comes by itself. Who is new may do nothing yet. */
  tokenFor(user: string, groups?: readonly string[]): string;
  /** A kubeconfig file for that person. */
  kubeconfigFor(user: string, groups?: readonly string[]): string;
  /** Makes the service account (and its namespace) where it is not there, and asks for a token as a pod's would be: TokenRequest. */
  serviceAccountToken(namespace: string, name: string): Promise<string>;
  /** Runs kubectl; gives its standard output, or rejects with `KubectlFailed`. */
  kubectl(args: readonly string[], options?: KubectlOptions): Promise<string>;
  /** One request without any of the project's code. Every status is an answer. */
  request(what: ApiRequest): Promise<ApiAnswer>;
  /** Makes a namespace with a name that no other test has, and gives the name. */
  createNamespace(prefix?: string): Promise<string>;
  /** Applies `crds/*.yaml` and waits until each is Established. */
  installCRDs(): Promise<void>;
  /** Ends the API server with `SIGKILL` (watches break at once) or `SIGTERM` (they end in order) and starts it again on the same port and store. */
  restart(signal?: "SIGKILL" | "SIGTERM"): Promise<void>;
  /** The first half of `restart`: from now on connections are refused. */
  stopServer(signal?: "SIGKILL" | "SIGTERM"): Promise<void>;
  /** The second half. */
  startServer(): Promise<void>;
  /** Keeps a copy of everything that the cluster has now. The API server is away for a moment. */
  backUp(): Promise<void>;
  /** Sets the cluster back to that copy, as the restoring of an etcd snapshot does: what was written since never was. */
  setBack(): Promise<void>;
  /** `SIGSTOP`: the system still accepts connections, and nobody answers. */
  freeze(): void;
  /** `SIGCONT`. */
  thaw(): void;
  /** Kills both servers and removes their files. */
  close(): Promise<void>;
}

/** Why there is no control plane here, for a skip's reason; undefined when there is one. */
export function controlPlaneMissing(): string | undefined {
  const programs = kubePart();
  return isMissing(programs) ? programs.missing : undefined;
}

/** Why there is no kubectl here, for a skip's reason; undefined when there is one. */
export function kubectlMissing(): string | undefined {
  const kubectl = kubectlPart();
  return isMissing(kubectl) ? kubectl.missing : undefined;
}

/** What a test may change of its API server. */
export interface ControlPlaneOptions {
  /** Further flags of kube-apiserver, without the dashes. */
  readonly flags?: Readonly<Record<string, string>>;
}

/** Starts both servers and waits until the API server is ready: about three seconds. Throws where there are none; see `controlPlaneMissing`. */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const programs = kubePart();
  if (isMissing(programs)) {
    throw new Error(programs.missing);
  }
  const folder = mkdtempSync(path.join(tmpdir(), "sallyport-kube-"));
  const guard = startGuard(folder);
  const people = await startPeople();
  try {
    const adminToken = `admin-${randomBytes(16).toString("hex")}`;
    const flags = options.flags ?? {};
    const servers = await startStore({ programs, folder, guard, adminToken, tokenReviewURL: people.url, flags });
    const cluster = createControlPlane(servers, people, { folder, guard, adminToken });
    await cluster.startServer();
    return cluster;
  } catch (error) {
    await people.close();
    await guard.end();
    throw error;
  }
}

function createControlPlane(
  servers: ControlPlaneServers,
  people: People,
  own: { readonly folder: string; readonly guard: Guard; readonly adminToken: string },
): ControlPlane {
  const { url, caPEM } = servers;
  const { folder, guard, adminToken } = own;
  const agent = new Agent({ keepAlive: true, ca: caPEM });
  const request = (what: ApiRequest): Promise<ApiAnswer> => ask(servers, agent, what, adminToken);
  const kubeconfigFile = writeKubeconfig(path.join(folder, "admin.kubeconfig"), servers, "admin", adminToken);
  let written = 0;
  const startServer = (): Promise<void> =>
    servers.start(async () => (await request({ path: "/readyz" })).status === 200);
  const stopServer = async (signal: "SIGKILL" | "SIGTERM" = "SIGKILL"): Promise<void> => {
    await servers.stop(signal);
    // Idle connections of ours ended with it; the next request must not find one of them.
    agent.destroy();
  };
  return {
    url,
    caPEM,
    adminToken,
    kubeconfigFile,
    apiserverProcessID: () => servers.apiserverProcessID(),
    tokenFor: (user, groups = []) => people.tokenFor(user, groups),
    kubeconfigFor(user, groups = []) {
      written += 1;
      const file = path.join(folder, `person-${written}.kubeconfig`);
      return writeKubeconfig(file, servers, user, people.tokenFor(user, groups));
    },
    serviceAccountToken: (namespace, name) => serviceAccountToken(request, namespace, name),
    kubectl: (args, { kubeconfig = kubeconfigFile, ...rest } = {}) => runKubectl(args, { kubeconfig, ...rest }),
    request,
    async createNamespace(prefix = "test") {
      const answer = await make(request, "/api/v1/namespaces", { generateName: `${prefix}-` });
      return (answer as { metadata: { name: string } }).metadata.name;
    },
    installCRDs: () => installCRDs(request),
    startServer,
    stopServer,
    async restart(signal) {
      await stopServer(signal);
      await startServer();
    },
    async backUp() {
      await stopServer();
      await servers.store("save");
      await startServer();
    },
    async setBack() {
      await stopServer();
      await servers.store("setBack");
      await startServer();
    },
    freeze: () => servers.signal("SIGSTOP"),
    thaw: () => servers.signal("SIGCONT"),
    async close() {
      agent.destroy();
      await people.close();
      await guard.end();
    },
  };
}
