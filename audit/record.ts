import type { TrailActor, TrailEventName } from "#lib/trail-event.ts";
import type { Text } from "./text.ts";

/** Format of the records that this code writes: canonical JSON. A binary form would be 2, told apart by its first byte. */
export const recordVersion = 1;

/**
 * Largest encoded record. One record must fit one message of the proxy's link to the controller (16 MiB) with room for
 * framing. A statement beyond it is refused before it is forwarded, never trimmed.
 */
export const recordBytesMax = 15 * 1024 * 1024;

/** SHA-256 of a record's encoded bytes, lower-case hex. */
export type RecordHash = string;

/** What every record carries. The journal fills it; nobody else does. */
export interface Envelope {
  readonly v: typeof recordVersion;
  /** `namespace/name` of the Proxy; `controller:<installation>` in events, which no Proxy can be called. */
  readonly proxy: string;
  /** Identifier of the proxy's ECS task: the last part of its ARN. In events, of the controller's replica. */
  readonly task: string;
  /** Position in the task's spool: from 1, without holes. */
  readonly seq: number;
  /** Position in the session: from 1, without holes. 0 in a gap that belongs to no session. */
  readonly sessionSeq: number;
  /** When it was written, by the proxy's wall clock: RFC 3339 with milliseconds, UTC. */
  readonly time: string;
  /** Hash of the previous record of the same session; null in its first. */
  readonly prev: RecordHash | null;
  /** Position among the task's opens, closes, gaps and events: from 1. Only they carry it. */
  readonly chainSeq?: number;
  /** Hash of the previous open, close, gap or event of the task; null in the first. */
  readonly chainPrev?: RecordHash | null;
}

export type AuditEngine = "PostgreSQL" | "MySQL" | "MariaDB";

/** A person was let through to a database. Written before the upstream's greeting is passed on. */
export interface SessionOpen {
  readonly kind: "session.open";
  /** Unique for ever, chosen by the proxy; a UUID. */
  readonly session: string;
  readonly grantID: string;
  readonly person: { readonly userName: string; readonly userID: string };
  /** `namespace/name` of the Database. */
  readonly database: string;
  readonly engine: AuditEngine;
  /** Name of the database inside the server. */
  readonly databaseName: string;
  /** Name of the granted role in the Database object. */
  readonly roleName: string;
  /** The server's login name. */
  readonly username: string;
  readonly taskARN: string;
  /** What the client says of itself; nothing of it is proven. */
  readonly client?: { readonly applicationName?: Text; readonly software?: Text };
  readonly server?: {
    readonly host: string;
    readonly port: number;
    readonly processID?: number;
    readonly version?: Text;
  };
  /** Whether parameters of statements are recorded. */
  readonly parameters?: "Record" | "Omit";
  /**
   * What a reader should notice. `hazard:role-settings`: the session inherits settings that nobody declared to be meant, and
   * `role-setting:<name>` names each; `role-settings-unknown`: the server did not say whether it does.
   */
  readonly notices?: readonly string[];
}

/** Transaction state: outside one, in one, in one that has failed. */
export type TransactionState = "idle" | "transaction" | "failed";

/**
 * How a statement reached the proxy. `simple`: query text (Postgres Query, MySQL COM_QUERY). `extended`: one execution of a
 * prepared statement. `function-call`: Postgres FunctionCall, which has no text. `copy`: COPY data sent outside of these.
 * `command`: any other message that acts, named in `sql`.
 */
export type StatementProtocol = "simple" | "extended" | "function-call" | "copy" | "command";

/** A text that was too large for the record that refers to it: it is in the session's `statement.text` records of this number. */
export interface TextReference {
  /** Number of the text within the session. */
  readonly text: number;
  /** Bytes of the whole text. */
  readonly bytes: number;
}

/** One bound value. `value` null is SQL NULL; an empty string is an empty string; binary values are base64. */
export interface Parameter {
  /** Type as the server numbers it (Postgres type OID, MySQL field type); 0 when the client left it to the server. */
  readonly type: number;
  readonly format: "text" | "binary";
  readonly value: Text | null;
  /** MariaDB's bulk execution: the column's default stands for the value, or nothing is changed. Then `value` is null. */
  readonly instead?: "default" | "ignore";
  /** Where the whole value is, when `value` holds only its beginning. */
  readonly text?: TextReference;
}

/** A value that the client gave to a statement under a name (MySQL query attribute). */
export interface Attribute extends Parameter {
  readonly name: Text;
}

/**
 * A piece of a text that is too large for one record: the SQL or one bound value of a statement. All pieces are in the spool
 * before the `statement.start` that refers to them, and before the server sees any of the statement.
 */
export interface StatementText {
  readonly kind: "statement.text";
  readonly session: string;
  /** Number of the text within the session, from 1. A prepared text is recorded once and referred to by each execution. */
  readonly text: number;
  /** Position of the piece, from 0. */
  readonly index: number;
  /** The piece, after redaction. Pieces are cut between characters; each is on its own a string or base64. */
  readonly data: Text;
  /** On the last piece only: the bytes of all pieces together, and their SHA-256 in lower-case hex. */
  readonly whole?: { readonly bytes: number; readonly sha256: string };
}

