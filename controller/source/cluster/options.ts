import type { Clock } from "#lib/clock.ts";
import type { Log } from "#lib/log.ts";
import type { OriginProof } from "../../admission/origin-proof.ts";
import type { KubeTransport } from "../../kube/transport.ts";

/** What the cluster source needs. */
export interface ClusterSourceOptions {
  readonly transport: KubeTransport;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  /** Namespaces that are looked at; empty: all. */
  readonly namespaces: readonly string[];
  /** The controller's own namespace, where the tombstones are. */
  readonly ownNamespace: string;
  /** Marks what the control API makes, and knows it again. */
  readonly origin: OriginProof;
  /** How long `start` waits for the first lists, in milliseconds; absent: `syncTimeoutMs`. */
  readonly syncTimeoutMs?: number;
}

/** Manager of the fields that Sallyport writes (managed fields); also of the finalizer. */
export const fieldManager = "sallyport";
/** Manager of the Flagged condition alone: any replica sets it, and never by way of the rest of a status. */
export const flagsManager = "sallyport-flags";
/** Holds a Grant until nothing of what it gave is left. */
export const finalizer = "sallyport.dev/revoke";
/** Holds a Proxy until its ECS service is gone, where that goes with it (`needsCleanUp`). */
export const cleanUpFinalizer = "sallyport.dev/clean-up";
/** All finalizers that the controller puts and removes. */
export const ownFinalizers: readonly string[] = [finalizer, cleanUpFinalizer];
