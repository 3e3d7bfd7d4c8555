import type { ApprovalView, ExtensionView, GrantAction, ReviewOutcome } from "./approval.ts";
import type { IdentityProof } from "./proof.ts";
import type { OidcSignIn } from "./sign-in.ts";

/**
 * Shapes of the control API's JSON bodies, shared by the controller and its clients. Instants are RFC 3339 in UTC.
 * Every error body is an `ApiError`; the status says its class (400 wrong input, 401 not signed in, 403 not allowed,
 * 404 unknown, 409 not now, 422 refused by policy, 5xx ours).
 */
export interface ApiError {
  readonly error: { readonly code: string; readonly message: string; readonly why?: string; readonly next?: string };
}

/** `POST /v1/login/nonce` (no authorisation): where to sign, and for what. */
export interface LoginNonce {
  readonly nonce: string;
  readonly installation: string;
  /** The STS endpoint that the proof must be signed for. */
  readonly sts: { readonly url: string; readonly region: string };
  /** Life of the nonce. */
  readonly lifeMs: number;
}

/** `POST /v1/login` */
export interface LoginRequest {
  readonly nonce: string;
  readonly proof: IdentityProof;
}
export interface LoginResponse {
  /** Bearer token for `Authorization`; at most 15 minutes. */
  readonly token: string;
  readonly expiryTime: string;
  readonly person: Person;
}
export interface Person {
  readonly userName: string;
  readonly userID: string;
  readonly displayName: string;
  /** What the person may do beyond their own grants. */
  readonly roles: readonly ("auditor" | "administrator")[];
}

/** `GET /v1/sign-in` (no authorisation): how a person gets AWS credentials here. */
export interface SignInInfo {
  readonly installation: string;
  readonly startURL: string;
  readonly ssoRegion: string;
  /** Permission set that proves a person who holds no grant, and the account it is assigned in. */
  readonly identityPermissionSet: string;
  readonly identityAccountID: string;
  /** Absent: this installation trusts no OIDC issuer. */
  readonly oidc?: OidcSignIn;
}

/** `GET /v1/databases`: what the caller may ask for. */
export interface Entitlement {
  readonly namespace: string;
  readonly database: string;
  readonly role: string;
  readonly engine: "PostgreSQL" | "MySQL" | "MariaDB";
  readonly databaseName: string;
  readonly username: string;
  readonly workflow: string;
  readonly needsApproval: boolean;
  /** Whether the caller may skip the approval by break-glass. */
  readonly breakGlass?: boolean;
  readonly reason: "Required" | "Optional";
  readonly maxDurationSeconds: number;
  readonly defaultDurationSeconds: number;
  /** Port that the Database suggests for the person's machine. */
  readonly localPort?: number;
  /** The caller's live or pending grant for this role, if any. */
  readonly grant?: GrantView;
}
export interface EntitlementList {
  readonly items: readonly Entitlement[];
}

/** `POST /v1/grants`: ask for access for oneself. `dryRun` changes nothing and answers what would happen. */
export interface GrantRequest {
  readonly namespace?: string;
  readonly database: string;
  readonly role: string;
  readonly durationSeconds?: number;
  readonly reason?: string;
  /** Not before this instant. */
  readonly startTime?: string;
  /** `BreakGlass` skips the approval where the workflow lets the caller; a reason is then mandatory. */
  readonly urgency?: "Normal" | "BreakGlass";
  readonly dryRun?: boolean;
}
export interface GrantRequestResponse {
  /** What this request does (or, for a dry run, would do). */
  readonly change: "WillActivate" | "WillRequest" | "Active" | "Pending" | "Activating" | "Requested";
  readonly durationSeconds: number;
  readonly grant?: GrantView;
}

