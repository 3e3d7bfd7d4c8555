import { beforeEach, describe, expect, it } from "vitest";
import type { Condition } from "#kinds/index.ts";
import { silentLog } from "#lib/log.ts";
import { caller, demoObjects, testServices, type TestServices } from "#test/serve/services.ts";
import { AwsFailure } from "../../aws/ports.ts";
import { aGrant } from "../../reconcile/testing.ts";
import { createApp } from "../app.ts";
import { Nonces } from "../auth/nonces.ts";
import { Tokens } from "../auth/tokens.ts";
import { controlRoutes } from "../routes.ts";
import { tailsMax, tailsOfPersonMax } from "./audit.ts";
import type { AuditFilter, AuditReader } from "../services.ts";

const groups = { auditors: "auditors", administrators: "administrators" };
const grantID = "gmztgmztgmztgmztgmztgmztgmy";
const since = "2026-01-01T00:00:00.000Z";
const met = (type: string): Condition => ({
  type,
  status: "True",
  reason: "Active",
  message: "Access is live.",
  lastTransitionTime: since,
  observedGeneration: 1,
});
const adas = aGrant({
  status: {
    grantID,
    principal: { userID: "u-ada", userName: "ada" },
    observedGeneration: 1,
    conditions: [met("Ready"), met("Active")],
    activationTime: since,
    expiryTime: "2026-01-01T01:00:00.000Z",
    target: { proxy: "main" },
    external: {},
  } as never,
});

let services: TestServices;
let filters: AuditFilter[];
let answer: (path: string, who: string | undefined, method?: string, body?: unknown) => Promise<Response>;

const members: Readonly<Record<string, readonly string[]>> = {
  margaret: ["auditors"],
  root: ["administrators"],
};

function start(audit: Partial<AuditReader> = {}, objects = [...demoObjects, adas]): void {
  filters = [];
  const reader: AuditReader = {
    search: async (filter) => {
      filters.push(filter);
      return { items: [] };
    },
    newest: async () => 0,
    async *tail(filter) {
      filters.push(filter);
      yield* [];
    },
    sessions: async (filter) => {
      filters.push(filter);
      return [];
    },
    statistics: async () => ({ since, bucketSeconds: 1, buckets: [], slowest: [], errors: [] }),
    async *text() {},
    verify: async () => ({ verdict: "complete", records: 0, sessions: 0, findings: [] }),
    async *export() {},
    publicKey: { keyID: "sha256:0", publicKeyPEM: "" },
    ...audit,
  };
  services = testServices(objects, { audit: reader });
  const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes));
  const tokens = new Tokens(services.clock, random);
  const nonces = new Nonces(services.clock, random);
  const routes = controlRoutes({ services, nonces, tokens, groups, version: "test", isStuck: () => false });
  const app = createApp(routes, tokens, groups, silentLog);
  answer = async (path, who, method = "GET", body) => {
    const headers: Record<string, string> = {};
    if (who !== undefined) {
      const principal = caller(who, { groups: members[who] ?? ["developers"] });
      headers["authorization"] = `Bearer ${tokens.issue(principal).token.reveal()}`;
    }
    return app.request(path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  };
}
beforeEach(() => start());

const codeOf = async (response: Response): Promise<string> =>
  ((await response.json()) as { error: { code: string } }).error.code;
const grant = `/v1/grants/${grantID}`;
const reason = { reason: "done" };

