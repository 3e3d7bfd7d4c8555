import type { VisibleTo } from "#audit/store/types.ts";
import type { AnyObject, Condition, Grant } from "#kinds/index.ts";
import { silentLog } from "#lib/log.ts";
import { aGrant, anAvailability, aWorkflow } from "#controller/reconcile/testing.ts";
import { createApp } from "#controller/serve/app.ts";
import type { OidcIssuer } from "#controller/serve/auth/oidc/issuer.ts";
import { Nonces } from "#controller/serve/auth/nonces.ts";
import { Tokens } from "#controller/serve/auth/tokens.ts";
import { createSignInWays } from "#controller/serve/browser/door.ts";
import type { Route } from "#controller/serve/route.ts";
import { controlRoutes } from "#controller/serve/routes.ts";
import type { AuditFilter, AuditReader, Services } from "#controller/serve/services.ts";
import type { SessionView, StatementEvent } from "#wire/control-api.ts";
import { caller, demoObjects, testServices, type TestServices } from "./services.ts";

/** Names of the groups in these tests. */
export const groups = { auditors: "auditors", administrators: "administrators" } as const;

/** Who is in which group; everybody else is a developer. */
const members: Readonly<Record<string, readonly string[]>> = {
  margaret: [groups.auditors],
  root: [groups.administrators],
  rob: ["leads"],
};

/** The control API with callers, without a server. */
export interface ApiStand {
  readonly services: TestServices;
  readonly routes: readonly Route[];
  readonly tokens: Tokens;
  /** A token of that person. */
  tokenOf(who: string): string;
  /** Asks as that person, each time with a token of their own; undefined: nobody. */
  ask(path: string, who: string | undefined, options?: AskOptions): Promise<Response>;
}

export interface AskOptions {
  readonly method?: string;
  readonly body?: unknown;
  /** Instead of a new one. */
  readonly token?: string;
  readonly signal?: AbortSignal;
}

/** Starts the API on these objects, the demo's unless given. */
export function apiStand(
  objects: readonly AnyObject[] = demoObjects,
  change: (services: TestServices) => Partial<Services> = () => ({}),
): ApiStand {
  const services = testServices(objects);
  Object.assign(services, change(services));
  const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes));
  const tokens = new Tokens(services.clock, random);
  const nonces = new Nonces(services.clock, random);
  const issuer = { options: {} } as OidcIssuer;
  const ways = createSignInWays({ services, tokens, groups, publicURL: "https://sallyport.test", issuer });
  const isStuck = () => false;
  const routes = controlRoutes({ services, nonces, tokens, groups, version: "test", isStuck, signIn: ways.routes });
  const app = createApp(routes, tokens, groups, silentLog, ways.door);
  const tokenOf = (who: string): string =>
    tokens.issue(caller(who, { groups: members[who] ?? ["developers"] })).token.reveal();
  return {
    services,
    routes,
    tokens,
    tokenOf,
    async ask(path, who, { method = "GET", body, token, signal } = {}) {
      const shown = token ?? (who === undefined ? undefined : tokenOf(who));
      return app.request(path, {
        method,
        headers: shown === undefined ? {} : { authorization: `Bearer ${shown}` },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal === undefined ? {} : { signal }),
      });
    },
  };
}

/** The error's code in an answer. */
export async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as { error: { code: string } }).error.code;
}

/** ID of Ada's grant in these tests. */
export const adasGrantID = "gmztgmztgmztgmztgmztgmztgmy";
/** Digest of what reviewers decide on in these tests. */
export const adasDigest = `sha256:${"a".repeat(64)}`;
const since = "2026-01-01T00:00:00.000Z";

/** A condition that has held since the clock's start. */
export function condition(type: string, status: "True" | "False", reason: string): Condition {
  return { type, status, reason, message: `${reason}.`, lastTransitionTime: since, observedGeneration: 1 };
}

