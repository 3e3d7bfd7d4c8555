import { beforeEach, describe, expect, it } from "vitest";
import { type MemoryTrail, memoryTrail } from "#audit/event/memory-trail.ts";
import { silentLog } from "#lib/log.ts";
import { caller, testServices, type TestServices } from "#test/serve/services.ts";
import { createApp } from "../app.ts";
import { attemptsBurst, attemptsPerSecond } from "../auth/attempts.ts";
import { Nonces } from "../auth/nonces.ts";
import { Tokens } from "../auth/tokens.ts";
import { controlRoutes } from "../routes.ts";
import { createSignInWays } from "./door.ts";
import { linkLifeMs, linksPerPersonMax } from "./links.ts";
import { personAgeMaxMs, sessionIdleMs, sessionLifeMs, sessionsPerPersonMax } from "./sessions.ts";

const publicURL = "https://sallyport.test";
const groups = { auditors: "auditors", administrators: "administrators" };
/** What a browser says of a request that a page of ours sends. */
const own = {
  host: "sallyport.test",
  origin: publicURL,
  "sec-fetch-site": "same-origin",
  "sallyport-csrf": "1",
};

let services: TestServices;
let trail: MemoryTrail;
let tokens: Tokens;
let people: Map<string, { status: "ENABLED" | "DISABLED"; userID: string; groups: string[] }>;
let app: ReturnType<typeof createApp>;

beforeEach(() => {
  trail = memoryTrail();
  people = new Map(
    ["ada", "grace"].map((name) => [name, { status: "ENABLED", userID: `u-${name}`, groups: ["developers"] }]),
  );
  const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes));
  const base = testServices();
  services = {
    ...base,
    random,
    trail,
    directory: {
      ...base.directory,
      findUser: async (userName) => {
        const person = people.get(userName);
        return person === undefined ? undefined : { userName, displayName: userName, ...person };
      },
      groupsOf: async (userID) => [...people.values()].find((person) => person.userID === userID)?.groups ?? [],
    },
  };
  tokens = new Tokens(services.clock, random);
  const nonces = new Nonces(services.clock, random);
  const { door, routes: signIn } = createSignInWays({ services, tokens, publicURL, groups, issuer: undefined });
  const routes = controlRoutes({ services, nonces, tokens, groups, version: "test", isStuck: () => false, signIn });
  app = createApp(routes, tokens, groups, silentLog, door);
});

