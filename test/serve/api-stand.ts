import type { AnyObject, Condition, Grant } from "#kinds/index.ts";
import { silentLog } from "#lib/log.ts";
import { aGrant, anAvailability, aWorkflow } from "#controller/reconcile/testing.ts";
import { createApp } from "#controller/serve/app.ts";
import { Nonces } from "#controller/serve/auth/nonces.ts";
import { Tokens } from "#controller/serve/auth/tokens.ts";
import type { Route } from "#controller/serve/route.ts";
import { controlRoutes } from "#controller/serve/routes.ts";
import type { Services } from "#controller/serve/services.ts";
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
  const routes = controlRoutes({ services, nonces, tokens, groups, version: "test", isStuck: () => false });
  const app = createApp(routes, tokens, groups, silentLog);
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
      approvals: [{ step: "lead", reviewer: "rob", decision: "Approve", time: since, digest: adasDigest }],
      target: { proxy: "main" },
      external: {},
      ...status,
    } as never,
  });
}

/** The same grant while it waits for the approval of a lead. */
export function waitingGrant(): Grant {
  const { approvalTime: _, activationTime: __, expiryTime: ___, approvals: ____, ...status } = adasGrant().status ?? {};
  const { external: _____, workflow: ______, target: _______, ...waiting } = status as NonNullable<Grant["status"]>;
  return aGrant({
    spec: { requester: { username: "rita" } },
    status: {
      ...waiting,
      conditions: [condition("Ready", "False", "PendingApproval"), condition("Active", "False", "PendingApproval")],
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