/** Ada's live grant on orders, which rob approved and rita asked for, under the workflow `reviewed`. */
export function adasGrant(status: Partial<NonNullable<Grant["status"]>> = {}): Grant {
  return aGrant({
    spec: { requester: { username: "rita" } },
    status: {
      grantID: adasGrantID,
      principal: { userID: "u-ada", userName: "ada" },
      observedGeneration: 1,
      requestTime: since,
      conditions: [condition("Ready", "True", "Active"), condition("Active", "True", "Active")],
      activationTime: since,
      approvalTime: since,
      expiryTime: "2026-01-01T01:00:00.000Z",
      workflow: {
        name: "reviewed",
        generation: 1,
        maxDurationSeconds: 7_200,
        extension: { maxCount: 2, durationSeconds: 600 },
      },
      review: { digest: adasDigest, workflow: "reviewed" },
      approvals: [
        { step: "lead", reviewer: "rob", reviewerID: "u-rob", decision: "Approve", time: since, digest: adasDigest },
      ],
      target: { proxy: "main" },
      external: {},
      ...status,
    } as never,
  });
}

/** The same grant while it waits for the approval of a lead. */
export function waitingGrant(metadata: Partial<Grant["metadata"]> = {}, grantID = adasGrantID): Grant {
  const { principal, observedGeneration = 1, requestTime, review } = adasGrant().status ?? {};
  const why = "PendingApproval";
  return aGrant({
    metadata,
    spec: { requester: { username: "rita" } },
    status: {
      grantID,
      principal,
      observedGeneration,
      requestTime,
      review,
      conditions: [condition("Ready", "False", why), condition("Active", "False", why)],
    } as never,
  });
}

/** What the demo has, with a workflow in which one lead must approve. */
export const reviewedObjects: readonly AnyObject[] = [
  ...demoObjects.filter(({ kind }) => kind !== "AccessWorkflow" && kind !== "Availability"),
  aWorkflow({
    metadata: { name: "reviewed" },
    spec: { approvalSteps: [{ name: "lead", approvers: [{ kind: "Group", name: "leads" }] }] },
  }),
  anAvailability({ spec: { workflowRef: { name: "reviewed" } } }),
];

/** A session of a grant, as the store tells it. */
export function aSession(change: Partial<SessionView> = {}): SessionView {
  return {
    session: "s1",
    grantID: adasGrantID,
    userName: "ada",
    database: "orders",
    role: "read_only",
    startTime: since,
    statements: 1,
    ...change,
  };
}

/** An audit trail of these sessions and nothing else, which shows them to whom it is told to. Users' IDs are `u-` and their names. */
export function auditOf(sessions: readonly SessionView[]): AuditReader {
  const isVisible = ({ grantID, userName, database }: SessionView, to: VisibleTo | undefined): boolean => {
    const isOpen = (closed: readonly string[]): boolean => !closed.includes(`default/${database}`);
    return (
      to === undefined ||
      (userName === to.own.userName && to.own.userID === `u-${userName}` && isOpen(to.own.exceptDatabases)) ||
      to.grants.includes(grantID) ||
      (to.everybody !== undefined && isOpen(to.everybody.exceptDatabases))
    );
  };
  const found = (filter: AuditFilter): SessionView[] =>
    sessions.filter(
      (entry) =>
        (filter.session === undefined || filter.session === entry.session) &&
        (filter.grantID === undefined || filter.grantID === entry.grantID) &&
        isVisible(entry, filter.visibleTo),
    );
  const events = (filter: AuditFilter): StatementEvent[] =>
    found(filter).map(({ session, grantID, userName, database, role, startTime }) => ({
      session,
      grantID,
      userName,
      database,
      role,
      storeSeq: 1,
      event: "statement-end",
      time: startTime,
      sql: "select 1",
    }));
  return {
    search: async (filter) => ({ items: events(filter) }),
    newest: async () => 0,
    async *tail(filter) {
      yield* events(filter);
    },
    sessions: async (filter) => found(filter),
    statistics: async (filter, range) => ({
      since: range.from,
      bucketSeconds: range.bucketSeconds,
      buckets: [{ statements: found(filter).length, errors: 0, rows: 0 }],
      slowest: events(filter),
      errors: [],
    }),
    async *text() {
      yield { data: "select 1" };
      yield { complete: true, bytes: 8 };
    },
    verify: async () => ({ verdict: "complete", records: 0, sessions: 0, findings: [] }),
    async *export() {
      yield { line: "a line" };
    },
    publicKey: { keyID: "sha256:0", publicKeyPEM: "a key" },
  };
}