/** One grant as people see it. */
export interface GrantView {
  readonly grantID: string;
  readonly namespace: string;
  readonly name: string;
  readonly userName: string;
  readonly database: string;
  readonly role: string;
  readonly reason: string;
  /** Where the grant stands, derived from its conditions. */
  readonly state:
    | "Pending"
    | "PendingApproval"
    | "Scheduled"
    | "Provisioning"
    | "Active"
    | "Revoking"
    | "Ended"
    | "Refused";
  /** Reason and message of its Ready condition. */
  readonly readyReason: string;
  readonly message: string;
  readonly requestTime?: string;
  readonly activationTime?: string;
  readonly expiryTime?: string;
  readonly endTime?: string;
  readonly endReason?: string;
  /** Reason of its Flagged condition: how its statements endangered others who share the database user. */
  readonly flagged?: string;
  /** Where to look. */
  readonly flaggedMessage?: string;
  /** Who asked, where that is not the person. */
  readonly requester?: string;
  readonly urgency?: "Normal" | "BreakGlass";
  readonly workflow?: string;
  readonly durationSeconds?: number;
  readonly startTime?: string;
  readonly notAfterTime?: string;
  /** What a review must name, so that it decides on this and on nothing else. */
  readonly digest?: string;
  readonly approval?: ApprovalView;
  /** Absent: the workflow allows none. */
  readonly extension?: ExtensionView;
  /** What the caller may do now. Absent where a view is made for no caller. */
  readonly actions?: readonly GrantAction[];
}
/** `GET /v1/grants?state=&userName=&database=`: one's own; everybody's for auditors and administrators. */
export interface GrantList {
  readonly items: readonly GrantView[];
}
/** The answer to a review: the Grant as it is by then, and what became of the review. */
export interface ReviewedGrant extends GrantView {
  readonly review: ReviewOutcome;
}

/**
 * One line of `GET /v1/grants/watch` and `GET /v1/grants/{grantID}/watch` (newline-delimited JSON, kept open): a view of each grant that
 * the caller may see, then `{}`, then a view at each change. `{}` also comes in every silence of 15 s. The stream may end at any time (with
 * the caller's token at the latest); whoever opens it anew is told everything again.
 */
export type GrantWatchLine = GrantView | GrantGone | Record<string, never>;
/** A grant that the caller may not see any more, or that is not there any more. */
export interface GrantGone {
  readonly grantID: string;
  readonly gone: true;
}

/** `GET /v1/me`: who the caller is here. */
export interface Me extends Person {
  readonly installation: string;
  /** Display names of the caller's groups, as of their signing in. */
  readonly groups: readonly string[];
  /** RFC 3339; a browser's session ends then at the latest. Absent for a bearer token. */
  readonly expiryTime?: string;
}

/** `POST /v1/grants/{grantID}/revoke`: ends access; a request that is still pending is cancelled. */
export interface RevokeRequest {
  readonly reason: string;
}

/** `GET /v1/grants/{grantID}/connect`: how to reach the database now. Only for the grant's own person, while it is live. */
export interface ConnectInfo {
  readonly grantID: string;
  readonly installation: string;
  /** `namespace/name`; what the client binds its proof to. */
  readonly proxy: string;
  /** SSM target of a task that is connected now, `ecs:<cluster>_<task>_<runtime>`. */
  readonly target: string;
  readonly port: number;
  readonly region: string;
  readonly accountID: string;
  readonly permissionSet: string;
  readonly document: "AWS-StartPortForwardingSession";
  readonly engine: "PostgreSQL" | "MySQL" | "MariaDB";
  readonly database: string;
  readonly role: string;
  readonly databaseName: string;
  readonly username: string;
  /** The server that the proxy connects to: the role's own endpoint where it has one, as pinned when the grant was approved. */
  readonly endpoint: { readonly host: string; readonly port: number };
  /** Port that the Database suggests for the person's machine. */
  readonly localPort?: number;
  readonly expiryTime: string;
  readonly sts: { readonly url: string; readonly region: string };
}

/** `GET /v1/sessions?grantID=&open=` and `GET /v1/sessions/{session}` */
export interface SessionView {
  readonly session: string;
  readonly grantID: string;
  readonly userName: string;
  readonly database: string;
  readonly role: string;
  readonly startTime: string;
  readonly endTime?: string;
  readonly statements: number;
  readonly closeReason?: string;
  /** Position in the store of its first record: a tail after the one before it shows all of the session. */
  readonly storeSeq?: number;
}
export interface SessionList {
  readonly items: readonly SessionView[];
}

/** `POST /v1/sessions/{session}/kill`: cancels what runs and closes the session. The grant goes on. */
export interface KillRequest {
  /** Shown to the person in their client. */
  readonly reason: string;
}
export interface KillResponse {
  readonly session: string;
  /** Whether the database's own process was seen to be gone. */
  readonly backend: "gone" | "alive" | "unknown";
}

