import type { TrailEvent, TrailEventName } from "#lib/trail-event.ts";
import type { AuditEngine, AuditRecord, Outcome, RecordHash, RecordKind, StatementResult } from "../record.ts";
import type { Parameter, StatementProtocol, StatementText, TextReference, TransactionState } from "../record.ts";
import type { Text } from "../text.ts";

/**
 * Why a record is not simply the next of its chain. `conflict`: its number is taken by other bytes. `unreadable`: no record.
 * `wrong-origin`: it names another proxy or task than the one that sent it. `after-gap`: numbers before it are missing.
 * `late`: it came after records that follow it. `chain-mismatch`: it does not carry the hash of the one before it.
 */
export type Flag = "conflict" | "unreadable" | "wrong-origin" | "after-gap" | "late" | "chain-mismatch";

/** Something wrong that ingest noticed. It is kept, and shown until somebody looks at it. */
export interface IngestFinding {
  readonly proxy: string;
  readonly task: string;
  readonly seq?: number;
  readonly kind: Flag;
  readonly detail: string;
}

/** Where one open session's chain stands. */
export interface SessionHead {
  readonly session: string;
  readonly sessionSeq: number;
  readonly head: RecordHash;
}

/** Where a task's chains stand, for signing. */
export interface TaskHead {
  readonly proxy: string;
  readonly task: string;
  readonly seq: number;
  readonly chainSeq: number;
  readonly chainHead: RecordHash | null;
  /** Open sessions that changed since the last time (from `ingest`), or all of them (from `heads`). */
  readonly openSessions: readonly SessionHead[];
}

export interface IngestResult {
  /** Everything up to here is stored for good; the proxy may forget it. */
  readonly ackSeq: number;
  readonly stored: number;
  readonly duplicates: number;
  /** Position of the newest record in the store. */
  readonly storeSeq: number;
  readonly findings: readonly IngestFinding[];
  /** Sessions that began in this batch, so that the controller can check their grants against the proxy. */
  readonly opened: readonly { readonly session: string; readonly grantID: string; readonly database: string }[];
  /** Grants whose sessions had statements with hazards in this batch. */
  readonly flagged: readonly string[];
  readonly head: TaskHead;
}

/** The first statement of a grant that had a hazard, of those that were refused or of the others. */
export interface FirstHazard {
  readonly hazard: string;
  readonly refused: boolean;
  readonly session: string;
  readonly statement: number;
}

/** Narrows what is read. All given conditions must hold. */
export interface AuditFilter {
  readonly grantID?: string;
  readonly userName?: string;
  /** `namespace/name` of the Database. */
  readonly database?: string;
  readonly proxy?: string;
  readonly session?: string;
  /** Part of the statement's text, case ignored for ASCII letters. */
  readonly text?: string;
  readonly outcome?: Outcome;
  /** Statements that took at least this long, or gave at least so many rows. */
  readonly minDurationMs?: number;
  readonly minRows?: number;
  /** Sessions that are open, or that are closed. Of statements: those of such sessions. */
  readonly open?: boolean;
  /** Only what these may see; absent: everything. Never left to whoever asks. */
  readonly visibleTo?: VisibleTo;
  /** RFC 3339, by the proxy's clock; from is included, to is not. */
  readonly from?: string;
  readonly to?: string;
}

/** Whose records may be shown: those to which any of the parts applies. Databases are `namespace/name`. */
export interface VisibleTo {
  readonly own: { readonly userName: string; readonly userID: string; readonly exceptDatabases: readonly string[] };
  /** IDs of grants. */
  readonly grants: readonly string[];
  readonly everybody?: { readonly exceptDatabases: readonly string[] };
}

/** Which statements are counted, and in which steps. */
export interface StatisticsRange {
  /** RFC 3339; from is included, to is not. */
  readonly from: string;
  readonly to: string;
  /** Whole seconds, 1 and more. */
  readonly bucketSeconds: number;
}

/** What charts show of a range. */
export interface TrailStatistics {
  /** Those that are not empty; `bucket` counts from 0. */
  readonly buckets: readonly {
    readonly bucket: number;
    readonly statements: number;
    readonly errors: number;
    readonly rows: number;
  }[];
  /** The slowest first. */
  readonly slowest: readonly StatementView[];
  /** By SQLSTATE or error number, the most frequent first; the message is that of the newest. */
  readonly errors: readonly { readonly code: string; readonly count: number; readonly message: Text }[];
}

export interface Page {
  /** At most this many, 1 to 1000. */
  readonly limit: number;
  readonly order: "newest" | "oldest";
  /** `next` of the page before. */
  readonly cursor?: number;
  /** Statements whose own text, outcome or numbers one search looks at, at most. Absent: `searchWindow`. */
  readonly lookAt?: number;
}

