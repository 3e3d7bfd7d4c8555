import { UserError } from "#lib/errors.ts";
import { checkLeaseTimes, type LeaseTimes, leaseTimesDefault } from "./kube/lease-times.ts";
import { type Address, readAddress, wrongOption } from "./option-values.ts";

/** Where the desired state is: a folder of YAML, or a cluster. */
export type SourceOptions = { readonly kind: "folder"; readonly folder: string } | ClusterOptions;

/** How a controller works with a cluster. */
export interface ClusterOptions {
  readonly kind: "cluster";
  /** Absent: the pod's service account, then the environment's kubeconfig. */
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  /** Namespaces that are looked at; empty: all. */
  readonly namespaces: readonly string[];
  /** Where the Lease and the tombstones are. Absent: the pod's own namespace, or that of the kubeconfig's context. */
  readonly ownNamespace: string | undefined;
  /** Undefined: this is the only replica, and it leads without a Lease. */
  readonly election: ElectionOptions | undefined;
  /** Where this replica takes what the others pass on to it while it leads. Absent: they pass nothing on. */
  readonly peerListen: Address | undefined;
  /** Whether metrics are shown over HTTPS, and only to whom the cluster allows to get them. */
  readonly metricsSecure: boolean;
}

/** How the leader among replicas is found. */
export interface ElectionOptions {
  readonly leaseName: string;
  readonly times: LeaseTimes;
}

/** Kubernetes' names of namespaces and Leases (RFC 1123 label). */
const namePattern = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Longest time that a lease may be told to hold, in seconds: nobody writes to AWS for that long after a crash. */
const leaseSecondsMax = 300;

const clusterFlags = [
  "kubeconfig",
  "context",
  "namespace",
  "controller-namespace",
  "leader-elect",
  "lease-name",
  "lease-duration",
  "lease-renew-deadline",
  "lease-retry-period",
  "peer-listen",
  "metrics-secure",
];

/** Chooses between a folder and a cluster by what was typed. Throws a `UserError` where that is both, or neither. */
export function readSource(given: Readonly<Record<string, string>>): SourceOptions {
  const { folder } = given;
  const isCluster = given["cluster"] !== undefined;
  if (isCluster === (folder !== undefined)) {
    const what = isCluster ? "--folder and --cluster exclude each other" : "it is not said where the objects are";
    throw new UserError("InvalidOption", what, {
      why: "The desired state is in one place.",
      next: "Give --folder DIR for a folder of YAML, or --cluster for a Kubernetes cluster.",
    });
  }
  if (folder === undefined) {
    return readCluster(given);
  }
  const stray = clusterFlags.find((flag) => given[flag] !== undefined);
  if (stray !== undefined) {
    throw new UserError("InvalidOption", `--${stray} is of use with --cluster only`, { next: "Leave it out." });
  }
  return { kind: "folder", folder };
}

function readCluster(given: Readonly<Record<string, string>>): ClusterOptions {
  const namespaces = (given["namespace"] ?? "").split(",").filter((name) => name !== "");
  for (const name of namespaces) {
    checkName("namespace", name);
  }
  const ownNamespace = given["controller-namespace"];
  if (ownNamespace !== undefined) {
    checkName("controller-namespace", ownNamespace);
  }
  return {
    kind: "cluster",
    kubeconfig: given["kubeconfig"],
    context: given["context"],
    namespaces: [...new Set(namespaces)],
    ownNamespace,
    election: readElection(given),
    peerListen: readPeer(given["peer-listen"]),
    metricsSecure: given["metrics-secure"] !== undefined,
  };
}

function readElection(given: Readonly<Record<string, string>>): ElectionOptions | undefined {
  const wanted = given["leader-elect"] ?? "true";
  if (wanted !== "true" && wanted !== "false") {
    throw wrongOption("leader-elect", wanted, "true or false");
  }
  const leaseName = checkName("lease-name", given["lease-name"] ?? "sallyport");
  const seconds = (flag: string, fallbackMs: number): number => readSeconds(flag, given[flag], fallbackMs);
  const times = checkLeaseTimes({
    leaseDurationMs: seconds("lease-duration", leaseTimesDefault.leaseDurationMs),
    renewDeadlineMs: seconds("lease-renew-deadline", leaseTimesDefault.renewDeadlineMs),
    retryPeriodMs: seconds("lease-retry-period", leaseTimesDefault.retryPeriodMs),
  });
  return wanted === "false" ? undefined : { leaseName, times };
}

function readSeconds(flag: string, text: string | undefined, fallbackMs: number): number {
  if (text === undefined) {
    return fallbackMs;
  }
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (seconds < 1 || seconds > leaseSecondsMax) {
    throw wrongOption(flag, text, `a whole number of seconds from 1 to ${leaseSecondsMax}`);
  }
  return seconds * 1_000;
}

function readPeer(text: string | undefined): Address | undefined {
  if (text === undefined) {
    return undefined;
  }
  const address = readAddress("peer-listen", text);
  if (["0.0.0.0", "::"].includes(address.host)) {
    throw wrongOption("peer-listen", text, "an address that other replicas can reach, such as the pod's own");
  }
  return address;
}

function checkName(flag: string, name: string): string {
  if (!namePattern.test(name)) {
    throw wrongOption(flag, name, "lower-case letters, digits and dashes, at most 63");
  }
  return name;
}
