import { specDigest, type Grant } from "#kinds/index.ts";
import type { EpochMs } from "#lib/clock.ts";
import { defined } from "#lib/defined.ts";
import type { Recovered, Tombstone } from "../source.ts";
import { recoveredRow } from "../folder/rows.ts";

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
