import { type CancelTimer, type Clock, pause } from "#lib/clock.ts";
import type { Log } from "#lib/log.ts";
import { coerceError } from "#lib/errors.ts";
import type { End } from "#wire/handshake.ts";
import type { KillSession, SessionKilled } from "#wire/link.ts";
import { formatWarning } from "./admission/control.ts";
import type { TicketBook } from "./admission/tickets.ts";
import type { ControllerContact } from "./grants/contact.ts";
import type { GrantEnd, GrantEntry, GrantTable } from "./grants/table.ts";
import type { Outbox } from "./link/outbox.ts";
import type { ShippedJournal } from "./link/shipper.ts";
import type { Gate } from "./listen/gate.ts";
import type { CutReason, SessionRegistry } from "./session/registry.ts";

/** A stopping proxy waits so long for the controller to store its last records; ECS gives a task 30 s to stop by default. */
export const lastShipTimeoutMs = 8_000;
const lastShipLookMs = 50;

/** What the steward watches and moves. */
export interface StewardPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly grants: GrantTable;
  readonly contact: ControllerContact;
  readonly tickets: TicketBook;
  readonly sessions: SessionRegistry;
  readonly gate: Gate;
  readonly outbox: Outbox;
}

/** Makes the end of a grant, of the controller or of the task the end of everything that depends on it. */
export class Steward {
  readonly #ports: StewardPorts;
  readonly #warnings = new Map<string, CancelTimer>();
  /** For which end of a grant its sessions were warned; only a later end is worth another warning. */
  readonly #warned = new Map<string, number>();

  constructor(ports: StewardPorts) {
    this.#ports = ports;
    ports.grants.listen({
      onEnd: (entry) => this.#grantEnded(entry),
      onLive: (entry) => this.#grantMoved(entry),
    });
  }

  /** The controller was not heard for too long: nothing tells whether a grant was revoked, so nothing goes on. */
  controllerLost(): void {
    const message = "the proxy has lost contact with its controller for too long";
    this.#ports.log.error("controller is lost; all sessions end", {});
    for (const { grant } of this.#ports.grants.live()) {
      this.#ports.tickets.revoke(grant.grantID);
    }
    this.#ports.gate.endControls({ type: "end", reason: "controller-lost", message });
    void this.#cutAll("controller-lost", message);
  }

  /** Somebody ends one session of a grant that goes on. Resolves once its backend is gone or that cannot be seen. Never rejects. */
  async killSession({ session, grantID, message }: KillSession): Promise<SessionKilled["outcome"]> {
    const { sessions, log } = this.#ports;
    try {
      const outcome = (await sessions.kill(session, grantID, message)) ?? "unknown-session";
      log.info("session is ended on request", { session, grantID, outcome });
      return outcome;
    } catch (error) {
      log.error("a session's end could not be confirmed", { session, grantID, error: coerceError(error) });
      return "unknown";
    }
  }

  /** The task stops: tunnels are told to go elsewhere, sessions end. Resolves once their backends are gone. */
  async stop(): Promise<void> {
    const message = "the proxy is being stopped; connect again to reach another one";
    this.#ports.gate.endControls({ type: "end", reason: "proxy-stopping", message });
    await this.#cutAll("proxy-stopped", message);
  }

  /** Waits until the controller has stored every record, or the time is over. */
  async shipped(journal: ShippedJournal): Promise<void> {
    const { clock, log } = this.#ports;
    const endsAtMs = clock.monotonicMs() + lastShipTimeoutMs;
    while (journal.acknowledged < journal.takenSeq) {
      if (clock.monotonicMs() >= endsAtMs) {
        log.warn("stopping with audit records that the controller has not stored", {
          written: journal.takenSeq,
          acknowledged: journal.acknowledged,
        });
        return;
      }
      await pause(clock, lastShipLookMs);
    }
  }

  #grantMoved(entry: GrantEntry): void {
    const { clock, gate, contact, sessions, grants } = this.#ports;
    const { grantID } = entry.grant;
    gate.grantMoved(grantID);
    this.#warnings.get(grantID)?.();
    if (entry.endsAtMs <= (this.#warned.get(grantID) ?? -Infinity)) {
      return;
    }
    const delayMs = grants.remainingMs(grantID) - contact.policy.warnBeforeEndMs;
    this.#warnings.set(
      grantID,
      clock.after(Math.max(0, delayMs), () => {
        this.#warned.set(grantID, entry.endsAtMs);
        for (const session of sessions.ofGrant(grantID)) {
          session.warn(formatWarning(grants.remainingMs(grantID)));
        }
      }),
    );
  }

  #grantEnded(entry: GrantEntry & { readonly end: GrantEnd }): void {
    const { grantID } = entry.grant;
    const { kind, message } = entry.end;
    this.#warnings.get(grantID)?.();
    this.#warnings.delete(grantID);
    this.#warned.delete(grantID);
    this.#ports.tickets.revoke(grantID);
    const end: End = { type: "end", reason: kind, message };
    this.#ports.gate.endControls(end, grantID);
    void this.#cutGrant(grantID, kind === "expired" ? "grant-expired" : "grant-revoked", message);
  }

  async #cutGrant(grantID: string, reason: CutReason, message: string): Promise<void> {
    const { sessions, outbox, log, clock } = this.#ports;
    const outcome = await sessions.cutGrant(grantID, reason, message);
    log.info("grant has ended and its sessions are cut", { grantID, reason, ...outcome });
    outbox.reportCut({ type: "cut", grantID, ...outcome, time: new Date(clock.now()).toISOString() });
  }

  async #cutAll(reason: CutReason, message: string): Promise<void> {
    const outcome = await this.#ports.sessions.cutAll(reason, message);
    this.#ports.log.info("all sessions are cut", { reason, ...outcome });
  }
}
