/** How long sessions last, all in milliseconds. */
export interface SessionTimes {
  /** Without stream data in either direction. AWS: 1 to 60 minutes, default 20. */
  readonly idleTimeoutMs: number;
  /** From attachment of a websocket until the service closes it with 1000 "Bye". AWS: about an hour. */
  readonly bounceIntervalMs: number;
  /** AWS: 1 to 1440 minutes where it is set at all; a day here. */
  readonly maxDurationMs: number;
}

/** What AWS does by default. */
export const defaultSessionTimes: SessionTimes = {
  idleTimeoutMs: 20 * 60_000,
  bounceIntervalMs: 60 * 60_000,
  maxDurationMs: 24 * 60 * 60_000,
};

/** Settings of the simulated Session Manager. */
export interface SsmOptions {
  readonly times: SessionTimes;
  /**
   * Largest payload of a message from the agent, in bytes. The reference agent sends 1024, which with its pauses caps a
   * tunnel below 1 MB/s; clients accept 64 KiB. The default holds one whole frame of the multiplexer.
   */
  readonly payloadMaxBytes: number;
  /** What a client sees when its task stops: an end with a reason, or nothing at all, as when a host is lost. */
  readonly onTargetGone: "Close" | "Silence";
}

/** Fast and with a reason for everything. */
export const defaultSsmOptions: SsmOptions = {
  times: defaultSessionTimes,
  payloadMaxBytes: 32_776,
  onTargetGone: "Close",
};
