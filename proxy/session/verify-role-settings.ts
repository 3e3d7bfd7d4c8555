import type { Clock } from "#lib/clock.ts";
import type { LinkGrant } from "#wire/link.ts";
import { flagOnly } from "../hazards/policy.ts";
import { decideRoleSettings, type RoleSettings } from "../hazards/role-settings.ts";
import { ProtocolViolation, sqlState } from "../postgres/protocol.ts";
import type { Upstream } from "../upstream/login.ts";
import { closeUpstream } from "../upstream/side.ts";

/** What a verification works with. */
export interface Verifying {
  readonly clock: Clock;
  /** The client left, or the session is cut. */
  readonly signal: AbortSignal;
  /** Absent: nothing is asked. */
  readonly read: ((socket: Upstream["socket"], clock: Clock) => Promise<RoleSettings>) | undefined;
}

/**
 * Asks what settings a session inherits before its client is greeted; returns notices for its first record. Throws `UpstreamError`, and
 * `ProtocolViolation` where policy refuses the session. The connection is closed where it throws.
 */
export async function verifyRoleSettings(
  upstream: Upstream,
  grant: LinkGrant,
  { clock, signal, read }: Verifying,
): Promise<readonly string[]> {
  if (read === undefined) {
    return [];
  }
  const { database, role, hazards = flagOnly } = grant;
  const giveUp = (): void => void upstream.socket.destroy();
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    // A server without cancel keys is a pooler (RDS Proxy), which may know no function calls.
    const settings = upstream.key === undefined ? "unknown" : await read(upstream.socket, clock);
    const place = { database: database.key, databaseName: database.databaseName, username: role.username };
    const { notices, refusal } = decideRoleSettings(settings, hazards, place);
    if (refusal !== undefined) {
      closeUpstream(upstream);
      throw new ProtocolViolation(refusal, sqlState.refusedByPolicy);
    }
    return notices;
  } catch (error) {
    if (!(error instanceof ProtocolViolation)) {
      upstream.socket.destroy();
    }
    throw error;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}
