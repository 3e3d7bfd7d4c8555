import type { Clock } from "#lib/clock.ts";
import type { Leadership } from "../leadership/leadership.ts";
import type { LoopStats } from "../reconcile/stats.ts";
import type { Check } from "./check.ts";

/**
 * Most that the wall clock may drift from the monotonic one since the start, in milliseconds: cert-manager's bound
 * (`pkg/healthz/clock_health.go`). Timers run by the monotonic clock and expiry is told by the other; far apart, one of them is wrong.
 */
export const clockDriftMaxMs = 5 * 60_000;

/**
 * A reflector that did nothing at all for this long, in milliseconds, is dead: a silent watch is given up after 70 s, a failed request
 * is tried again within 30 s, and each page of a list is a step.
 */
export const reflectorStuckMs = 5 * 60_000;

/**
 * How long after it lost the Lease a process may still be there, in milliseconds, before it is ended from outside: cert-manager's
 * tolerance. It must end by itself at once.
 */
export const leaseLostGraceMs = 20_000;

/** Wall and monotonic clock agree as they did when this was made. */
export function clockCheck(clock: Clock): Check {
  const offset = (): number => clock.now() - clock.monotonicMs();
  const atStart = offset();
  return {
    name: "clock",
    failure() {
      const driftMs = Math.abs(offset() - atStart);
      return driftMs > clockDriftMaxMs
        ? `the wall clock has moved by ${Math.round(driftMs / 1_000)} s against the monotonic one since the start`
        : undefined;
    },
  };
}

/** The reconcile loop gets on. */
export function loopCheck(stats: () => Pick<LoopStats, "stuck" | "oldestRunMs">): Check {
  return {
    name: "reconcile-loop",
    failure() {
      const { stuck, oldestRunMs } = stats();
      return stuck ? `every worker is stuck, the oldest for ${Math.round(oldestRunMs / 1_000)} s` : undefined;
    },
  };
}

/** Everything that is declared is known. Not leadership: a rollout waits for readiness, and the Lease for the rollout's old pod. */
export function syncedCheck(isSynced: () => boolean): Check {
  return {
    name: "source-sync",
    failure: () => (isSynced() ? undefined : "not all objects are known yet"),
  };
}

/** What is looked at of a reflector; monotonic milliseconds. */
export interface ReflectorPulse {
  readonly name: string;
  readonly lastStepMs: number;
}

/** Every reflector is alive. */
export function reflectorsCheck(reflectors: () => readonly ReflectorPulse[], clock: Clock): Check {
  return {
    name: "reflectors",
    failure() {
      const nowMs = clock.monotonicMs();
      const stuck = reflectors().filter(({ lastStepMs }) => nowMs - lastStepMs > reflectorStuckMs);
      return stuck.length === 0 ? undefined : `no step for minutes: ${stuck.map(({ name }) => name).join(", ")}`;
    },
  };
}

/** A process that has lost the Lease is not there any more, and one that holds it has renewed it. */
export function leaseCheck(
  leadership: Pick<Leadership, "onChange" | "lastRenewedMs">,
  leaseDurationMs: number,
  clock: Clock,
): Check {
  let hasLed = false;
  let lostMs: number | undefined;
  leadership.onChange((isLeading) => {
    lostMs = hasLed && !isLeading ? clock.monotonicMs() : undefined;
    hasLed ||= isLeading;
  });
  return {
    name: "leader-election",
    failure() {
      const renewedMs = leadership.lastRenewedMs();
      const nowMs = clock.monotonicMs();
      if (lostMs !== undefined && nowMs - lostMs > leaseLostGraceMs) {
        return "the lease was lost and the process has not ended";
      }
      return renewedMs !== undefined && nowMs - renewedMs > leaseDurationMs + leaseLostGraceMs
        ? "the lease was not renewed in time and is still believed to be held"
        : undefined;
    },
  };
}
