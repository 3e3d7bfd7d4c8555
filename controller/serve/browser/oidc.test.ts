import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type MemoryTrail, memoryTrail } from "#audit/event/memory-trail.ts";
import { systemClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { Secret } from "#lib/secret.ts";
import { consoleClient, type OidcIssuerServer, startOidcIssuer } from "#test/harness/oidc-issuer.ts";
import type { SignedOut } from "#wire/sign-in.ts";
import { testServices } from "#test/serve/services.ts";
import { createApp } from "../app.ts";
import { attemptsBurst } from "../auth/attempts.ts";
import { Nonces } from "../auth/nonces.ts";
import { OidcIssuer } from "../auth/oidc/issuer.ts";
import { Tokens } from "../auth/tokens.ts";
import { controlRoutes } from "../routes.ts";
import { createSignInWays } from "./door.ts";
import { issuerSignOut, pendingCookie, pendingLifeMs } from "./oidc.ts";
import { returnPath } from "./return-path.ts";
import { Seal } from "./seal.ts";

const publicURL = "https://sallyport.test";
const groups = { auditors: "auditors", administrators: "administrators" };
const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes));

let server: OidcIssuerServer;
let trail: MemoryTrail;
let app: ReturnType<typeof createApp>;
let skewMs: number;
let enabled: Set<string>;

beforeAll(async () => {
  server = await startOidcIssuer();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => {
  server.person = { userName: "ada" };
  trail = memoryTrail();
  skewMs = 0;
  enabled = new Set(["ada", "grace"]);
  const base = testServices();
  // The issuer goes by the wall clock; ours stands still, so that no attempt comes back while a test counts them.
  const clock = { ...systemClock, monotonicMs: () => skewMs };
  const services = {
    ...base,
    clock,
    random,
    trail,
    directory: {
      ...base.directory,
      findUser: async (userName: string) =>
        enabled.has(userName)
          ? { userName, userID: `u-${userName}`, displayName: userName, status: "ENABLED" as const }
          : undefined,
      groupsOf: async () => [],
    },
  };
  const tokens = new Tokens(clock, random);
  const options = {
    issuer: server.issuer,
    clientID: consoleClient.id,
    cliClientID: "cli",
    clientSecret: new Secret(consoleClient.secret),
    usernameClaim: "preferred_username",
  };
  const issuer = new OidcIssuer(options, { clock, log: silentLog });
  const { door, routes: signIn } = createSignInWays({ services, tokens, groups, publicURL, issuer });
  const nonces = new Nonces(clock, random);
  const routes = controlRoutes({ services, nonces, tokens, groups, version: "test", isStuck: () => false, signIn });
  app = createApp(routes, tokens, groups, silentLog, door);
});

/** A browser: keeps cookies by site and goes where it is sent. */
class Browser {
  readonly cookies = new Map<string, Map<string, string>>();

  jar(origin: string): Map<string, string> {
    const jar = this.cookies.get(origin) ?? new Map<string, string>();
    this.cookies.set(origin, jar);
    return jar;
  }

  get(address: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.#fetch(address, { method: "GET" }, headers);
  }

  #send(address: string, headers: Record<string, string>, body?: string): Promise<Response> {
    return this.#fetch(address, { method: "POST", ...(body === undefined ? {} : { body }) }, headers);
  }

  async #fetch(address: string, init: RequestInit, headers: Record<string, string>): Promise<Response> {
    const url = new URL(address);
    const jar = this.jar(url.origin);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const all = { ...headers, ...(cookie === "" ? {} : { cookie }) };
    const answer =
      url.origin === publicURL
        ? await app.request(`${url.pathname}${url.search}`, { ...init, headers: { host: url.host, ...all } })
        : await fetch(url, { ...init, redirect: "manual", headers: all });
    for (const set of answer.headers.getSetCookie()) {
      const [pair = "", ...attributes] = set.split("; ");
      const [name = "", value = ""] = pair.split(/=(.*)/s);
      if (value === "" || attributes.includes("Max-Age=0")) {
        jar.delete(name);
      } else {
        jar.set(name, value);
      }
    }
    return answer;
  }

  /** Follows redirects until `stop`, and gives the address at which it stopped. */
  async follow(address: string, stop: (url: string) => boolean): Promise<string> {
    let at = address;
    for (let hops = 0; hops < 10 && !stop(at); hops += 1) {
      const location = (await this.get(at)).headers.get("location");
      if (location === null) {
        return at;
      }
      at = new URL(location, at).href;
    }
    return at;
  }

  /** As the console does. */
  signOut(): Promise<Response> {
    return this.#send(`${publicURL}/console/sign-out`, { "sec-fetch-site": "same-origin", "sallyport-csrf": "1" });
  }

  /** Sends a form of a page. */
  post(address: string, form: URLSearchParams): Promise<Response> {
    const type = "application/x-www-form-urlencoded";
    return this.#send(address, { "content-type": type }, form.toString());
  }

  me(): Promise<Response> {
    return this.get(`${publicURL}/v1/me`, { "sec-fetch-site": "same-origin", "sallyport-csrf": "1" });
  }
}

