import type { Duplex } from "node:stream";
import type { Clock } from "#lib/clock.ts";
import type { UserError } from "#lib/errors.ts";
import type { Log } from "#lib/log.ts";
import type { Secret } from "#lib/secret.ts";
import type { Ticket } from "./channel.ts";
import type { Random } from "./identifier.ts";
import type { TunnelLimits } from "./limits.ts";

/** What StartSession answered. */
interface SessionTicket extends Ticket {
  readonly sessionID: string;
  /** Opens one websocket; ResumeSession gives the next. */
  readonly token: Secret;
  /** `wss://…`, or `ws://` to a loopback address. */
  readonly streamUrl: string;
}

/** What `openTunnel` works with. */
export interface TunnelOptions {
  readonly session: SessionTicket;
  /**
   * Asks ResumeSession for a new token after the websocket was lost. `"ended"`: the answer had no token, which is how the service
   * says that the session timed out. Throws UserError when the service refuses for good; anything else that it throws is tried
   * again.
   */
  readonly resume: () => Promise<Ticket | "ended">;
  /** Calls TerminateSession, for when the agent cannot be told over the websocket. May throw: there is nothing more to be done. */
  readonly terminate: () => Promise<void>;
  /** Headers that sign the upgrade request of this URL (SigV4, service `ssmmessages`). Absent: the upgrade is not signed. */
  readonly signUpgrade?: (streamUrl: string) => Promise<Record<string, string>>;
  readonly clock: Clock;
  /** Unpredictable bytes, such as `node:crypto`'s `randomBytes`. */
  readonly random: Random;
  readonly log: Log;
  /** Bounds that differ from `defaultLimits`. */
  readonly limits?: Partial<TunnelLimits>;
}

/** Why a tunnel is over. */
export interface TunnelClosed {
  /**
   * - `ended-by-service`: the session was terminated (end of the grant, an administrator, SSM's idle or maximum duration); `output` has the service's words.
   * - `timed-out`: the websocket was lost and the service gives no new token.
   * - `terminated`: `close` was called here.
   * - `lost`: the connection could not be resumed; `error` says why.
   * - `broken`: the far end broke the protocol; `error` says how.
   */
  readonly reason: "ended-by-service" | "timed-out" | "terminated" | "lost" | "broken";
  /** Text of the service for the person, safe to print; absent where it gave none. */
  readonly output?: string;
  readonly error?: UserError;
}

/** Counters and states of a tunnel at one moment. */
export interface TunnelStats {
  /** Streams open now. */
  readonly streams: number;
  /** Payload bytes of streams and their frames given to the websocket, each counted once. */
  readonly bytesSent: number;
  /** Payload bytes received in order. */
  readonly bytesReceived: number;
  /** Messages sent, each counted once. */
  readonly messagesSent: number;
  /** Messages sent again. */
  readonly messagesResent: number;
  /** Messages that came more than once. */
  readonly duplicates: number;
  /** Messages dropped because they were malformed. */
  readonly invalidMessages: number;
  /** Bytes sent and not yet acknowledged. */
  readonly unacknowledgedBytes: number;
  /** Smoothed round-trip time to the agent, milliseconds. */
  readonly roundTripMs: number;
  /** Websockets that took the place of lost ones. */
  readonly resumed: number;
  /** When a message came last, by the monotonic clock, milliseconds. */
  readonly heardMs: number;
}

/** An open port-forwarding session. */
export interface Tunnel {
  readonly sessionID: string;
  /** Version of the agent at the far end. */
  readonly agentVersion: string;
  /** Text that the account's administrator wants the session's user to see, safe to print; empty where none. */
  readonly customerMessage: string;
  /**
   * Opens one TCP connection at the far end. It is usable at once; when the far end cannot connect, the stream fails with a
   * UserError, as it does when the tunnel is lost: listen for `error`. `end` and `destroy` both close the connection in full: smux
   * has no half-close. Rejects with UserError when the tunnel is over or carries too many.
   */
  open(): Promise<Duplex>;
  /**
   * Finds out whether the connection works, for whoever has reason to doubt it: one that does not answer within this time is replaced, and
   * what is open goes on. Resolves once it works, or the tunnel is over.
   */
  probe(withinMs: number): Promise<void>;
  /** Resolves once, when the tunnel is over. Never rejects. */
  readonly closed: Promise<TunnelClosed>;
  /** Ends all streams and the session. Resolves when nothing is left, within `terminateWaitMs` and `callTimeoutMs`. */
  close(): Promise<void>;
  stats(): TunnelStats;
}
