import type { IdentityProof } from "./proof.ts";

/**
 * The link: one WebSocket (TLS) from each proxy task to the controller, path `/v1/link`. The proxy pins the controller's
 * public key; the controller checks the task's identity proof. Text messages are the JSON types below; binary messages
 * from the proxy are audit batches (`encodeAuditBatch`).
 *
 *     controller → proxy   Challenge
 *     proxy → controller   ProveTask
 *     controller → proxy   Accepted | Refused;  then GrantsSnapshot, GrantChanged, Duty, KillSession, AuditAcknowledged, LinkPing
 *     proxy → controller   LinkPong, CutReport, SessionKilled, ProxyStatus, audit batches
 */
export const linkVersion = 1;
/** A snapshot of 10,000 grants of about 800 bytes; an audit batch is cut to stay far below it. */
export const linkMessageBytesMax = 16 * 1024 * 1024;
/** One batch of audit records; a single larger record travels alone. */
export const auditBatchBytesMax = 1024 * 1024;

export interface Challenge {
  readonly type: "challenge";
  readonly version: number;
  readonly installation: string;
  readonly nonce: string;
  /** Controller's wall clock, RFC 3339. */
  readonly time: string;
}

export interface ProveTask {
  readonly type: "prove";
  /** `namespace/name` of the Proxy. */
  readonly proxy: string;
  readonly taskARN: string;
  /** Version of the proxy's software. */
  readonly version: string;
  readonly proof: IdentityProof;
  /** Proxy's wall clock, RFC 3339; a difference over 30 s becomes a condition. */
  readonly time: string;
}

/**
 * How long before a grant's end people are warned where the controller says nothing else: time to finish a transaction, or to extend. In
 * their sessions and tunnels, and by the Grant's condition `Expiring`.
 */
export const warnBeforeEndMsDefault = 5 * 60_000;

/** What the proxy does when the controller cannot be reached. */
export interface LinkPolicy {
  /** After this long without the controller, nothing new is admitted. */
  readonly admitWithoutControllerMs: number;
  /** After this long without the controller, all sessions end. */
  readonly endWithoutControllerMs: number;
  /** How long before a grant's end people are warned. */
  readonly warnBeforeEndMs: number;
}

export interface Accepted {
  readonly type: "accepted";
  readonly time: string;
  readonly policy: LinkPolicy;
  /** Highest audit sequence of this task that the controller has stored; 0 for none. Shipping continues after it. */
  readonly auditAcknowledged: number;
  /** Whether `ProxyStatus.audit` is understood; absent: an older controller, which takes no member that it does not know. */
  readonly takesSpool?: boolean;
}

export interface Refused {
  readonly type: "refused";
  readonly message: string;
}

/** One grant as the proxy needs it. It holds no secret: the proxy reads the password itself with its task role. */
export interface LinkGrant {
  readonly grantID: string;
  /** Rises with each extension. A lower or equal epoch never lengthens a grant, and `ended` is final. */
  readonly epoch: number;
  readonly state: "live" | "ended";
  /** What is left at the message's `time`; the proxy counts it down on its monotonic clock. 0 when ended. */
  readonly remainingMs: number;
  /** Why it ended, for the person. */
  readonly endReason?: string;
  readonly end?: "expired" | "revoked";
  readonly person: { readonly userName: string; readonly userID: string };
  /** What an identity proof must show: account, permission set (equal to the grant ID) and the role's unique id. */
  readonly accountID: string;
  readonly roleID: string;
  readonly database: {
    /** `namespace/name` of the Database. */
    readonly key: string;
    readonly engine: "PostgreSQL" | "MySQL" | "MariaDB";
    readonly host: string;
    readonly port: number;
    readonly databaseName: string;
    readonly tlsMode: "VerifyFull" | "VerifyCA";
  };
  readonly role: {
    readonly name: string;
    readonly username: string;
    /** Absent: an RDS IAM token is used. */
    readonly secretARN?: string;
  };
  readonly audit: {
    readonly durability: "Written" | "Synced" | "Remote";
    readonly onFull: "Deny" | "Gap";
    readonly parameters: "Record" | "Omit";
  };
  /** What becomes of statements that endanger others who share the user. Absent: they are only flagged. */
  readonly hazards?: HazardPolicy;
}

/** The Database's `sharedUserHazards`. */
export interface HazardPolicy {
  readonly policy: "Flag" | "Deny";
  /** The same for statements that only read what other sessions run. */
  readonly sessionReads: "Flag" | "Deny";
  /** Settings that the role or the database has on purpose: `name`, or `name=value` for that value alone. */
  readonly expectedSettings: readonly string[];
}

/** All grants of this Proxy that are live or ended within the last day. A grant missing from it is ended. */
export interface GrantsSnapshot {
  readonly type: "grants";
  readonly time: string;
  readonly grants: readonly LinkGrant[];
}

export interface GrantChanged {
  readonly type: "grant";
  readonly time: string;
  readonly grant: LinkGrant;
}

/**
 * Whether the task takes new sessions. `drain`: ECS is replacing it, and another task is there; it keeps the sessions it has for `limitMs`
 * from the first time it hears this. A task that was told nothing serves.
 */
