import type { IdentityProof } from "./proof.ts";

/**
 * The grant handshake, spoken on every stream that reaches the proxy's port, before anything else.
 *
 *     proxy  → client   Hello            version, nonce, installation; the client does not take the proxy's name from it
 *     client → proxy    Prove            opens a control stream: grant ID and an identity proof over (installation, proxy, grant, nonce)
 *                       OpenWithTicket   opens a data stream: the ticket of an earlier Prove
 *     proxy  → client   Welcome          a control stream gets its ticket; a data stream goes over to the database protocol
 *                       Refuse
 *
 * After Welcome a control stream carries Ping, Pong, Warning, Ticket, Drain and End until it closes; a data stream carries the
 * database protocol. After a Refuse with `spoken: true` a data stream goes over to the database protocol too, in which the
 * proxy answers the client's first message with the reason, so that `psql` shows it.
 */
export const handshakeVersion = 1;

export interface Hello {
  readonly type: "hello";
  readonly version: number;
  readonly installation: string;
  /** Single use, dies with the stream. */
  readonly nonce: string;
}

export interface Prove {
  readonly type: "prove";
  readonly grantID: string;
  readonly proof: IdentityProof;
  /** Shown in the audit record of each session, e.g. `sallyport/0.1.0 linux`. At most 128 characters. */
  readonly client: string;
}

export interface OpenWithTicket {
  readonly type: "open";
  readonly ticket: string;
}

export interface Welcome {
  readonly type: "welcome";
  /** Control streams only. A bearer secret bound to this grant and this task. */
  readonly ticket?: string;
  /** Life of the ticket: at most 15 minutes, never beyond the grant. */
  readonly ticketLifeMs?: number;
  /** What is left of the grant. */
  readonly remainingMs: number;
}

/** Stable codes of refusals. `grant-unknown` may be transient right after activation; `ticket-unknown` asks for a new Prove. */
export type RefusalCode =
  | "malformed"
  | "version"
  | "proof-refused"
  | "proof-unavailable"
  | "grant-unknown"
  | "grant-ended"
  | "wrong-account"
  | "wrong-role"
  | "wrong-person"
  | "ticket-unknown"
  | "controller-lost"
  | "draining"
  | "too-many";

export interface Refuse {
  readonly type: "refuse";
  readonly code: RefusalCode;
  /** A sentence for the person. */
  readonly message: string;
  /** Whether the same request may succeed later without anybody changing anything. */
  readonly retryable: boolean;
  /** Data streams: the proxy will repeat the reason in the database protocol on this stream. */
  readonly spoken: boolean;
}

/** Keeps the tunnel from SSM's idle timeout (20 minutes by default) and finds a dead one. Either side; answered with Pong. */
export interface Ping {
  readonly type: "ping";
  readonly id: number;
}
export interface Pong {
  readonly type: "pong";
  readonly id: number;
}

/** Something the person should know now, such as the coming end. */
export interface Warning {
  readonly type: "warning";
  readonly message: string;
  readonly remainingMs: number;
}

/** A fresh ticket, sent before the last one runs out. */
export interface Ticket {
  readonly type: "ticket";
  readonly ticket: string;
  readonly ticketLifeMs: number;
}

/**
 * The task is being replaced. What is open stays open, and this stream too; for anything new the client asks the control API for another
 * task and opens a tunnel there.
 */
export interface Drain {
  readonly type: "drain";
  readonly message: string;
}

/**
 * The grant is over for this tunnel; the proxy closes everything after it. `drain` = the task has waited for its sessions as long as it may;
 * reconnect to another.
 */
export interface End {
  readonly type: "end";
  readonly reason: "expired" | "revoked" | "drain" | "controller-lost" | "proxy-stopping";
  readonly message: string;
}

export type FromProxy = Hello | Welcome | Refuse | Ping | Pong | Warning | Ticket | Drain | End;
export type FromClient = Prove | OpenWithTicket | Ping | Pong;