export interface PageOf<T> {
  /** May be fewer than asked for, or none, where there is `next`: so far nothing else was found. */
  readonly items: readonly T[];
  /** Absent on the last page. */
  readonly next?: number;
}

/** Whose session a record belongs to. Fields are empty when the session's opening record is missing. */
export interface SessionOwner {
  readonly session: string;
  readonly grantID: string;
  readonly userName: string;
  readonly userID: string;
  readonly database: string;
  readonly databaseName: string;
  readonly engine: AuditEngine | "";
  readonly roleName: string;
  readonly username: string;
}

/** One session. */
export interface SessionEntry extends SessionOwner {
  readonly proxy: string;
  readonly task: string;
  readonly openTime?: string;
  /** Absent while it is open. */
  readonly closeTime?: string;
  readonly closeReason?: string;
  readonly statements: number;
  /** Store position of its first record. */
  readonly firstSeq?: number;
}

/** One statement: its start and, once there, its end, in one. */
export interface StatementView extends SessionOwner, Partial<StatementResult> {
  readonly proxy: string;
  readonly task: string;
  /** Store position of the newest of its records. */
  readonly storeSeq: number;
  readonly statement: number;
  readonly startTime?: string;
  readonly protocol?: StatementProtocol;
  /** Only its beginning where there is `sqlText`; search looks at this. */
  readonly sql?: Text;
  /** Where the whole text is: `AuditStore.text` gives it. */
  readonly sqlText?: TextReference;
  readonly redacted?: number;
  readonly statementName?: Text;
  readonly parameters?: readonly Parameter[];
  readonly parametersOmitted?: number;
  readonly notices?: readonly string[];
  readonly endTime?: string;
  readonly results?: readonly StatementResult[];
  readonly bytesToClient?: number;
  readonly bytesFromClient?: number;
  readonly durationMs?: number;
  readonly transaction?: TransactionState;
}

/** Names one large text: the session's place, and the number that the statement refers to. */
export interface TextQuery {
  readonly proxy: string;
  readonly task: string;
  readonly session: string;
  readonly text: number;
}

/** One piece of a large text as the store has it. */
export type TextPiece = Pick<StatementText, "index" | "data" | "whole">;

/** One record as the tail gives it. */
export interface TailEntry {
  readonly storeSeq: number;
  /** When the store took it, RFC 3339, by the controller's clock. */
  readonly receivedTime: string;
  readonly proxy: string;
  readonly task: string;
  readonly flag?: Flag;
  /** Absent when the bytes are no record. */
  readonly record?: AuditRecord;
  readonly owner?: SessionOwner;
  /** With a statement's start or end: the statement as it is known by now. */
  readonly statement?: StatementView;
}

export interface TailFilter extends AuditFilter {
  /** Absent: all but `statement.text`, the pieces of large texts, and `event`, which `AuditStore.events` gives. */
  readonly kinds?: readonly RecordKind[];
}

export interface TailPage {
  readonly entries: readonly TailEntry[];
  /** Where to go on: all matching records up to here have been given. */
  readonly position: number;
  /** Whether there are records after `position` already. */
  readonly more: boolean;
}

/** Narrows which of the controller's own events are read. All given conditions must hold. */
export interface EventFilter {
  readonly grantID?: string;
  readonly names?: readonly TrailEventName[];
}

/** Events after a position, in the order they came. */
export interface EventQuery extends EventFilter {
  /** 0 by default: from the beginning. */
  readonly after?: number;
  /** At most this many, 1 to 1000; 100 by default. */
  readonly limit?: number;
}

/** An event and its position in the store. */
export interface StoredEvent extends TrailEvent {
  readonly storeSeq: number;
}

/** A record's bytes as they came, for verification and export. */
export interface RawRecord {
  readonly storeSeq: number;
  readonly receivedTime: string;
  /** Who sent it, as authenticated. */
  readonly proxy: string;
  readonly task: string;
  readonly flag?: Flag;
  readonly bytes: Uint8Array;
}

/** Which records are read as they came. */
export interface RawRange {
  /** Store positions: after the one, up to the other. All by default. */
  readonly after?: number;
  readonly upTo?: number;
  /** Only those of this grant's sessions, and its events. */
  readonly grantID?: string;
}

/** Records that may be removed because of their age. */
export interface ExpiredRecords {
  /** Position of the last of them. */
  readonly upTo: number;
  /** The store took all of them before this instant, RFC 3339. */
  readonly before: string;
}

export interface StoreStats {
  readonly records: number;
  readonly sessions: number;
  readonly openSessions: number;
  readonly statements: number;
  readonly findings: number;
  readonly storeSeq: number;
  readonly fileBytes: number;
}