/** A statement is about to be forwarded. In the spool before the server sees it. */
export interface StatementStart {
  readonly kind: "statement.start";
  readonly session: string;
  /** From 1 within the session. */
  readonly statement: number;
  readonly protocol: StatementProtocol;
  /** Text after redaction; absent when it is not known (function call, name prepared out of sight). */
  readonly sql?: Text;
  /** Where the whole text is, when `sql` holds only its beginning. */
  readonly sqlText?: TextReference;
  /** How many secrets were taken out of `sql` and `parameters`. */
  readonly redacted?: number;
  /** How many statements the proxy sees in `sql`, when more than one. */
  readonly statements?: number;
  /** Prepared statement's name; empty for the unnamed one. */
  readonly statementName?: Text;
  readonly portal?: Text;
  readonly parameters?: readonly Parameter[];
  /** MySQL only. */
  readonly attributes?: readonly Attribute[];
  /** Number of bound values and attributes that policy keeps out of the record. */
  readonly parametersOmitted?: number;
  /** Postgres FunctionCall only. */
  readonly functionOID?: number;
  /** Row limit of this execution; absent for none. */
  readonly rowLimit?: number;
  /** Statement whose suspended portal this execution goes on with. */
  readonly continues?: number;
  readonly transaction: TransactionState;
  /** Database user of the moment where the server tells (Postgres session_authorization). */
  readonly user?: Text;
  /** Client encoding when it is not UTF-8. */
  readonly encoding?: string;
  /** Database of the moment, when it is not the one of the session's open (MySQL USE). */
  readonly database?: Text;
  /**
   * What a reader should notice. `statement-unknown`: the text is not known; what it may be is on record before it, unless a function
   * prepared it. `parse-only`: it failed to parse. `prepared`, `bound`: nothing was executed by this message, and from here on SQL can
   * run the text by its name (EXECUTE, FETCH) or has planned it. `hazard:<name>`: it endangers others who share the database user, or
   * reaches beyond the database (docs/hazards.md); `refused`: it was not sent to the server.
   */
  readonly notices?: readonly string[];
}

/**
 * `ok`, `error`: the server's answer. `cancelled`: ended by a cancel request. `not-executed`: skipped by the server after an
 * earlier error, refused by the proxy, or only prepared or bound. `cut`: the proxy ended the session while it ran. `unknown`: nobody can say.
 */
export type Outcome = "ok" | "error" | "cancelled" | "not-executed" | "cut" | "unknown";

/** Answer to one statement. */
export interface StatementResult {
  readonly outcome: Outcome;
  /** Command tag as the server gave it, such as `INSERT 0 3`. */
  readonly tag?: string;
  /** Rows sent to the client, counted, never decoded. */
  readonly rows?: number;
  readonly sqlState?: string;
  /** MySQL's error number. */
  readonly errno?: number;
  /** Server's message after redaction. */
  readonly message?: Text;
  /** The row limit was reached and the portal can go on. */
  readonly suspended?: boolean;
  /** What MySQL's OK packet says besides; absent when 0 or empty. */
  readonly affectedRows?: number;
  /** Decimal, since it may be beyond what a number holds. */
  readonly lastInsertID?: string;
  readonly warnings?: number;
  readonly info?: Text;
}

/** A statement's end. */
export interface StatementEnd extends StatementResult {
  readonly kind: "statement.end";
  readonly session: string;
  readonly statement: number;
  /** One entry a statement when a simple query held several; the fields beside it then sum up. */
  readonly results?: readonly StatementResult[];
  readonly bytesToClient: number;
  readonly bytesFromClient: number;
  readonly durationMs: number;
  /** Transaction state after it; absent when the session ended. */
  readonly transaction?: TransactionState;
}

export type CloseReason =
  | "client-closed"
  | "server-closed"
  | "grant-expired"
  | "grant-revoked"
  | "session-killed"
  | "drained"
  | "controller-lost"
  | "audit-full"
  | "protocol-violation"
  | "proxy-stopped"
  | "proxy-crashed"
  | "error";

/** How many statements of a session ended how. The journal counts, so that a close cannot disagree with its records. */
export type StatementCounts = Readonly<Record<Outcome, number>> & { readonly started: number };

/** A session's last record. */
export interface SessionClose {
  readonly kind: "session.close";
  readonly session: string;
  readonly reason: CloseReason;
  readonly message?: string;
  /** Statement that was running when the session was cut. */
  readonly inFlight?: number;
  /** Whether the server's backend was seen to be gone; `unknown` when nothing could be asked. */
  readonly backend: "gone" | "alive" | "unknown";
  /** Filled by the journal. */
  readonly counts?: StatementCounts;
  /** `sessionSeq` of the record before this one. Filled by the journal. */
  readonly lastSessionSeq?: number;
}

/** Records that are missing, said by whoever could not write them. */
export interface Gap {
  readonly kind: "gap";
  /** Session that lacks records; absent when it is the whole task. */
  readonly session?: string;
  /** How many records; 0 when it is not known. */
  readonly count: number;
  readonly reason: "spool-full" | "spool-damaged";
  /** When the first of them would have been written. */
  readonly since?: string;
}

/** Something that the controller did or saw, besides statements. Its own records, never a proxy's. */
export interface EventRecord {
  readonly kind: "event";
  /** It belongs to no session's chain. */
  readonly session?: never;
  readonly event: TrailEventName;
  readonly actor: TrailActor;
  /** What it is about; the names are those of `TrailEvent`. */
  readonly about: {
    readonly grantID?: string;
    readonly grant?: string;
    readonly userName?: string;
    readonly database?: string;
    readonly role?: string;
    readonly session?: string;
  };
  readonly detail?: Readonly<Record<string, string>>;
}

/** What a writer hands to the journal, and the controller to its trail. */
export type RecordBody = SessionOpen | StatementText | StatementStart | StatementEnd | SessionClose | Gap | EventRecord;
export type RecordKind = RecordBody["kind"];
export const recordKinds = [
  "session.open",
  "statement.text",
  "statement.start",
  "statement.end",
  "session.close",
  "gap",
  "event",
] as const satisfies readonly RecordKind[];

/** A whole record as it is encoded. */
export type AuditRecord = Envelope & RecordBody;
