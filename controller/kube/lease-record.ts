import type { EpochMs } from "#lib/clock.ts";

/** A `coordination.k8s.io/v1` Lease, as far as it concerns us. */
export interface LeaseObject {
  readonly apiVersion: "coordination.k8s.io/v1";
  readonly kind: "Lease";
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly resourceVersion?: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec?: LeaseSpec;
}

/** Who holds it, and since when. Instants are MicroTimes; they are for people, and nothing is decided by them. */
export interface LeaseSpec {
  /** Empty: released. */
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

/** Kubernetes' MicroTime: RFC 3339 with six digits of a second. */
export function microTime(now: EpochMs): string {
  return new Date(now).toISOString().replace("Z", "000Z");
}

/**
 * The time to write into a renewal. Later than the one before, whatever the wall clock does: an equal text would be no change, and
 * others see a renewal only by its change.
 */
export function nextRenewTime(now: EpochMs, previous: string | undefined): string {
  const before = Date.parse(previous ?? "");
  return microTime(Number.isNaN(before) ? now : Math.max(now, before + 1));
}
