import { generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type MemoryTrail, memoryTrail } from "#audit/event/memory-trail.ts";
import { systemClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import type { OidcNonce } from "#wire/sign-in.ts";
import { cliClient, consoleClient, type OidcIssuerServer, startOidcIssuer } from "#test/harness/oidc-issuer.ts";
import { testServices } from "#test/serve/services.ts";
import { createApp } from "../../app.ts";
import { createSignInWays } from "../../browser/door.ts";
import { controlRoutes } from "../../routes.ts";
import { attemptsBurst } from "../attempts.ts";
import { Nonces } from "../nonces.ts";
import { Tokens } from "../tokens.ts";
import { OidcIssuer, type OidcOptions } from "./issuer.ts";

const groups = { auditors: "auditors", administrators: "administrators" };
/** The issuer goes by the wall clock; the other stands still, so that no attempt comes back while a test counts them. */
const clock = { ...systemClock, monotonicMs: () => 0 };
const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes));

let server: OidcIssuerServer;
let trail: MemoryTrail;
let people: Map<string, { status: "ENABLED" | "DISABLED"; groups: string[] }>;
let post: (path: string, body: unknown) => Promise<Response>;

beforeAll(async () => {
  server = await startOidcIssuer();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => start());

/** A control API that believes the issuer. */
function start(change: Partial<OidcOptions> = {}): void {
  trail = memoryTrail();
  people = new Map([["ada", { status: "ENABLED", groups: ["auditors"] }]]);
  const base = testServices();
  const services = {
    ...base,
    clock,
    random,
    trail,
    directory: {
      ...base.directory,
      findUser: async (userName: string) => {
        const person = people.get(userName);
        return person && { userName, userID: `u-${userName}`, displayName: "Ada", status: person.status };
      },
      groupsOf: async (userID: string) => people.get(userID.slice(2))?.groups ?? [],
    },
  };
  const tokens = new Tokens(clock, random);
  const options: OidcOptions = {
    issuer: server.issuer,
    clientID: consoleClient.id,
    cliClientID: cliClient.id,
    clientSecret: undefined,
    usernameClaim: "preferred_username",
    ...change,
  };
  const issuer = new OidcIssuer(options, { clock, log: silentLog, cooldownMs: 0 });
  const { door, routes: signIn } = createSignInWays({
    services,
    tokens,
    groups,
    publicURL: "https://sallyport.test",
    issuer,
  });
  const nonces = new Nonces(clock, random);
  const routes = controlRoutes({ services, nonces, tokens, groups, version: "test", isStuck: () => false, signIn });
  const app = createApp(routes, tokens, groups, silentLog, door);
  post = async (path, body) => app.request(path, { method: "POST", body: JSON.stringify(body) });
}

const nonce = async (): Promise<string> => ((await (await post("/v1/login/oidc/nonce", {})).json()) as OidcNonce).nonce;
const login = (idToken: string): Promise<Response> => post("/v1/login/oidc", { idToken });
const codeOf = async (response: Response): Promise<[number, string]> => [
  response.status,
  ((await response.json()) as { error: { code: string } }).error.code,
];
const nowSeconds = (): number => Math.floor(Date.now() / 1_000);

/** What the issuer says of ada. */
async function claims(change: JWTPayload = {}): Promise<JWTPayload> {
  const iat = nowSeconds();
  return {
    iss: server.issuer,
    aud: cliClient.id,
    sub: "subject-of-ada",
    iat,
    exp: iat + 3_600,
    nonce: await nonce(),
    preferred_username: "ada",
    ...change,
  };
}

describe("a token of the OIDC issuer", () => {
  it("is exchanged for a bearer token of the person that it names, which is on record", async () => {
    const answer = await login(await server.forge(await claims()));

    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      token: expect.stringMatching(/^[\w-]{43}$/),
      person: { userName: "ada", userID: "u-ada", roles: ["auditor"] },
    });
    expect(trail.events).toMatchObject([{ event: "person.signedIn", userName: "ada", detail: { how: "OIDC" } }]);
  });

  it("says nothing of groups that counts: they are the Identity Store's", async () => {
    people.set("ada", { status: "ENABLED", groups: [] });

    const answer = await login(
      await server.forge(await claims({ groups: ["administrators"], roles: ["administrator"] })),
    );

    expect(await answer.json()).toMatchObject({ person: { roles: [] } });
  });

  it("is refused without a signature (alg none), and with one that anybody could make", async () => {
    const unsigned = new UnsecuredJWT(await claims()).encode();
    const symmetric = await new SignJWT(await claims())
      .setProtectedHeader({ alg: "HS256", kid: "key-1" })
      .sign(new TextEncoder().encode(consoleClient.secret));

    expect(await codeOf(await login(unsigned))).toEqual([401, "TokenRefused"]);
    expect(await codeOf(await login(symmetric))).toEqual([401, "TokenRefused"]);
    expect(await codeOf(await login("not.a.token"))).toEqual([401, "TokenRefused"]);
  });

  it("is refused when another issuer's key signed it, whatever key it names", async () => {
    const { privateKey } = await generateKeyPair("RS256");

    for (const kid of ["key-1", "key-of-another-issuer"]) {
      const forged = await new SignJWT(await claims()).setProtectedHeader({ alg: "RS256", kid }).sign(privateKey);
      expect(await codeOf(await login(forged))).toEqual([401, "TokenRefused"]);
    }
  });

  it.each([
    ["for another client", { aud: "another" }],
    ["for the console, not the command line", { aud: consoleClient.id }],
    ["for nobody", { aud: undefined }],
    ["issued to another party", { azp: "another" }],
    ["for several, with no party", { aud: [cliClient.id, "another"] }],
    ["of another issuer", { iss: "https://evil.test" }],
    ["of the issuer with a slash", { iss: "slash" }],
    ["that is over", { exp: nowSeconds() - 120 }],
    ["without an end", { exp: undefined }],
    ["without a beginning", { iat: undefined }],
    ["of the future", { iat: nowSeconds() + 600 }],
    ["that was issued long ago", { iat: nowSeconds() - 600 }],
    ["not valid yet", { nbf: nowSeconds() + 600 }],
    ["of nobody", { sub: undefined }],
    ["of a subject without letters", { sub: "" }],
    ["without the user name", { preferred_username: undefined }],
    ["with a user name that is none", { preferred_username: ["ada"] }],
  ] as const)("is refused: one %s", async (_, change) => {
    const given = await claims(change as JWTPayload);

    const answer = await login(
      await server.forge(given["iss"] === "slash" ? { ...given, iss: `${server.issuer}/` } : given),
    );

    expect(await codeOf(answer)).toEqual([401, "TokenRefused"]);
    expect(trail.events).toEqual([]);
  });

  it("is refused when it is another kind of token with the same signature", async () => {
    expect(await codeOf(await login(await server.forge(await claims(), { typ: "at+jwt" })))).toEqual([
      401,
      "TokenRefused",
    ]);
    expect(await codeOf(await login(await server.forge(await claims(), { typ: "logout+jwt" })))).toEqual([
      401,
      "TokenRefused",
    ]);
  });

  it("signs in once: a copy of it is worth nothing", async () => {
    const token = await server.forge(await claims());
    expect((await login(token)).status).toBe(200);

    expect(await codeOf(await login(token))).toEqual([401, "TokenUsed"]);
  });

  it("does not sign in when it is older than this process, which cannot know who used it", async () => {
    const old = await server.forge(await claims({ iat: nowSeconds() - 2, nonce: undefined }));

    expect(await codeOf(await login(old))).toEqual([401, "TokenUsed"]);
  });

  it("is refused when its nonce is not one of ours, or somebody else used it", async () => {
    people.set("grace", { status: "ENABLED", groups: [] });
    const used = await claims();
    expect((await login(await server.forge(used))).status).toBe(200);

    const other = { ...used, sub: "subject-of-grace", preferred_username: "grace" };
    expect(await codeOf(await login(await server.forge(other)))).toEqual([401, "NonceUnknown"]);
    expect(await codeOf(await login(await server.forge(await claims({ nonce: "made-up" }))))).toEqual([
      401,
      "NonceUnknown",
    ]);
  });

  it("that was refreshed may carry the first one's nonce, or none; each still once", async () => {
    const first = await claims();
    expect((await login(await server.forge(first))).status).toBe(200);

    const refreshed = await server.forge({ ...first, iat: nowSeconds() + 1 });
    const bare = await server.forge(await claims({ nonce: undefined }));

    expect((await login(refreshed)).status).toBe(200);
    expect((await login(bare)).status).toBe(200);
    expect(await codeOf(await login(bare))).toEqual([401, "TokenUsed"]);
  });

  it("is believed after the issuer changed its key, and no more when an old key signed it", async () => {
    expect((await login(await server.forge(await claims()))).status).toBe(200);
    const old = await server.forge(await claims());

    await server.rotate();

    expect((await login(await server.forge(await claims()))).status).toBe(200);
    expect(await codeOf(await login(old))).toEqual([401, "TokenRefused"]);
  });

  it.each([
    ["was disabled", "DISABLED"],
    ["is not in the Identity Store", undefined],
  ] as const)("is of no use to somebody who %s", async (_, status) => {
    people.clear();
    if (status !== undefined) {
      people.set("ada", { status, groups: ["administrators"] });
    }

    expect(await codeOf(await login(await server.forge(await claims())))).toEqual([403, "NotIdentified"]);
    expect(trail.events).toEqual([]);
  });

  it("counts by its e-mail address only where the issuer has verified that", async () => {
    start({ usernameClaim: "email" });
    people.set("ada@example.com", { status: "ENABLED", groups: [] });
    const given = { email: "ada@example.com" };

    const verified = await login(await server.forge(await claims({ ...given, email_verified: true })));

    expect(verified.status).toBe(200);
    for (const email_verified of [false, "true", undefined]) {
      const answer = await login(await server.forge(await claims({ ...given, email_verified })));
      expect(await codeOf(answer)).toEqual([401, "TokenRefused"]);
    }
  });

  it("cannot be tried more than so often", async () => {
    const answers = await Promise.all(Array.from({ length: attemptsBurst + 20 }, () => login("not.a.token")));

    expect(answers.filter((answer) => answer.status === 401)).toHaveLength(attemptsBurst);
    expect(answers.filter((answer) => answer.status === 429)).toHaveLength(20);
  });

  it("cannot be looked at while the issuer is away; that passes", async () => {
    const away = await startOidcIssuer();
    await away[Symbol.asyncDispose]();
    start({ issuer: away.issuer });

    expect(await codeOf(await login(await server.forge(await claims())))).toEqual([503, "IssuerUnavailable"]);
  });
});
