import type { Clock } from "#lib/clock.ts";
import type { Log } from "#lib/log.ts";
import type { AwsPorts } from "./aws/ports.ts";
import type { Fence } from "./leadership/fence.ts";
import type { Telemetry } from "./metrics/telemetry.ts";
import type { ControllerOptions } from "./options.ts";

/** The world that the controller runs in. */
export interface ControllerWorld {
  readonly options: ControllerOptions;
  readonly version: string;
  /** What proxies pin this controller by. The same on all replicas, since they have the same certificate. */
  readonly publicKeyPin: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: (bytes: number) => Buffer;
  readonly newID: () => string;
  readonly fetch: typeof globalThis.fetch;
  readonly ports: AwsPorts;
  /** What `ports` ask before each write. */
  readonly fence: Fence;
  /** Metrics and probes, which listen already; closed by whoever made them. Absent: nothing is measured. */
  readonly telemetry?: Telemetry;
  /** STS endpoint of the environment; absent: the region's own. */
  readonly stsURL: string | undefined;
  /** The process's environment, where a kubeconfig may be named. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Folder of the built console. Absent: none is served. */
  readonly consoleAssets?: string;
  /** Of this machine or pod. */
  readonly hostName: string;
}