describe("a grant of one's own, and another person's", () => {
  it.each([
    ["ada", 200, 200, 503],
    ["grace", 404, 404, 404],
    ["margaret", 200, 403, 403],
    ["root", 200, 200, 403],
  ])("%s gets %i to see it, %i to end it, %i to connect", async (who, get, revoke, connect) => {
    expect((await answer(grant, who)).status).toBe(get);
    expect((await answer(`${grant}/connect`, who)).status).toBe(connect);
    expect((await answer(`${grant}/revoke`, who, "POST", reason)).status).toBe(revoke);
  });

  it("is not there for others, in the very words of one that is not there at all", async () => {
    const none = "gaaaaaaaaaaaaaaaaaaaaaaaaaa";

    const others = await (await answer(grant, "grace")).text();
    const nobodys = await (await answer(`/v1/grants/${none}`, "grace")).text();

    expect(others.replaceAll(grantID, none)).toBe(nobodys);
  });

  it("is known by the pinned user ID, not by a name that somebody else took over", async () => {
    start({}, [
      ...demoObjects,
      { ...adas, status: { ...adas.status, principal: { userID: "u-other", userName: "ada" } } } as never,
    ]);

    expect((await answer(grant, "ada")).status).toBe(404);
  });

  it("is listed to its person, and to auditors", async () => {
    const listed = async (who: string, query = ""): Promise<number> =>
      ((await (await answer(`/v1/grants${query}`, who)).json()) as { items: unknown[] }).items.length;

    expect([await listed("ada"), await listed("grace"), await listed("margaret")]).toEqual([1, 0, 1]);
    expect(await listed("margaret", "?userName=grace")).toBe(0);
    expect(await listed("margaret", "?state=Active&database=orders")).toBe(1);
    expect(await listed("margaret", "?state=Ended")).toBe(0);
  });

  it("shows who asked for its end, once, and counts as being revoked from then on", async () => {
    const first = await answer(`${grant}/revoke`, "ada", "POST", reason);
    await answer(`${grant}/revoke`, "root", "POST", { reason: "me too" });

    expect(((await first.json()) as { state: string }).state).toBe("Revoking");
    const [stored] = services.source.list("Grant");
    expect(stored?.object.status?.endRequest).toEqual({ reason: "done", by: "ada", time: "2026-01-01T00:00:00.000Z" });
    expect(stored?.object.spec.revocation).toBeUndefined();
  });

  it.each(["x", "g1", grantID.toUpperCase(), `${grantID}a`, "g%00", "%2e%2e%2fme"])(
    "is not looked for by %j, which is no grant ID",
    async (text) => {
      const response = await answer(`/v1/grants/${text}`, "root");

      expect(response.status).toBe(400);
      expect(await codeOf(response)).toBe("InvalidInput");
    },
  );
});

describe("the audit trail", () => {
  it.each(["/v1/audit/statements", "/v1/audit/tail", "/v1/sessions"])(
    "at %s shows people their own, whatever they ask for; auditors see all",
    async (path) => {
      await (await answer(`${path}?userName=grace`, "ada")).text();
      await (await answer(path, "ada")).text();
      await (await answer(`${path}?userName=ada`, "ada")).text();
      await (await answer(`${path}?userName=grace`, "margaret")).text();
      await (await answer(`${path}?database=orders${path === "/v1/sessions" ? "" : "&text=x"}`, "margaret")).text();

      // A tail without a position first asks where the trail stands; that is told to nobody.
      const asked = filters.filter((filter) => Object.keys(filter).length > 0);
      const own = (userName: string) => ({ userName, userID: `u-${userName}`, exceptDatabases: [] });
      const adas = { own: own("ada"), grants: [] };
      const all = { own: own("margaret"), grants: [], everybody: { exceptDatabases: [] } };
      expect(asked).toEqual([
        { userName: "grace", visibleTo: adas },
        { visibleTo: adas },
        { userName: "ada", visibleTo: adas },
        { userName: "grace", visibleTo: all },
        { database: "orders", visibleTo: all, ...(path === "/v1/sessions" ? {} : { text: "x" }) },
      ]);
    },
  );

  it.each([
    "since=yesterday",
    "since=2026-02-31T00:00:00Z&until=2026-13-01T00:00:00Z",
    "until=1",
    "limit=0",
    "limit=1001",
    "limit=x",
    "after=-1",
    "after=1.5",
    "grantID=x",
    "unknown=1",
  ])("refuses a search with %s", async (query) => {
    const response = await answer(`/v1/audit/statements?${query}`, "ada");

    expect([response.status, await codeOf(response)]).toEqual([400, "InvalidInput"]);
  });

  it("is tailed from the position that was asked for, else from where it stands; both begin with a heartbeat", async () => {
    const from: (number | "now")[] = [];
    start({
      newest: async () => 41,
      async *tail(_, after) {
        from.push(after);
        yield* [];
      },
    });

    const first = await (await answer("/v1/audit/tail", "ada")).text();
    const second = await (await answer("/v1/audit/tail?after=7", "ada")).text();

    expect(from).toEqual([41, 7]);
    expect([first, second].map((text) => JSON.parse(text) as unknown)).toMatchObject([
      { event: "heartbeat", storeSeq: 41 },
      { event: "heartbeat", storeSeq: 7 },
    ]);
  });

  it("is followed by so many at once, and by others when one has gone", async () => {
    start({
      async *tail(_, __, signal) {
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        yield* [];
      },
    });
    const who = (index: number): string =>
      index < tailsOfPersonMax ? "margaret" : `person-${Math.floor(index / tailsOfPersonMax)}`;
    const open = await Promise.all(
      Array.from({ length: tailsMax }, (_, index) => answer("/v1/audit/tail", who(index))),
    );
    expect(open.map(({ status }) => status)).toEqual(Array.from({ length: tailsMax }, () => 200));

    const refused = await answer("/v1/audit/tail", "margaret");
    expect([refused.status, await codeOf(refused)]).toEqual([503, "TooManyTails"]);
    await open[0]?.body?.cancel();

    expect((await answer("/v1/audit/tail", "margaret")).status).toBe(200);
  });

  it("is kept from nobody by one person who follows it as often as they can", async () => {
    start({
      async *tail(_, __, signal) {
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        yield* [];
      },
    });
    for (let count = 0; count < tailsOfPersonMax; count += 1) {
      await answer("/v1/audit/tail", "ada");
    }

    expect((await answer("/v1/audit/tail", "ada")).status).toBe(503);
    expect((await answer("/v1/audit/tail", "margaret")).status).toBe(200);
  });

  it("is verified once for all who ask meanwhile", async () => {
    let runs = 0;
    const gate = Promise.withResolvers<void>();
    start({
      verify: async () => {
        runs += 1;
        await gate.promise;
        return { verdict: "complete", records: runs, sessions: 0, findings: [] };
      },
    });

    const both = [answer("/v1/audit/verify", "margaret", "POST"), answer("/v1/audit/verify", "root", "POST")];
    await new Promise((resolve) => setImmediate(resolve));
    gate.resolve();
    await Promise.all(both);
    await answer("/v1/audit/verify", "margaret", "POST");

    expect(runs).toBe(2);
  });
});

