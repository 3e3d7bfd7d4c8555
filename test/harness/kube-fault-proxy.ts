import type { Connectivity, Fault, Interruption, Match, Verb } from "./kube-fault-proxy-faults.ts";

/** A request that came through, in the order of arrival. */
export interface SeenRequest {
  readonly verb: Verb;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Number of its connection, from 1. */
  readonly connection: number;
}

/** Stands between a client and the API server over TLS of its own authority, and fails as a test says. */
export interface KubeFaultProxy {
  /** `https://127.0.0.1:PORT`. */
  readonly url: string;
  /** The authority to trust; also for `writeKubeconfig`. */
  readonly caPEM: string;
  /** Every request so far. */
  readonly requests: readonly SeenRequest[];
  /** How many requests match. */
  count(match?: Match): number;
  /** Connections that were made so far, and those that are open now. */
  connections(): { readonly opened: number; readonly open: number };
  /** Watches that are open now. */
  openWatches(match?: Match): number;
  /** Makes requests to come fail, `times` of them or until `clear`. Of several faults that match, the one that was added first. */
  inject(fault: Fault, match?: Match, times?: number): void;
  /** Ends all injected faults, and lets connections pass. Streams that a fault has silenced stay silent. */
  clear(): Promise<void>;
  /** Acts at once on the watches that are open; returns how many. */
  interrupt(how: Interruption, match?: Match): number;
  /** How connections are met from now on. */
  setConnectivity(how: Connectivity): Promise<void>;
  close(): Promise<void>;
}
