import { describe, expect, it } from "vitest";
import {
  adasDigest,
  adasGrant,
  adasGrantID,
  type ApiStand,
  apiStand,
  aSession,
  auditOf,
  reviewedObjects,
  waitingGrant,
} from "#test/serve/api-stand.ts";

/** Who asks, in the order of the table's columns. Ada's grant was asked for by rita and approved by rob; grace has nothing to do with it. */
const callers = {
  nobody: undefined,
  stranger: "grace",
  own: "ada",
  requester: "rita",
  reviewer: "rob",
  auditor: "margaret",
  administrator: "root",
} as const;

interface Row {
  /** Absent: the route's own, which has no parameters. */
  readonly path?: string;
  readonly body?: unknown;
  /** HTTP status for each of `callers`. */
  readonly status: readonly number[];
  /** What they see of Ada's grant, where the answer is a list. */
  readonly items?: readonly (number | undefined)[];
}

const waitingID = "gwaitingwaitingwaitingwait2";
const grant = `/v1/grants/${adasGrantID}`;
const everyone = [401, 200, 200, 200, 200, 200, 200];
const seeing = [401, 404, 200, 200, 200, 200, 200];
const auditors = [401, 403, 403, 403, 403, 200, 200];
const administrators = [401, 403, 403, 403, 403, 403, 200];
/** One grant's statements: its person, who reviewed it, auditors. Who asked for it and administrators know of it and may not look. */
const viewing = [401, 200, 200, 403, 200, 200, 403];

/** What works before signing in. Nothing of anybody's is in it. */
const open = new Set([
  "GET /healthz",
  "GET /v1/openapi.json",
  "GET /v1/sign-in",
  "POST /v1/login/nonce",
  "POST /v1/login",
  "POST /v1/login/oidc/nonce",
  "POST /v1/login/oidc",
]);

/** Every other route, with what each caller gets. A route that is not here fails the test. */
const matrix: Readonly<Record<string, Row>> = {
  "GET /v1/me": { status: everyone },
  "POST /v1/logout": { status: everyone },
  "POST /v1/console/links": { status: everyone },
  "GET /v1/databases": { status: everyone },
  "POST /v1/grants": {
    body: { database: "orders", role: "read_only", dryRun: true },
    // 422: nothing is offered to those who are no developers.
    status: [401, 200, 200, 200, 422, 422, 422],
  },
  "GET /v1/grants": { status: everyone, items: [undefined, 0, 2, 2, 0, 2, 2] },
  "GET /v1/grants/watch": { status: everyone },
  "GET /v1/grants/{grantID}": { path: grant, status: seeing },
  "GET /v1/grants/{grantID}/watch": { path: `${grant}/watch`, status: seeing },
  // 503: no task of the proxy is linked here.
  "GET /v1/grants/{grantID}/connect": { path: `${grant}/connect`, status: [401, 404, 503, 403, 403, 403, 403] },
  "GET /v1/reviews": { status: everyone, items: [undefined, 0, 0, 0, 1, 0, 0] },
  "POST /v1/grants/{grantID}/review": {
    path: `/v1/grants/${waitingID}/review`,
    body: { decision: "Approve", digest: adasDigest },
    status: [401, 404, 403, 403, 200, 403, 403],
  },
  "POST /v1/grants/{grantID}/extend": {
    path: `${grant}/extend`,
    body: { count: 0 },
    status: [401, 404, 200, 200, 403, 403, 403],
  },
  "POST /v1/grants/{grantID}/revoke": {
    path: `${grant}/revoke`,
    body: { reason: "done" },
    status: [401, 404, 200, 200, 200, 403, 200],
  },
  "GET /v1/events": { path: `/v1/events?grantID=${adasGrantID}`, status: seeing },
  "GET /v1/events/tail": { path: `/v1/events/tail?grantID=${adasGrantID}`, status: seeing },
  "GET /v1/sessions": { status: everyone, items: [undefined, 0, 1, 0, 1, 1, 1] },
  "GET /v1/sessions/{session}": { path: "/v1/sessions/s1", status: [401, 404, 200, 404, 200, 200, 200] },
  "POST /v1/sessions/{session}/kill": {
    path: "/v1/sessions/s1/kill",
    body: { reason: "it holds a lock" },
    status: [401, 404, 200, 403, 403, 403, 200],
  },
  "GET /v1/audit/statements": {
    path: `/v1/audit/statements?grantID=${adasGrantID}`,
    status: viewing,
    items: [undefined, 0, 1, undefined, 1, 1, undefined],
  },
  "GET /v1/audit/tail": { path: `/v1/audit/tail?grantID=${adasGrantID}`, status: viewing },
  "GET /v1/audit/statistics": { path: `/v1/audit/statistics?grantID=${adasGrantID}`, status: viewing },
  "GET /v1/audit/texts/{session}/{text}": {
    path: "/v1/audit/texts/s1/1",
    status: [401, 404, 200, 404, 200, 200, 404],
  },
  "POST /v1/audit/verify": { status: auditors },
  "GET /v1/audit/export": { status: [401, 403, 403, 403, 403, 200, 403] },
  "GET /v1/audit/public-key": { status: everyone },
  "GET /v1/problems": { status: auditors },
  "GET /v1/fleet": { status: administrators },
  // 409: nothing is held.
  "POST /v1/held/confirm": { body: { digest: "x" }, status: [401, 403, 403, 403, 403, 403, 409] },
};

