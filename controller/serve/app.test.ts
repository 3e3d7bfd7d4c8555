import { describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { createApp } from "./app.ts";
import { Nonces } from "./auth/nonces.ts";
import type { OidcIssuer } from "./auth/oidc/issuer.ts";
import { type Principal, Tokens } from "./auth/tokens.ts";
import { createSignInWays } from "./browser/door.ts";
import { controlRoutes } from "./routes.ts";
import { HttpProblem, type Route, type Rule } from "./route.ts";
import type { Services } from "./services.ts";

const groups = { auditors: "auditors", administrators: "administrators" };
const clock = manualClock();
const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes));
const tokens = new Tokens(clock, random);
const nonces = new Nonces(clock, random);
/** No handler may be reached in these tests; one that is fails on the first thing it touches. */
const unreachable = { clock } as unknown as Services;
const routes = controlRoutes({
  services: unreachable,
  nonces,
  tokens,
  groups,
  version: "test",
  isStuck: () => false,
  signIn: createSignInWays({
    services: { clock, random } as unknown as Services,
    tokens,
    groups,
    publicURL: "https://sallyport.test",
    issuer: { options: {} } as OidcIssuer,
  }).routes,
});

function tokenOf(...memberOf: string[]): string {
  const principal: Principal = { userName: "ada", userID: "u1", displayName: "Ada", groups: memberOf };
  return tokens.issue(principal).token.reveal();
}

/** A route with the same path and rule, whose handler says that it was reached. */
function probe(route: Route): Route {
  const { body: _, query: __, streams: ___, parameters: ____, ...rest } = route;
  return { ...rest, handle: async () => ({ reached: true }) };
}

async function call(route: Route, token: string | undefined): Promise<number> {
  const app = createApp([probe(route)], tokens, groups, silentLog);
  const path = route.path.replaceAll(/\{\w+\}/g, "x");
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return (await app.request(path, { method: route.method, headers })).status;
}

/** What each rule answers to nobody, to a person, an auditor and an administrator. */
const verdicts: Readonly<Record<Rule, readonly number[]>> = {
  public: [200, 200, 200, 200],
  person: [401, 200, 200, 200],
  auditor: [401, 403, 200, 200],
  administrator: [401, 403, 403, 200],
};

describe("every route", () => {
  it.each(routes.map((route) => [`${route.method} ${route.path}`, route] as const))(
    "%s answers only those whom its rule names",
    async (_, route) => {
      const callers = [undefined, tokenOf("developers"), tokenOf("auditors"), tokenOf("administrators")];

      const answers = await Promise.all(callers.map((token) => call(route, token)));

      expect(answers).toEqual(verdicts[route.rule]);
    },
  );

  it.each([
    ["a made-up token", "x".repeat(43)],
    ["an empty token", ""],
  ])("refuses %s", async (_, token) => {
    const route = routes.find((candidate) => candidate.rule === "person");

    expect(await call(route as Route, token)).toBe(401);
  });

  it("forgets a token when its life is over", async () => {
    const route = routes.find((candidate) => candidate.rule === "person") as Route;
    const token = tokenOf();

    clock.advance(15 * 60_000);

    expect(await call(route, token)).toBe(401);
  });
});

describe("input", () => {
  const echo: Route = {
    method: "POST",
    path: "/echo",
    operationID: "echo",
    summary: "",
    rule: "public",
    body: { type: "object", additionalProperties: false, required: ["n"], properties: { n: { type: "integer" } } },
    response: {},
    handle: async (request) => request.body,
  };
  const app = createApp([echo], tokens, groups, silentLog);
  const post = (body: string): Promise<Response> | Response => app.request("/echo", { method: "POST", body });

  it("must be JSON of the route's schema, and the answer says where it is not", async () => {
    expect((await post("{")).status).toBe(400);
    const answer = await post('{"n":"1"}');

    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { code: "InvalidInput", message: "body.n: must be integer" } });
  });

  it("is refused beyond 64 KiB", async () => {
    expect((await post(JSON.stringify({ n: 1, pad: "x".repeat(65_536) }))).status).toBe(413);
  });

  it("gets a JSON error for an unknown route and for a defect, without details of the defect", async () => {
    const broken: Route = { ...echo, handle: async () => Promise.reject(new Error("secret detail")) };
    const refused: Route = {
      ...echo,
      path: "/refused",
      handle: async () => Promise.reject(new HttpProblem(409, "Later", "not now")),
    };
    const known: Route = { ...echo, method: "GET", path: "/known" };
    const other = createApp([broken, refused, known], tokens, groups, silentLog);

    const defect = await other.request("/echo", { method: "POST", body: '{"n":1}' });
    expect(defect.status).toBe(500);
    expect(await defect.text()).not.toContain("secret detail");
    expect((await other.request("/refused", { method: "POST", body: '{"n":1}' })).status).toBe(409);
    expect((await other.request("/nothing")).status).toBe(404);
  });
});