describe("held deletions", () => {
  const key = { kind: "Grant", namespace: "default", name: "a" } as const;

  async function heldDigest(): Promise<string> {
    const { held } = (await (await answer("/v1/problems", "root")).json()) as { held: { digest: string } };
    return held.digest;
  }

  it("are confirmed as they were seen, and not as they have become", async () => {
    let keys = [key];
    let confirmed = 0;
    Object.assign(services.source, {
      held: () => ({ keys, since: "2026-01-01T00:00:00.000Z" }),
      confirmHeld: async () => void (confirmed += 1),
    });
    const seen = await heldDigest();
    keys = [key, { ...key, name: "b" }] as never;

    const stale = await answer("/v1/held/confirm", "root", "POST", { digest: seen });
    expect([stale.status, await codeOf(stale), confirmed]).toEqual([409, "HeldChanged", 0]);
    const fresh = await answer("/v1/held/confirm", "root", "POST", { digest: await heldDigest() });

    expect(await fresh.json()).toEqual({ confirmed: 2 });
    expect(confirmed).toBe(1);
  });

  it("are not confirmed where nothing is held", async () => {
    expect((await answer("/v1/held/confirm", "root", "POST", { digest: "x" })).status).toBe(409);
  });
});

describe("what goes wrong", () => {
  it("in AWS for a moment is said to pass", async () => {
    start();
    services = Object.assign(services, {
      entitlements: () => Promise.reject(new AwsFailure("throttled", "ThrottlingException", "sso:X", "slow down")),
    });

    const response = await answer("/v1/databases", "ada");

    expect([response.status, await codeOf(response)]).toEqual([503, "AwsUnavailable"]);
  });

  it("with the method names those that the route takes", async () => {
    const response = await answer("/v1/grants", "ada", "DELETE");
    expect(response.status).toBe(405);
    const other = await answer(`${grant}/revoke`, "ada");

    expect([other.status, other.headers.get("allow")]).toEqual([405, "POST"]);
    const unknown = await answer(`${grant}/revoke`, "ada", "OPTIONS");
    expect([unknown.status, unknown.headers.get("allow")]).toEqual([405, "POST"]);
    expect(other.headers.get("cache-control")).toBe("no-store");
  });
});
