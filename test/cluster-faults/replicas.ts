import path from "node:path";
import type { FaultEvent } from "#sandbox/faults.ts";
import { randomFrom, uniqueID } from "#sandbox/ids.ts";
import type { Sandbox } from "#sandbox/sandbox.ts";
import { writeKubeconfig } from "../harness/control-plane-client.ts";
import type { ControlPlane } from "../harness/control-plane.ts";
import { type KubeFaultProxy, startKubeFaultProxy } from "../harness/kube-fault-proxy.ts";
import { freePort } from "../harness/postgres.ts";
import { eventually, type SallyportProcess, startSallyport } from "../harness/process.ts";

/** Longer than a busy machine delays a renewal. Where a test knows that a holder is dead, it frees the Lease and need not wait. */
const leaseSeconds = { "lease-duration": "6", "lease-renew-deadline": "5", "lease-retry-period": "1" } as const;

/** One replica of the controller: a real process, its own way to the API server, its own name at AWS. */
export interface Replica {
  readonly process: SallyportProcess;
  /** Between it and the API server. */
  readonly kube: KubeFaultProxy;
  /** The end of its ARN at AWS. */
  readonly user: string;
  /** Whether it said that it leads. */
  hasLed(): boolean;
  /** SIGKILL; resolves when nothing of it runs. */
  kill(): Promise<void>;
}

/** What a test may change of a replica. */
export interface ReplicaOptions {
  /** How far its wall clock is ahead, in milliseconds; negative: behind. */
  readonly clockAheadMs?: number;
  /** Further flags, without the dashes. */
  readonly flags?: Readonly<Record<string, string>>;
  /** Do not wait until it leads or stands by. */
  readonly isAwaited?: boolean;
}

interface ReplicasOptions {
  readonly plane: ControlPlane;
  readonly sandbox: Sandbox;
  readonly folder: string;
  readonly token: string;
  readonly installation: string;
  readonly namespace: string;
  readonly ownNamespace: string;
}

/** All replicas that were started, dead ones too. */
export class Replicas {
  readonly all: Replica[] = [];
  readonly #options: ReplicasOptions;

  constructor(options: ReplicasOptions) {
    this.#options = options;
  }

  async add(options: ReplicaOptions = {}): Promise<Replica> {
    const { plane, sandbox, folder, token } = this.#options;
    const number = this.all.length;
    const kube = await startKubeFaultProxy(plane);
    const kubeconfig = writeKubeconfig(path.join(folder, `replica-${number}.kubeconfig`), kube, "controller", token);
    const user = `:user/replica-${number}`;
    const flags = { ...(await this.#flags(number, kubeconfig)), ...options.flags };
    const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
    const process = startSallyport(["controller", "--cluster", ...args], {
      HOME: folder,
      AWS_ENDPOINT_URL: sandbox.url,
      AWS_REGION: sandbox.region,
      AWS_EC2_METADATA_DISABLED: "true",
      ...credentials(sandbox, `replica-${number}`),
      ...clock(options.clockAheadMs ?? 0),
    });
    const hasLed = (): boolean => process.lines.some((line) => line.includes('"this replica leads"'));
    const kill = async (): Promise<void> => {
      process.kill("SIGKILL");
      await process.exited;
    };
    const replica = { process, kube, user, hasLed, kill };
    this.all.push(replica);
    if (options.isAwaited !== false) {
      await process.line((line) => /"stands by for the leader"|"control API listens"/.test(line));
    }
    return replica;
  }

  /** The replica that holds the Lease and says so. */
  leader(): Promise<Replica> {
    const { plane, ownNamespace } = this.#options;
    const leasePath = `/apis/coordination.k8s.io/v1/namespaces/${ownNamespace}/leases/sallyport`;
    return eventually(
      () => `a replica leads\n${this.lastWords()}`,
      async () => {
        const { body } = await plane.request({ path: leasePath });
        const holder = (body as { spec?: { holderIdentity?: string } }).spec?.holderIdentity ?? "";
        const says = ({ process }: Replica): boolean =>
          process.lines.some((line) => line.includes('"this replica leads"') && line.includes(`"${holder}"`));
        return holder === "" ? undefined : this.all.find(says);
      },
    );
  }

  /** The replica that made a call to AWS. */
  callerOf({ callerARN = "" }: Pick<FaultEvent, "callerARN">): Replica | undefined {
    return this.all.find(({ user }) => callerARN.endsWith(user));
  }

  /** The last that each said, for a failure's message. */
  lastWords(): string {
    return this.all
      .slice(-3)
      .map(({ process, user }) => `${user}\n${process.lines.slice(-12).join("\n")}`)
      .join("\n");
  }

  async close(): Promise<void> {
    for (const { process, kube } of this.all) {
      process.kill("SIGKILL");
      await process.exited;
      await kube.close();
    }
  }

  async #flags(number: number, kubeconfig: string): Promise<Record<string, string>> {
    const { folder, sandbox, installation, namespace, ownNamespace } = this.#options;
    return {
      kubeconfig,
      namespace,
      "controller-namespace": ownNamespace,
      ...leaseSeconds,
      state: path.join(folder, `state-${number}`),
      installation,
      "tls-cert": path.join(folder, "tls.crt"),
      "tls-key": path.join(folder, "tls.key"),
      listen: `127.0.0.1:${await freePort()}`,
      "peer-listen": `127.0.0.1:${await freePort()}`,
      "public-url": "https://127.0.0.1:1",
      "start-url": sandbox.startURL,
      "auditor-group": "auditors",
      "administrator-group": "administrators",
    };
  }
}

/** Keys of an administrator of its own for each replica, so that calls can be told apart. */
function credentials({ state }: Sandbox, userName: string): Record<string, string> {
  const accountID = "111122223333";
  const { accessKeyID, secretAccessKey } = state.credentials.mint({
    accountID,
    arn: `arn:aws:iam::${accountID}:user/${userName}`,
    userID: uniqueID(randomFrom(userName), "AIDA"),
    permissions: () => "administrator",
    expiresAt: undefined,
  });
  return { AWS_ACCESS_KEY_ID: accessKeyID, AWS_SECRET_ACCESS_KEY: secretAccessKey };
}

/** Every `Date` of the process is ahead; its monotonic clock is the machine's. */
function clock(aheadMs: number): Record<string, string> {
  const preload = new URL("wrong-clock.ts", import.meta.url).href;
  return aheadMs === 0 ? {} : { NODE_OPTIONS: `--import ${preload}`, CLOCK_AHEAD_MS: String(aheadMs) };
}