const post = async (path: string, headers: Record<string, string>, body?: unknown): Promise<Response> =>
  app.request(path, { method: "POST", headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
const me = async (headers: Record<string, string>): Promise<Response> => app.request("/v1/me", { headers });
const codeOf = async (response: Response): Promise<[number, string]> => [
  response.status,
  ((await response.json()) as { error: { code: string } }).error.code,
];

/** The code of a link that `userName`'s command line asks for. */
async function linkOf(userName: string): Promise<string> {
  const token = tokens.issue(caller(userName)).token.reveal();
  const { url } = (await (await post("/v1/console/links", { authorization: `Bearer ${token}` })).json()) as {
    url: string;
  };
  return new URL(url).hash.slice("#code=".length);
}

/** A browser in which `userName` has followed a link: the headers that it sends. */
async function browserOf(userName: string): Promise<Record<string, string>> {
  const answer = await post("/console/session", own, { code: await linkOf(userName) });
  return { ...own, cookie: (answer.headers.get("set-cookie") ?? "").split(";")[0] ?? "" };
}

describe("a one-time link", () => {
  it("signs a browser in with a cookie that nobody but it can use, and is on record", async () => {
    const answer = await post("/console/session", own, { code: await linkOf("ada") });

    expect(answer.headers.get("set-cookie")).toMatch(
      /^__Host-sallyport=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict$/,
    );
    expect(await answer.json()).toMatchObject({
      person: { userName: "ada", userID: "u-ada", roles: [] },
      expiryTime: "2026-01-01T08:00:00.000Z",
    });
    expect(trail.events).toEqual([
      {
        event: "person.signedIn",
        actor: { kind: "User", name: "ada" },
        userName: "ada",
        detail: { how: "Link", client: "Console" },
      },
    ]);
  });

  it("has its code in the fragment, which is sent to no server", async () => {
    const token = tokens.issue(caller("ada")).token.reveal();

    const answer = await post("/v1/console/links", { authorization: `Bearer ${token}` });

    expect(await answer.json()).toEqual({
      url: expect.stringMatching(/^https:\/\/sallyport\.test\/console\/#code=[\w-]{43}$/),
      expiryTime: "2026-01-01T00:01:00.000Z",
    });
  });

  it("works once: whoever stole it comes too late, and so does its owner after the thief", async () => {
    const code = await linkOf("ada");
    expect((await post("/console/session", own, { code })).status).toBe(200);

    expect(await codeOf(await post("/console/session", own, { code }))).toEqual([401, "LinkUnknown"]);
  });

  it("begins a session of which the page knows the end, after a reload too; a bearer token's end is nobody's news", async () => {
    const ada = await browserOf("ada");
    services.clock.advance(60_000);
    const token = tokens.issue(caller("ada")).token.reveal();

    const [browser, bearer] = [await me(ada), await me({ authorization: `Bearer ${token}` })];

    expect(await browser.json()).toMatchObject({ expiryTime: "2026-01-01T08:00:00.000Z" });
    expect(await bearer.json()).not.toHaveProperty("expiryTime");
  });

  it("works for a minute, and not when it is made up", async () => {
    const code = await linkOf("ada");
    services.clock.advance(linkLifeMs);

    expect(await codeOf(await post("/console/session", own, { code }))).toEqual([401, "LinkUnknown"]);
    expect(await codeOf(await post("/console/session", own, { code: "x".repeat(43) }))).toEqual([401, "LinkUnknown"]);
    expect(await codeOf(await post("/console/session", own, [code]))).toEqual([401, "LinkUnknown"]);
    expect(await codeOf(await post("/console/session", own, { code: "x".repeat(2000) }))).toEqual([
      413,
      "BodyTooLarge",
    ]);
  });

  it("makes room for the newest of a person's own only", async () => {
    const graces = await linkOf("grace");
    const codes = [];
    for (let count = 0; count <= linksPerPersonMax; count += 1) {
      codes.push(await linkOf("ada"));
    }

    const redeem = async (code: string | undefined) => (await post("/console/session", own, { code })).status;

    expect(await redeem(graces)).toBe(200);
    expect(await redeem(codes[0])).toBe(401);
    expect(await redeem(codes[1])).toBe(200);
  });

  it("does not put somebody else in the place of who is signed in (login CSRF)", async () => {
    const browser = await browserOf("ada");

    const answer = await post("/console/session", browser, { code: await linkOf("grace") });

    expect(answer.headers.get("set-cookie")).toBeNull();
    expect(await codeOf(answer)).toEqual([409, "SignedInAlready"]);
    expect((await me(browser)).status).toBe(200);
  });

  it("is worth nothing once its person was disabled, or is another one of the same name", async () => {
    const codes = [await linkOf("ada"), await linkOf("grace")];
    people.set("ada", { status: "DISABLED", userID: "u-ada", groups: [] });
    people.set("grace", { status: "ENABLED", userID: "u-new", groups: [] });

    for (const code of codes) {
      expect(await codeOf(await post("/console/session", own, { code }))).toEqual([401, "LinkUnknown"]);
    }
  });

  it("signs nobody in while that cannot be recorded", async () => {
    trail.failure = new Error("the disk is full");

    const answer = await post("/console/session", own, { code: await linkOf("ada") });

    expect(answer.status).toBe(500);
    expect(answer.headers.get("set-cookie")).toBeNull();
  });

  it("is refused from another site's page, by whatever that page may forge", async () => {
    const code = await linkOf("ada");
    const refused = [
      { ...own, "sec-fetch-site": "cross-site" },
      { ...own, "sec-fetch-site": "same-site" },
      { ...own, "sec-fetch-site": "none" },
      { ...own, origin: "https://evil.test" },
      { ...own, origin: "null" },
      { ...own, origin: "https://sallyport.test.evil.test" },
      { ...own, "sallyport-csrf": "0" },
      { host: own.host, origin: own.origin, "sec-fetch-site": "same-origin" },
      { host: own.host, origin: own.origin, "sallyport-csrf": "1" },
    ];

    for (const headers of refused) {
      expect(await codeOf(await post("/console/session", headers, { code }))).toEqual([403, "CrossSite"]);
    }
    expect(await codeOf(await post("/console/session", { ...own, host: "evil.test" }, { code }))).toEqual([
      403,
      "WrongHost",
    ]);
    expect((await post("/console/session", own, { code })).status).toBe(200);
  });

  it("can be tried so often in a second, by all together", async () => {
    const answers = [];
    for (let count = 0; count <= attemptsBurst; count += 1) {
      answers.push((await post("/console/session", own, { code: "guess" })).status);
    }

    expect(answers.slice(0, -1).every((status) => status === 401)).toBe(true);
    expect(answers.at(-1)).toBe(429);
    services.clock.advance(1_000 / attemptsPerSecond);
    expect((await post("/console/session", own, { code: "guess" })).status).toBe(401);
  });
});

describe("a browser's session", () => {
  it("lets its person use the API, but only from a page of ours", async () => {
    const browser = await browserOf("ada");

    expect(await (await me(browser)).json()).toMatchObject({ userName: "ada" });
    expect(await codeOf(await me({ ...browser, "sallyport-csrf": "" }))).toEqual([403, "CrossSite"]);
    expect(await codeOf(await me({ ...browser, "sec-fetch-site": "cross-site" }))).toEqual([403, "CrossSite"]);
    expect(await codeOf(await me({ ...browser, origin: "https://evil.test" }))).toEqual([403, "CrossSite"]);
    expect(await codeOf(await me({ ...browser, host: "evil.test" }))).toEqual([403, "WrongHost"]);
    expect((await me({ ...browser, cookie: `${browser["cookie"]}; ${browser["cookie"]}` })).status).toBe(401);
  });

  it("is no bearer token, and a bearer token is no session", async () => {
    const browser = await browserOf("ada");
    const [, cookie = ""] = (browser["cookie"] ?? "").split("=");
    const bearer = tokens.issue(caller("ada")).token.reveal();

    expect((await me({ authorization: `Bearer ${cookie}` })).status).toBe(401);
    expect((await me({ ...own, cookie: `__Host-sallyport=${bearer}` })).status).toBe(401);
  });

  it("cannot make links, by which it would outlive itself", async () => {
    const browser = await browserOf("ada");

    expect(await codeOf(await post("/v1/console/links", browser))).toEqual([403, "BrowserMayNot"]);
  });

  it("ends when it was left alone for an hour", async () => {
    const [idle, used] = [await browserOf("ada"), await browserOf("ada")];
    services.clock.advance(sessionIdleMs - 1);
    expect((await me(used)).status).toBe(200);
    services.clock.advance(1);

    expect((await me(idle)).status).toBe(401);
    expect((await me(used)).status).toBe(200);
  });

  it("ends after eight hours, however busy it is", async () => {
    const browser = await browserOf("ada");
    const halfHours = sessionLifeMs / (sessionIdleMs / 2);
    for (let count = 1; count < halfHours; count += 1) {
      services.clock.advance(sessionIdleMs / 2);
      expect((await me(browser)).status).toBe(200);
    }

    services.clock.advance(sessionIdleMs / 2);

    expect((await me(browser)).status).toBe(401);
  });

  it("is signed out at once, here and in the browser", async () => {
    const [browser, other] = [await browserOf("ada"), await browserOf("ada")];

    expect(await codeOf(await post("/console/sign-out", { ...browser, "sec-fetch-site": "cross-site" }))).toEqual([
      403,
      "CrossSite",
    ]);
    const answer = await post("/console/sign-out", browser);

    expect(answer.headers.get("set-cookie")).toMatch(/^__Host-sallyport=; .*Max-Age=0$/);
    expect((await me(browser)).status).toBe(401);
    expect((await me(other)).status).toBe(200);
  });

  it("is never the one that a browser brought along (session fixation), and ends when a new one begins", async () => {
    const browser = await browserOf("ada");
    const planted = `__Host-sallyport=${"p".repeat(43)}`;

    const first = await post("/console/session", { ...own, cookie: planted }, { code: await linkOf("ada") });
    const second = await post("/console/session", browser, { code: await linkOf("ada") });

    expect(first.headers.get("set-cookie")).not.toContain("ppppp");
    expect((await me({ ...own, cookie: planted })).status).toBe(401);
    expect(second.status).toBe(200);
    expect((await me(browser)).status).toBe(401);
  });

  it("is open in so many browsers of one person; the one used longest ago is signed out first", async () => {
    const graces = await browserOf("grace");
    const browsers = [];
    for (let count = 0; count < sessionsPerPersonMax; count += 1) {
      browsers.push(await browserOf("ada"));
    }
    await me(browsers[0] ?? {});
    const newest = await browserOf("ada");

    const answers = await Promise.all([graces, ...browsers, newest].map(async (one) => (await me(one)).status));

    expect(answers).toEqual([200, 200, 401, ...Array.from({ length: sessionsPerPersonMax - 1 }, () => 200)]);
  });
});

describe("what a session knows of its person", () => {
  it("is a quarter of an hour old at most: groups come and go", async () => {
    const browser = await browserOf("ada");
    people.set("ada", { status: "ENABLED", userID: "u-ada", groups: ["auditors"] });
    expect(await (await me(browser)).json()).toMatchObject({ roles: [] });

    services.clock.advance(personAgeMaxMs);

    expect(await (await me(browser)).json()).toMatchObject({ roles: ["auditor"] });
  });

  it.each([
    ["was disabled", { status: "DISABLED", userID: "u-ada", groups: [] }],
    ["is another one of the same name", { status: "ENABLED", userID: "u-new", groups: ["administrators"] }],
    ["is gone", undefined],
  ] as const)("ends it where the person %s", async (_, now) => {
    const browser = await browserOf("ada");
    people.delete("ada");
    if (now !== undefined) {
      people.set("ada", { ...now, groups: [...now.groups] });
    }

    services.clock.advance(personAgeMaxMs);

    expect((await me(browser)).status).toBe(401);
    people.set("ada", { status: "ENABLED", userID: "u-ada", groups: [] });
    expect((await me(browser)).status).toBe(401);
  });
});