const isCallback = (url: string): boolean => url.startsWith(`${publicURL}/console/callback`);
const isPage = (url: string): boolean => url.startsWith(`${publicURL}/console/`) && !/callback|sign-in/.test(url);

describe("a browser at the OIDC issuer", () => {
  it("comes back signed in, to the page that it wanted, without any token of the issuer", async () => {
    const browser = new Browser();

    const end = await browser.follow(`${publicURL}/console/sign-in?return=/console/grants/g1?tab=live`, isPage);

    expect(end).toBe(`${publicURL}/console/grants/g1?tab=live`);
    expect(await (await browser.me()).json()).toMatchObject({ userName: "ada" });
    expect([...browser.jar(publicURL).keys()]).toEqual(["__Host-sallyport"]);
    expect(trail.events).toMatchObject([{ event: "person.signedIn", detail: { how: "OIDC", client: "Console" } }]);
  });

  it("sends state, nonce and an S256 challenge of its own each time", async () => {
    const browser = new Browser();

    const [first, second] = await Promise.all(
      [1, 2].map(async () => {
        const answer = await browser.get(`${publicURL}/console/sign-in`);
        return new URL(answer.headers.get("location") ?? "").searchParams;
      }),
    );

    for (const name of ["state", "nonce", "code_challenge"]) {
      expect(first?.get(name)).toMatch(/^[\w-]{43}$/);
      expect(first?.get(name)).not.toBe(second?.get(name));
    }
    expect(first?.get("code_challenge_method")).toBe("S256");
    expect(first?.get("redirect_uri")).toBe(`${publicURL}/console/callback`);
  });

  it("keeps what it began in a cookie that no script reads and nobody else can make", async () => {
    const answer = await new Browser().get(`${publicURL}/console/sign-in`);

    expect(answer.headers.get("set-cookie")).toMatch(
      /^__Host-sallyport-signing-in=[\w-]+; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=600$/,
    );
  });

  it("does not take an answer that another browser asked for (login CSRF)", async () => {
    const [attacker, victim] = [new Browser(), new Browser()];
    const callback = await attacker.follow(`${publicURL}/console/sign-in`, isCallback);
    await victim.get(`${publicURL}/console/sign-in`);

    const without = await new Browser().get(callback);
    const withOwn = await victim.get(callback);

    expect([without.status, withOwn.status]).toEqual([401, 401]);
    expect((await victim.me()).status).toBe(401);
    expect(trail.events).toEqual([]);
  });

  it("takes an answer once, and not after ten minutes", async () => {
    const browser = new Browser();
    const callback = await browser.follow(`${publicURL}/console/sign-in`, isCallback);
    const pending = browser.jar(publicURL).get(pendingCookie) ?? "";
    const late = new Browser();
    const lateCallback = await late.follow(`${publicURL}/console/sign-in`, isCallback);
    expect((await browser.get(callback)).status).toBe(303);

    browser.jar(publicURL).set(pendingCookie, pending);
    expect((await browser.get(callback)).status).toBe(401);
    skewMs = pendingLifeMs + 1;
    expect((await late.get(lateCallback)).status).toBe(401);
  });

  it("is told when the issuer says no, or the person is none of ours", async () => {
    server.person = undefined;
    const denied = new Browser();
    const deniedAt = await denied.follow(`${publicURL}/console/sign-in`, isCallback);
    server.person = { userName: "eve" };
    const unknown = new Browser();
    const unknownAt = await unknown.follow(`${publicURL}/console/sign-in`, isCallback);

    const answers = [await denied.get(deniedAt), await unknown.get(unknownAt)];

    expect(answers.map((answer) => answer.status)).toEqual([401, 403]);
    expect(await answers[1]?.text()).toContain("eve is not an enabled user of the Identity Store");
    expect(answers.flatMap((answer) => answer.headers.getSetCookie()).join()).not.toContain("__Host-sallyport=");
  });

  it("is signed in as who came last, and the session before is over", async () => {
    const browser = new Browser();
    await browser.follow(`${publicURL}/console/sign-in`, isPage);
    const before = browser.jar(publicURL).get("__Host-sallyport") ?? "";
    browser.cookies.delete(server.issuer);
    server.person = { userName: "grace" };

    await browser.follow(`${publicURL}/console/sign-in`, isPage);

    expect(await (await browser.me()).json()).toMatchObject({ userName: "grace" });
    browser.jar(publicURL).set("__Host-sallyport", before);
    expect((await browser.me()).status).toBe(401);
  });

  it("ends its session at the issuer too when it signs out: the next sign-in asks who it is", async () => {
    const browser = new Browser();
    await browser.follow(`${publicURL}/console/sign-in`, isPage);

    const { url = "" } = (await (await browser.signOut()).json()) as SignedOut;
    const before = browser.jar(server.issuer).size;
    const page = await (await browser.get(url)).text();
    const form = new URLSearchParams({ xsrf: /name="xsrf" value="(\w+)"/.exec(page)?.[1] ?? "", logout: "yes" });
    await browser.post(/action="([^"]+)"/.exec(page)?.[1] ?? "", form);

    expect(new URL(url).origin).toBe(server.issuer);
    expect((await browser.me()).status).toBe(401);
    expect(before).toBeGreaterThan(0);
    server.person = { userName: "grace" };
    await browser.follow(`${publicURL}/console/sign-in`, isPage);
    expect(await (await browser.me()).json()).toMatchObject({ userName: "grace" });
  });

  it("signs out here where the issuer does not answer", async () => {
    expect(await issuerSignOut({ known: () => Promise.reject(new Error("away")) } as never, undefined)).toBeUndefined();
  });

  it("is sent away from a name that is not ours", async () => {
    const answer = await app.request("/console/sign-in", { headers: { host: "evil.test" } });

    expect(answer.status).toBe(403);
    expect(answer.headers.get("location")).toBeNull();
  });

  it("cannot begin more often than so, from one address, whatever it says of where it comes from", async () => {
    const from = async (remoteAddress: string, headers = {}): Promise<number> => {
      const env = { incoming: { socket: { remoteAddress } } };
      return (await app.request("/console/callback", { headers: { host: "sallyport.test", ...headers } }, env)).status;
    };

    const answers = await Promise.all(
      Array.from({ length: attemptsBurst + 20 }, (_, index) =>
        from("192.0.2.1", { "x-forwarded-for": `198.51.100.${index}`, forwarded: `for=198.51.100.${index}` }),
      ),
    );
    expect(await from("192.0.2.2")).toBe(401);

    expect(answers.filter((status) => status === 401)).toHaveLength(attemptsBurst);
    expect(answers.filter((status) => status === 429)).toHaveLength(20);
  });
});

