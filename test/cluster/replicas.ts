import { connect, createServer, type Server, type Socket } from "node:net";
import { pipeline } from "node:stream";
import path from "node:path";
import { grantFile } from "#tools/demo/grant-file.ts";
import { judgeCluster } from "../harness/conformance.ts";
import { type ControlPlane, startControlPlane } from "../harness/control-plane.ts";
import { type ClusterPlace, prepareCluster } from "../harness/control-plane-installation.ts";
import { type Installation, startInstallation } from "../harness/installation.ts";
import { freePort } from "../harness/postgres.ts";
import { eventually, type SallyportProcess, startSallyport } from "../harness/process.ts";

/** Short, so that a test need not wait: the ratios are the defaults'. */
const leaseFlags = { "lease-duration": "4", "lease-renew-deadline": "3", "lease-retry-period": "1" };

/** One replica of the controller. */
export interface Replica {
  readonly process: SallyportProcess;
  readonly port: number;
  /** Its own state directory. */
  readonly state: string;
}

/** An installation on a real API server whose controller has several replicas behind one address. */
export interface Cluster extends AsyncDisposable {
  readonly plane: ControlPlane;
  readonly place: ClusterPlace;
  readonly installation: Installation;
  /** All that were started, ended ones too. The first one leads at the beginning. */
  readonly replicas: readonly Replica[];
  /** Starts one more and waits until it stands by, or leads. */
  addReplica(): Promise<Replica>;
  /** kubectl in the namespace of the objects, as an administrator. */
  kubectl(...args: readonly string[]): Promise<string>;
  /** Applies a Grant as the person whom it is for. */
  ask(name: string, person: string, role: string): Promise<void>;
  /** Name in `holderIdentity`; empty where nobody holds the Lease. */
  holder(): Promise<string>;
}

/** Starts API server, sandbox, databases and one replica. `flags`: further ones of all replicas, without the dashes. */
export async function startCluster(flags: Readonly<Record<string, string>> = {}): Promise<Cluster> {
  const plane = await startControlPlane();
  const replicas: Replica[] = [];
  const service = new Service(() => replicas.map(({ port }) => port));
  const publicPort = await service.listen();
  const [port, peer] = [await freePort(), await freePort()];
  let place: ClusterPlace | undefined;
  const starting = startInstallation({
    port: publicPort,
    flags: { listen: `127.0.0.1:${port}`, "peer-listen": `127.0.0.1:${peer}`, ...leaseFlags, ...flags },
    async place(folder) {
      place = await prepareCluster(plane, folder);
      return place.controllerArguments;
    },
  });
  const installation = await starting;
  const ready = place as unknown as ClusterPlace;
  replicas.push({ process: installation.controller(), port, state: installation.stateDirectory });
  const people = new Map<string, string>();
  const namespaced = ["--namespace", ready.namespace];
  return {
    plane,
    place: ready,
    installation,
    replicas,
    async addReplica() {
      const replica = await startReplica(installation, replicas.length);
      replicas.push(replica);
      return replica;
    },
    kubectl: (...args) => plane.kubectl([...namespaced, ...args]),
    async ask(name, person, role) {
      const kubeconfig = people.get(person) ?? (await ready.kubeconfigFor(person, "sallyport-requester"));
      people.set(person, kubeconfig);
      const stdin = grantFile({ name, person, database: "orders", role, requester: person });
      await plane.kubectl([...namespaced, "create", "--filename", "-"], { kubeconfig, stdin });
    },
    holder: () =>
      plane.kubectl([
        "--namespace",
        "sallyport-system",
        "get",
        "lease",
        "sallyport",
        "-o",
        "jsonpath={.spec.holderIdentity}",
      ]),
    async [Symbol.asyncDispose]() {
      for (const { process } of replicas) {
        process.kill("SIGKILL");
        await process.exited;
      }
      service.close();
      await installation.stop();
      try {
        await judgeCluster((what) => plane.request(what));
      } finally {
        await plane.close();
      }
    },
  };
}

async function startReplica(installation: Installation, index: number): Promise<Replica> {
  const port = await freePort();
  const state = path.join(path.dirname(installation.stateDirectory), `state-${index}`);
  const changed: Record<string, string> = {
    "--listen": `127.0.0.1:${port}`,
    "--peer-listen": `127.0.0.1:${await freePort()}`,
    "--state": state,
  };
  const { args, environment } = installation.controllerCommand;
  const own = args.map((arg, at) => changed[args[at - 1] ?? ""] ?? arg);
  const process = startSallyport(own, environment);
  await process.line((line) => /"stands by for the leader"|"control API listens"/.test(line));
  return { process, port, state };
}

/** What a Service does: takes connections and gives each to one of those that answer. */
class Service {
  readonly #ports: () => readonly number[];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #next = 0;

  constructor(ports: () => readonly number[]) {
    this.#ports = ports;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => socket.destroy());
      this.#take(socket, this.#ports().length);
    });
  }

  async listen(): Promise<number> {
    const port = await freePort();
    return new Promise((resolve) => this.#server.listen(port, "127.0.0.1", () => resolve(port)));
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) {
      socket.destroy();
    }
  }

  #take(socket: Socket, triesLeft: number): void {
    const ports = this.#ports();
    const port = ports[(this.#next += 1) % Math.max(1, ports.length)];
    if (port === undefined || triesLeft === 0) {
      socket.destroy();
      return;
    }
    const onwards = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    onwards.once("error", () => this.#take(socket, triesLeft - 1));
    onwards.once("connect", () => {
      onwards.removeAllListeners("error");
      pipeline(socket, onwards, () => {});
      pipeline(onwards, socket, () => {});
      socket.on("close", () => onwards.destroy());
    });
  }
}

/** Resolves with the replica among them that leads by the Lease; by its process's own word. */
export function leaderOf(cluster: Cluster): Promise<Replica> {
  return eventually("a replica leads", async () => {
    const holder = await cluster.holder();
    return holder === ""
      ? undefined
      : cluster.replicas.find(({ process }) =>
          process.lines.some((line) => line.includes('"this replica leads"') && line.includes(`"${holder}"`)),
        );
  });
}
