import { UserError } from "#lib/errors.ts";

/** How long a lease holds and how often it is renewed, in milliseconds. */
export interface LeaseTimes {
  /** Others wait this long after the last renewal that they saw. Whole seconds, since the Lease states them. */
  readonly leaseDurationMs: number;
  /** The holder counts itself out when it could not renew for this long. */
  readonly renewDeadlineMs: number;
  /** Pause between two tries. */
  readonly retryPeriodMs: number;
}

/** client-go's defaults (tools/leaderelection): five tries fit into the deadline, and 5 s lie between its end and another's beginning. */
export const leaseTimesDefault: LeaseTimes = {
  leaseDurationMs: 15_000,
  renewDeadlineMs: 10_000,
  retryPeriodMs: 2_000,
};

/** client-go's JitterFactor: tries of many replicas must not fall together. */
const jitter = 1.2;

/** The least time, in milliseconds, that one try of the lease has. */
const attemptTimeoutMinMs = 1_000;

/** One try has half of the deadline, so that one that hangs does not cost the lease (client-go: HTTP timeout of the lease client). */
export function attemptTimeoutMs({ renewDeadlineMs }: LeaseTimes): number {
  return Math.max(attemptTimeoutMinMs, renewDeadlineMs / 2);
}

/** Checks what was typed. Throws a `UserError` that names the flags. */
export function checkLeaseTimes(times: LeaseTimes): LeaseTimes {
  const { leaseDurationMs, renewDeadlineMs, retryPeriodMs } = times;
  if (leaseDurationMs <= renewDeadlineMs) {
    throw wrong(
      "--lease-duration must be longer than --lease-renew-deadline",
      "the holder must stop before another begins",
    );
  }
  if (renewDeadlineMs <= retryPeriodMs * jitter) {
    throw wrong(
      `--lease-renew-deadline must be longer than ${jitter} times --lease-retry-period`,
      "a holder that tries once only loses the lease with the first hiccup",
    );
  }
  return times;
}

function wrong(what: string, why: string): UserError {
  return new UserError("InvalidOption", what, { why, next: "The defaults are 15, 10 and 2 seconds." });
}