/**
 * `GET /v1/audit/statements?…` and each line of `GET /v1/audit/tail?after=…` (newline-delimited JSON, kept open). A tail begins with
 * a heartbeat and sends one in every silence of 15 s, so that a client knows its position and finds a dead connection.
 */
export interface StatementEvent {
  /** Position in the store; a tail resumes after it. */
  readonly storeSeq: number;
  readonly event: "session-open" | "statement-start" | "statement-end" | "session-close" | "gap" | "heartbeat";
  readonly time: string;
  readonly grantID: string;
  readonly session: string;
  readonly userName: string;
  readonly database: string;
  readonly role: string;
  readonly statement?: number;
  readonly sql?: string;
  /** `sql` is only the beginning: `GET /v1/audit/texts/{session}/{text}` gives all of it. */
  readonly sqlText?: { readonly text: number; readonly bytes: number };
  readonly parameters?: readonly (string | null)[];
  /** How many parameters are not shown because the Database's policy omits them. */
  readonly parametersOmitted?: number;
  /** How many secrets were taken out of the SQL before it was recorded. */
  readonly redacted?: number;
  /** What a reader should notice, such as `hazard:credential-change` or `refused`. */
  readonly notices?: readonly string[];
  /** State of the transaction after it: outside one, in one, in one that has failed. */
  readonly transaction?: "idle" | "transaction" | "failed";
  readonly outcome?: string;
  readonly tag?: string;
  readonly rows?: number;
  readonly durationMs?: number;
  readonly sqlState?: string;
  readonly message?: string;
}
/**
 * A line of `GET /v1/audit/texts/{session}/{text}`: the pieces of a text that is too large for its record, in order; joined they are the
 * text. The last line says so: a stream that ends without it was cut off, or a piece is missing.
 */
export type TextLine =
  | { readonly data: string }
  | { readonly base64: string }
  | { readonly complete: true; readonly bytes: number };
/** What `GET /v1/audit/statements` gives. */
export interface StatementList {
  /** May be fewer than asked for, or none, where there is `next`: one answer looks at so many statements at most. */
  readonly items: readonly StatementEvent[];
  /** `after` of the next request. Absent: there is nothing more. */
  readonly next?: number;
}

/** `GET /v1/problems` */
export interface ProblemList {
  readonly problems: readonly string[];
  /** Objects that disappeared at once, whose deletion waits for a person. */
  readonly held?: HeldDeletions;
}
export interface HeldDeletions {
  /** `Kind/namespace/name` */
  readonly keys: readonly string[];
  readonly since: string;
  /** Names exactly these keys. */
  readonly digest: string;
}

/** `POST /v1/held/confirm`: the digest of what the person saw, so that nothing that came later is confirmed with it. */
export interface ConfirmHeldRequest {
  readonly digest: string;
}
export interface ConfirmHeldResponse {
  readonly confirmed: number;
}

/** `POST /v1/audit/verify` */
export interface VerifyReport {
  readonly verdict: "complete" | "consistent, unanchored" | "broken";
  readonly records: number;
  readonly sessions: number;
  readonly findings: readonly {
    readonly kind: string;
    readonly detail: string;
    readonly session?: string;
    readonly seq?: number;
  }[];
  /** Records 1 to `toSeq` of a task that were removed because of their age; `wrong`: places of what was removed that did not fit. */
  readonly removed?: readonly {
    readonly proxy: string;
    readonly task: string;
    readonly toSeq: number;
    readonly before: string;
    readonly wrong?: number;
  }[];
  /** Records that fit and that no signed head vouches for. */
  readonly unanchored?: readonly {
    readonly proxy: string;
    readonly task: string;
    readonly fromSeq: number;
    readonly toSeq: number;
  }[];
}

/** `GET /v1/audit/export`, one a line. */
export interface ExportedLine {
  /** A line of the file, without its end. Absent: nothing yet, the export goes on. */
  readonly line?: string;
}

/** `GET /v1/audit/public-key` */
export interface PublicKey {
  /** Names the key that signs now, as lines of the head log do. */
  readonly keyID: string;
  /** That key and those that signed before, PEM. */
  readonly publicKeyPEM: string;
}
