import type { SessionState } from "./chain.ts";
import type { RecordBody } from "./record.ts";

/** What a restarted process has to say of its predecessor's end, in order. */
export function crashBodies(
  openSessions: readonly Pick<SessionState, "session" | "inFlight">[],
  damage: readonly string[],
): RecordBody[] {
  const bodies: RecordBody[] = [];
  if (damage.length > 0) {
    bodies.push({ kind: "gap", count: 0, reason: "spool-damaged" });
  }
  for (const { session, inFlight } of openSessions) {
    for (const statement of inFlight) {
      const ended = { outcome: "unknown", bytesToClient: 0, bytesFromClient: 0, durationMs: 0 } as const;
      bodies.push({ kind: "statement.end", session, statement, ...ended });
    }
    const running = inFlight[0];
    bodies.push({
      kind: "session.close",
      session,
      reason: "proxy-crashed",
      backend: "unknown",
      ...(running === undefined ? {} : { inFlight: running }),
    });
  }
  return bodies;
}