const start = (): ApiStand =>
  apiStand([...reviewedObjects, adasGrant(), waitingGrant({ name: "waiting" }, waitingID)], () => ({
    audit: auditOf([aSession()]),
  }));
const shared = start();
const routes = shared.routes.map(({ method, path, rule }) => ({ name: `${method} ${path}`, method, path, rule }));
const guarded = routes.filter(({ name }) => !open.has(name));

async function ask(stand: ApiStand, name: string, who: string | undefined, token?: string): Promise<Response> {
  const { path, body } = matrix[name] ?? {};
  const [method = "", template = ""] = name.split(" ");
  return stand.ask(path ?? template, who, { method, body, ...(token === undefined ? {} : { token }) });
}

describe("what may be called by whom", () => {
  it("is stated for every route there is, and for none that is not", () => {
    expect(Object.keys(matrix).toSorted()).toEqual(guarded.map(({ name }) => name).toSorted());
    expect(routes.filter(({ rule }) => rule === "public").map(({ name }) => name)).toEqual(
      routes.filter(({ name }) => open.has(name)).map(({ name }) => name),
    );
  });

  it.each(guarded.map(({ name }) => name))("%s", async (name) => {
    const answers = await Promise.all(
      Object.values(callers).map(async (who) => {
        // What one does must not show in what the next one gets.
        const answer = await ask(name.startsWith("GET ") ? shared : start(), name, who);
        const isList = answer.status === 200 && matrix[name]?.items !== undefined;
        const items = isList ? ((await answer.json()) as { items: unknown[] }).items.length : undefined;
        await answer.body?.cancel().catch(() => {});
        return { status: answer.status, items };
      }),
    );

    expect(answers.map(({ status }) => status)).toEqual(matrix[name]?.status);
    expect(answers.map(({ items }) => items)).toEqual(matrix[name]?.items ?? answers.map(() => undefined));
  });

  it("is nothing that is guarded, for a token that is over or made up", async () => {
    const stand = start();
    const token = stand.tokenOf("root");
    stand.services.clock.advance(15 * 60_000);

    for (const { name } of guarded) {
      expect([name, (await ask(stand, name, undefined, token)).status]).toEqual([name, 401]);
      expect([name, (await ask(stand, name, undefined, "x".repeat(43))).status]).toEqual([name, 401]);
    }
  });

  it("has columns for all callers", () => {
    for (const { status, items } of Object.values(matrix)) {
      expect(status.length).toBe(Object.keys(callers).length);
      expect(items?.length ?? status.length).toBe(status.length);
    }
  });
});
