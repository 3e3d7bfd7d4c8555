import type { Clock } from "#lib/clock.ts";
import type { Log } from "#lib/log.ts";
import type { Authorize } from "./authorize.ts";
import type { Random } from "./ids.ts";
import type { Reads } from "./reads.ts";
import type { AsyncRequest } from "./identity-center/requests.ts";
import type { State } from "./state.ts";

/** What each service of the sandbox is built from. */
export interface Context {
  readonly state: State;
  /** What operations that only read see of sets, assignments and roles. */
  readonly reads: Reads;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly delays: Delays;
  readonly limits: Limits;
  /** Every signed operation asks it before it does anything. */
  readonly authorize: Authorize;
  /** `http://127.0.0.1:<port>`, known once the server listens. */
  readonly url: () => string;
  /** Asked when an asynchronous Identity Center request comes to its end: a failure reason makes it FAILED. */
  readonly asyncFailure: (request: AsyncRequest) => string | undefined;
}

/** How long things take, in milliseconds. */
export interface Delays {
  /** From an Identity Center request's IN_PROGRESS to its end. AWS: seconds, at times minutes. */
  readonly identityCenterMs: number;
  /** What the device flow tells clients to wait between polls, in seconds. AWS: 1 or 5. */
  readonly devicePollSeconds: number;
}

/** Limits of the service that a test may want to reach sooner. */
export interface Limits {
  /** Permission sets provisioned into one account; AWS's default quota is 500. */
  readonly provisionedSetsPerAccountMax: number;
  /** Permission sets of one instance; AWS's default quota is 3500. */
  readonly permissionSetsMax: number;
  /** All Identity Center administration calls together, per second; AWS: 20. Infinity turns it off. */
  readonly identityCenterPerSecond: number;
  /** Identity store calls per second. AWS documents none that callers may rely on; Infinity turns it off. */
  readonly identityStorePerSecond: number;
}

/** As AWS documents them, with delays short enough for a demo. */
export const defaultDelays: Delays = { identityCenterMs: 300, devicePollSeconds: 1 };
export const defaultLimits: Limits = {
  provisionedSetsPerAccountMax: 500,
  permissionSetsMax: 3500,
  identityCenterPerSecond: 20,
  identityStorePerSecond: 20,
};
