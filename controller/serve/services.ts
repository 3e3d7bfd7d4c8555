import type { ExportScope } from "#audit/export/format.ts";
import type { Trail } from "#audit/event/trail.ts";
import type { Outcome } from "#audit/record.ts";
import type { StatisticsRange, VisibleTo } from "#audit/store/types.ts";
import type { Grant } from "#kinds/index.ts";
import type { Clock } from "#lib/clock.ts";
import type { Log } from "#lib/log.ts";
import type {
  Entitlement,
  ExportedLine,
  PublicKey,
  SessionView,
  SignInInfo,
  StatementEvent,
  StatementList,
  TextLine,
  VerifyReport,
} from "#wire/control-api.ts";
import type { SpoolStatus } from "#wire/link.ts";
import type { ProofVerifier } from "#wire/proof.ts";
import type { Statistics } from "#wire/statistics.ts";
import type { TrailEventList, TrailEventView } from "#wire/trail-event.ts";
import type { OrphanHold } from "../reconcile/orphan-hold.ts";
import type { Source } from "../source/source.ts";
import type { IdentityDirectory } from "./auth/identify.ts";
import type { Principal } from "./auth/tokens.ts";
import type { GrantNews } from "./grants/grant-news.ts";
import type { KillOutcome } from "./link/links.ts";

/** Which records of the audit trail are asked for. Absent means any. Instants are RFC 3339. */
export interface AuditFilter {
  readonly userName?: string;
  readonly grantID?: string;
  readonly database?: string;
  readonly session?: string;
  readonly text?: string;
  readonly since?: string;
  readonly until?: string;
  readonly outcome?: Outcome;
  readonly minDurationMs?: number;
  readonly minRows?: number;
  /** Sessions that are open, or closed. */
  readonly open?: boolean;
  /** What the caller may see; absent: everything. */
  readonly visibleTo?: VisibleTo;
}

/** A page of a search. */
export interface SearchPage {
  /** `next` of the page before; 0: the first. */
  readonly after: number;
  readonly limit: number;
  readonly order: "newest" | "oldest";
}

/** Which events of the trail are asked for. */
export interface EventFilter {
  /** Absent: of all grants, and of none. */
  readonly grantID?: string;
}

/** The events of the trail as the API serves them. */
export interface EventReader {
  page(filter: EventFilter, page: { readonly after: number; readonly limit: number }): Promise<TrailEventList>;
  /** Everything after the position `after`, then what comes, until `signal` aborts. Drops nothing. */
  tail(filter: EventFilter, after: number, signal: AbortSignal): AsyncIterable<TrailEventView>;
}

/** The audit trail as the API serves it. */
export interface AuditReader {
  search(filter: AuditFilter, page: SearchPage): Promise<StatementList>;
  /** Position of the newest record: where a tail begins that is to show only what comes. */
  newest(): Promise<number>;
  /** Everything after the position `after`, then what comes, until `signal` aborts. Drops nothing. */
  tail(filter: AuditFilter, after: number, signal: AbortSignal): AsyncIterable<StatementEvent>;
  sessions(filter: AuditFilter): Promise<readonly SessionView[]>;
  /** What charts show. Rejects with a `UserError` where there is too much to look at. */
  statistics(filter: AuditFilter, range: StatisticsRange): Promise<Statistics>;
  /**
   * A large text of the session that the filter finds, piece by piece. Throws a `UserError` where a piece is missing; what was given until
   * then was there.
   */
  text(filter: AuditFilter, text: number): AsyncIterable<TextLine>;
  verify(): Promise<VerifyReport>;
  /** Lines of an export, until `signal` aborts. */
  export(scope: ExportScope, signal: AbortSignal): AsyncIterable<ExportedLine>;
  readonly publicKey: PublicKey;
}

/** A task of a Proxy that is linked now. */
export interface LinkedTask {
  readonly taskARN: string;
  readonly version: string;
  /** Proxy's wall clock minus the controller's, in milliseconds. */
  readonly skewMs: number;
  /** Sessions that it has; absent: it has not said. */
  readonly sessions?: number;
  /** Whether it takes no new sessions. */
  readonly draining?: boolean;
  /** Why it cannot protect itself from being stopped while it has sessions. */
  readonly protectionProblem?: string;
  /** Its audit spool; absent: it has not said. */
  readonly audit?: SpoolStatus;
}

/** What the routes act on. */
export interface Services {
  /** Permission sets that belong to no Grant and are too many to be removed unasked. */
  readonly orphans?: Pick<OrphanHold, "held" | "confirm">;
  readonly source: Source;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: (bytes: number) => Uint8Array;
  readonly installation: string;
  readonly signIn: () => SignInInfo;
  readonly verifier: ProofVerifier;
  readonly directory: IdentityDirectory;
  readonly audit: AuditReader;
  /** What a person must look at. Absent: the source's problems alone. */
  readonly problems?: () => readonly string[];
  readonly events: EventReader;
  /** Which Grants change. */
  readonly grantNews: Pick<GrantNews, "listen">;
  /** How long an answer waits for a review to be counted, in milliseconds; 0: not at all. Absent: the usual time. */
  readonly reviewWaitMs?: number;
  /** Keeps what people did and saw. Where it rejects, what it would have told of must not happen. */
  readonly trail: Trail;
  /** What a person may ask for now, by the availabilities and workflows in force. */
  readonly entitlements: (person: Principal, namespace: string | undefined) => Promise<readonly Entitlement[]>;
  /** Ends one session of a Grant that goes on; `message` is for the person. */
  readonly killSession: (grant: Grant, session: string, message: string) => Promise<KillOutcome>;
  /** Tasks of the Proxy (`namespace/name`) that are linked now. */
  readonly linkedTasks: (proxy: string) => readonly LinkedTask[];
}
