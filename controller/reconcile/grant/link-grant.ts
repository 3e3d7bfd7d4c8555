import type { Database, Grant } from "#kinds/index.ts";
import type { EpochMs } from "#lib/clock.ts";
import type { LinkGrant } from "#wire/link.ts";
import { ownEndCause } from "./end-cause.ts";
import { currentExpiry, storedWindow } from "./window.ts";

/** How long proxies are told of an ended grant: a snapshot names all that ended within the last day. */
export const endedGrantShownMs = 24 * 3_600_000;

/**
 * The Grant as its proxy needs it at `now`; undefined for one that was never live, or ended more than a day ago. It is
 * ended here from the very moment its end is known, before anything else has happened. `database` gives the audit policy,
 * which is not pinned; without it the strictest default holds.
 */
export function linkGrantOf(grant: Grant, database: Database | undefined, now: EpochMs): LinkGrant | undefined {
  const { metadata, spec, status } = grant;
  const { grantID, target, principal, external } = status ?? {};
  const window = storedWindow(status);
  if (
    grantID === undefined ||
    target === undefined ||
    principal === undefined ||
    external?.roleID === undefined ||
    window === undefined
  ) {
    return undefined;
  }
  const cause = status?.end ?? ownEndCause(grant, now);
  const endedAt = Date.parse(status?.endTime ?? "");
  if (now - endedAt > endedGrantShownMs) {
    return undefined;
  }
  const expiry = currentExpiry(grant) ?? now;
  const { secretARN } = target;
  return {
    grantID,
    epoch: window.extensionCount,
    state: cause === undefined ? "live" : "ended",
    remainingMs: cause === undefined ? Math.max(expiry - now, 0) : 0,
    ...(cause === undefined
      ? {}
      : { endReason: cause.message, end: cause.reason === "Expired" ? ("expired" as const) : ("revoked" as const) }),
    person: principal,
    accountID: external.accountID,
    roleID: external.roleID,
    database: {
      key: `${metadata.namespace}/${spec.databaseRef.name}`,
      engine: target.engine,
      host: target.host,
      port: target.port,
      databaseName: target.databaseName,
      tlsMode: target.tlsMode,
    },
    role: { name: target.roleName, username: target.username, ...(secretARN === undefined ? {} : { secretARN }) },
    audit: {
      durability: database?.spec.audit?.durability ?? "Written",
      onFull: database?.spec.audit?.onFull ?? "Deny",
      parameters: database?.spec.audit?.parameters ?? "Record",
    },
    ...hazardsOf(database),
  };
}

/** Like the audit policy it is not pinned: it protects people from each other, and may be tightened while grants are live. */
function hazardsOf(database: Database | undefined): Pick<LinkGrant, "hazards"> {
  const hazards = database?.spec.sharedUserHazards;
  return hazards === undefined
    ? {}
    : {
        hazards: {
          policy: hazards.policy,
          sessionReads: hazards.sessionReads ?? hazards.policy,
          expectedSettings: hazards.expectedSettings ?? [],
        },
      };
}
