import { specDigest, type AnyObject, type Grant } from "#kinds/index.ts";
import type { EpochMs } from "#lib/clock.ts";
import { defined } from "#lib/defined.ts";
import type { Recovered, Tombstone } from "../source.ts";
import { recoveredRow } from "../folder/rows.ts";
import type { AnyStatus } from "./status-fields.ts";

type GrantStatus = NonNullable<Grant["status"]>;

/**
 * The status of a Grant whose own was lost, or is older than what AWS remembers (an etcd snapshot was restored). No clock starts
 * again: a window that AWS knows is the window, and an end that AWS knows is the end. Everything else stays as it is.
 */
export function restoredStatus(status: GrantStatus, remembered: GrantStatus): GrantStatus {
  const base = status.external === undefined ? { ...status, ...remembered } : status;
  const { activationTime, expiryTime, extensionCount, end, endTime } = remembered;
  const window = { activationTime, expiryTime, extensionCount };
  const isEarlier =
    base.activationTime === undefined || Date.parse(base.activationTime) > Date.parse(activationTime ?? "");
  return {
    ...base,
    ...(activationTime !== undefined && expiryTime !== undefined && isEarlier ? defined(window) : {}),
    ...(end !== undefined && endTime !== undefined && base.end === undefined ? { end, endTime } : {}),
  };
}

/**
 * Whether the Grant has now less than it had of what never goes away, which is the record of what was approved, the window and the
 * end, or a window that begins later. Somebody edited the status, or the store was set back.
 */
export function hasLostStatus(now: AnyObject, before: AnyObject): boolean {
  if (now.kind !== "Grant" || before.kind !== "Grant" || now.metadata.uid !== before.metadata.uid) {
    return false;
  }
  const kept = ["external", "activationTime", "end", "deprovisionTime"] as const;
  const isLess = kept.some((field) => before.status?.[field] !== undefined && now.status?.[field] === undefined);
  const [begins, began] = [now, before].map(({ status }) => Date.parse(status?.activationTime ?? ""));
  return isLess || (begins ?? NaN) > (began ?? NaN);
}

/** A status with what was known before of record, window and end. */
export function keptStatus(found: AnyStatus, known: AnyStatus): AnyStatus {
  const { deprovisionTime } = known;
  const restored = restoredStatus(found as GrantStatus, known as GrantStatus) as AnyStatus;
  return deprovisionTime === undefined || restored["end"] === undefined ? restored : { deprovisionTime, ...restored };
}

/** A Grant that only AWS remembers, as it is shown until it is taken away. */
export function lostGrant(recovered: Recovered, now: EpochMs): Grant {
  return recoveredRow(recovered, now).object as Grant;
}

/** Keeps the name of a Grant that only AWS remembers from being granted anew, under whatever uid. */
export function tombstoneOf(recovered: Recovered, now: EpochMs): Tombstone {
  const grant = lostGrant(recovered, now);
  const { namespace, name } = grant.metadata;
  return { namespace, name, uid: recovered.uid, specDigest: specDigest(grant), notAfterTime: grant.spec.notAfterTime };
}