export interface Duty {
  readonly type: "duty";
  readonly duty: "serve" | "drain";
  readonly limitMs: number;
}

/** Everything up to `seq` is stored; the proxy may forget it. */
export interface AuditAcknowledged {
  readonly type: "audit-ack";
  readonly seq: number;
}

/** Every 10 s; carries the controller's time. Silence for 30 s counts as the link lost, on both sides. */
export interface LinkPing {
  readonly type: "ping";
  readonly id: number;
  readonly time: string;
}
export interface LinkPong {
  readonly type: "pong";
  readonly id: number;
  readonly time: string;
}

/** The proxy has cut a grant's sessions. `backendsGone` counts backends that were confirmed to be gone. */
export interface CutReport {
  readonly type: "cut";
  readonly grantID: string;
  readonly sessions: number;
  readonly backendsGone: number;
  readonly time: string;
}

/**
 * Ends one session of a grant that goes on. Only a session of that very grant is ended: whoever may end a session of one grant names no
 * session of another. A proxy that is older than this message does not answer it.
 */
export interface KillSession {
  readonly type: "kill";
  /** Told back in the answer. */
  readonly id: number;
  readonly session: string;
  readonly grantID: string;
  /** For the person, in their client. */
  readonly message: string;
}

/** What became of it. `unknown-session`: this task has no such session of that grant. Else: whether its backend was seen to be gone. */
export interface SessionKilled {
  readonly type: "killed";
  readonly id: number;
  readonly outcome: "gone" | "alive" | "unknown" | "unknown-session";
}

/** A task's audit spool. Counts are since its process began. */
export interface SpoolStatus {
  /** On the disk: what is not acknowledged, and less than one segment of what is. */
  readonly bytes: number;
  /** At `bytes` nothing new is recorded any more. */
  readonly bytesMax: number;
  /** Records that are not acknowledged, and how long the oldest has waited, in milliseconds (at most a second too long). */
  readonly records: number;
  readonly oldestMs: number;
  /** Statements and sessions that were refused because there was no room for their record; when the last one was, RFC 3339. */
  readonly denied: number;
  readonly lastDenied?: string;
  /** Gap records, and how many records they say are missing. */
  readonly gaps: number;
  readonly gapRecords: number;
  /** Writes that the device refused. */
  readonly failedWrites: number;
}

/** Sent when something changed, at most once a second; changes of `audit` alone are told after a ping. */
export interface ProxyStatus {
  readonly type: "status";
  readonly sessions: readonly { readonly session: string; readonly grantID: string; readonly since: string }[];
  /** Whether it takes no new sessions. Absent means false. */
  readonly draining?: boolean;
  /** Why ECS may stop the task though it has sessions; absent: it is protected while it has any. */
  readonly protectionProblem?: string;
  /** Where `Accepted.takesSpool` says so. */
  readonly audit?: SpoolStatus;
  /** What the proxy last learned of each database role it was asked to reach. */
  readonly databases: readonly {
    readonly key: string;
    readonly role: string;
    readonly health: "Reachable" | "Unreachable" | "SecretUnreadable" | "AuthenticationFailed" | "TLSRefused";
    readonly detail: string;
    /** What exactly went wrong, where an administrator can be told what to do. */
    readonly problem?: DatabaseProblem;
    readonly serverVersion?: string;
    readonly time: string;
  }[];
}

/** Reasons for which a database cannot be used that somebody can mend; the controller says how. */
export const databaseProblems = [
  /** No answer to the connection: nothing lets the packets through. */
  "connect-timeout",
  "connect-refused",
  "name-not-found",
  "no-route",
  "secret-denied",
  "secret-key-denied",
  "secret-missing",
  "secret-malformed",
  "secret-of-other-user",
  "credentials-missing",
  "login-refused",
  "token-refused",
  "database-missing",
  "tls-not-offered",
  "tls-certificate",
] as const;
export type DatabaseProblem = (typeof databaseProblems)[number];

export type FromController =
  | Challenge
  | Accepted
  | Refused
  | GrantsSnapshot
  | GrantChanged
  | Duty
  | KillSession
  | AuditAcknowledged
  | LinkPing;
export type FromTask = ProveTask | LinkPong | CutReport | SessionKilled | ProxyStatus;

/** One binary message: for each record its 32-bit big-endian length and its bytes, as the spool holds them. */
export function encodeAuditBatch(records: readonly Uint8Array[]): Buffer {
  const parts: Buffer[] = [];
  for (const record of records) {
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32BE(record.byteLength, 0);
    parts.push(length, Buffer.from(record.buffer, record.byteOffset, record.byteLength));
  }
  return Buffer.concat(parts);
}

/** Reads a batch back. Throws when lengths do not add up: the link is closed, and nothing of the batch is stored. */
export function decodeAuditBatch(message: Uint8Array): Buffer[] {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  const records: Buffer[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const end = offset + 4 <= bytes.length ? offset + 4 + bytes.readUInt32BE(offset) : Infinity;
    if (end > bytes.length) {
      throw new Error("an audit batch is cut short");
    }
    records.push(bytes.subarray(offset + 4, end));
    offset = end;
  }
  return records;
}