describe("where a browser goes once it is signed in", () => {
  it.each([
    ["/console/", "/console/"],
    ["/console/grants/g1?x=1", "/console/grants/g1?x=1"],
    ["/console/audit?q=a%20b", "/console/audit?q=a%20b"],
  ])("is the page %s of the console", (wanted, path) => {
    expect(returnPath(wanted, publicURL)).toBe(path);
  });

  it.each([
    undefined,
    "",
    "https://evil.test/console/",
    "//evil.test/console/",
    "/\\evil.test/console/",
    "\\\\evil.test",
    "/\t/evil.test",
    "/console/../v1/me",
    "/console/%2e%2e/v1/me",
    "/console",
    "/v1/me",
    "javascript:alert(1)",
    "/console/\r\nset-cookie: a=b",
    `/console/${"x".repeat(1025)}`,
    " /console/",
    "http:/console/",
  ])("is the first page when it would be %j", (wanted) => {
    expect(returnPath(wanted, publicURL)).toBe("/console/");
  });

  it("never has the fragment, which may hold a code", () => {
    expect(returnPath("/console/x#code=1", publicURL)).toBe("/console/x");
  });
});

describe("what a browser keeps for us", () => {
  it("is read again, unless a single bit of it was changed or another process made it", () => {
    const seal = new Seal(random);
    const text = seal.close({ state: "s" });
    const bytes = Buffer.from(text, "base64url");
    const changed = [...bytes.keys()].map((at) => {
      const copy = Buffer.from(bytes);
      copy[at] = (copy[at] ?? 0) ^ 1;
      return copy.toString("base64url");
    });

    expect(seal.open(text)).toEqual({ state: "s" });
    expect(changed.map((one) => seal.open(one)).filter((one) => one !== undefined)).toEqual([]);
    expect(new Seal(random).open(text)).toBeUndefined();
    expect(seal.open("")).toBeUndefined();
  });
});
