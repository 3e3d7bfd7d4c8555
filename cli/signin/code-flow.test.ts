import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type ManualClock, manualClock } from "#lib/clock.ts";
import { startSandbox } from "#sandbox/main.ts";
import type { Sandbox } from "#sandbox/sandbox.ts";
import { demoAccountID } from "#sandbox/seed.ts";
import { decideAtPortal, type FakeBrowser, fakeBrowser } from "#test/cli/browser.ts";
import { type TestComputer, testComputer } from "#test/cli/world.ts";
import { Portal, type PortalSignIn } from "./portal.ts";
import { roleCredentials } from "./role-credentials.ts";
import { cacheName, type PortalToken } from "./token-cache.ts";

let sandbox: Sandbox;
let clock: ManualClock;

beforeAll(async () => {
  clock = manualClock(Date.now());
  sandbox = await startSandbox({ clock });
  vi.stubEnv("AWS_ENDPOINT_URL", sandbox.url);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await sandbox.stop();
});

/** A person at a computer with a browser. */
interface Desk extends Disposable {
  readonly computer: TestComputer;
  readonly browser: FakeBrowser;
  signIn(how?: PortalSignIn): Promise<PortalToken>;
  portal(how?: PortalSignIn): Portal;
}

function desk(): Desk {
  const computer = testComputer({ clock, interactive: true });
  const browser = fakeBrowser(computer.home);
  const world = { ...computer.world, environment: { BROWSER: browser.program } };
  const portal = (how: PortalSignIn = {}): Portal => new Portal(sandbox.startURL, sandbox.region, world, how);
  return {
    computer,
    browser,
    portal,
    signIn: (how) => portal(how).token(),
    [Symbol.dispose]: () => computer[Symbol.dispose](),
  };
}

const cacheOf = (at: Desk): string => path.join(at.computer.home, ".aws", "sso", "cache");
const cached = (at: Desk, name: string): Record<string, unknown> =>
  JSON.parse(readFileSync(path.join(cacheOf(at), name), "utf8")) as Record<string, unknown>;
const registered = (): number => sandbox.calls.filter((call) => call.operation === "RegisterClient").length;

describe("a person at a computer with a browser", () => {
  it("signs in there, and the token that comes back opens what they hold", async () => {
    using at = desk();
    const portal = at.portal();

    const token = portal.token();
    const page = await fetch(await decideAtPortal(await at.browser.opened(), "ada"));

    expect(page.status).toBe(200);
    expect(await page.text()).toContain("You can close this page and go back to your terminal.");
    expect((await token).renewal).toBeDefined();
    const role = { accountID: demoAccountID, permissionSet: "sallyport" };
    await expect(roleCredentials(portal, role, at.computer.world, { patient: false })).resolves.toBeDefined();
  });

  it("sends a state, and a challenge whose verifier never leaves this computer before the code is redeemed", async () => {
    using at = desk();
    const token = at.signIn();

    const { origin, pathname, searchParams } = new URL(await at.browser.opened());
    await fetch(await decideAtPortal(await at.browser.opened(), "ada"));
    await token;

    expect(`${origin}${pathname}`).toBe(`${sandbox.url}/authorize`);
    expect(Object.fromEntries(searchParams)).toMatchObject({
      response_type: "code",
      code_challenge_method: "S256",
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      state: expect.stringMatching(/^[\w-]{32}$/),
      scopes: "sso:account:access",
      redirect_uri: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/oauth\/callback$/),
    });
  });

  it("is not signed in by an answer to something else: wrong state, wrong path, another name for this computer", async () => {
    using at = desk();
    const token = at.signIn();
    const back = new URL(await decideAtPortal(await at.browser.opened(), "ada"));
    const forged = new URL(back);
    forged.searchParams.set("state", "x".repeat(32));
    const stateless = new URL(back);
    stateless.searchParams.delete("state");

    const answers = [
      await fetch(forged),
      await fetch(stateless),
      await fetch(new URL(`/elsewhere${back.search}`, back)),
      await fetch(back.href.replace("127.0.0.1", "localhost")).catch(() => ({ status: 404 })),
      await fetch(back, { method: "POST" }),
    ];
    await fetch(back);

    expect(answers.map((answer) => answer.status)).toEqual([404, 404, 404, 404, 404]);
    expect((await token).accessToken.reveal()).not.toBe("");
  });

  it("is told when the sign-in was refused there", async () => {
    using at = desk();
    const token = at.signIn();
    const refused = expect(token).rejects.toMatchObject({ code: "SignInDenied", next: "sallyport login" });

    await fetch(await decideAtPortal(await at.browser.opened(), undefined));

    await refused;
  });

  it("is told when nobody came back in time, and may stop the wait", async () => {
    using late = desk();
    using stopped = desk();
    const lateToken = expect(late.signIn()).rejects.toMatchObject({ code: "SignInTimedOut" });
    const stoppedToken = expect(stopped.signIn()).rejects.toMatchObject({ name: "AbortError" });
    await Promise.all([late.browser.opened(), stopped.browser.opened()]);
    await expect.poll(() => clock.pendingCount()).toBeGreaterThanOrEqual(2);

    stopped.computer.stop();
    clock.advance(10 * 60_000);

    await Promise.all([lateToken, stoppedToken]);
  });

  it("may use another computer's browser all the same", async () => {
    using at = desk();

    void at.signIn({ device: true }).catch(() => {});

    expect(await at.computer.hears("confirm the code")).toContain("/_sandbox/device?user_code=");
    at.computer.stop();
  });
});

describe("what is shared with the aws command line", () => {
  async function signIn(at: Desk, how: PortalSignIn = {}): Promise<PortalToken> {
    const token = at.signIn(how);
    await fetch(await decideAtPortal(await at.browser.opened(), "ada"));
    return token;
  }

  it("lies under the start URL where no sso-session is configured, readable by its owner only", async () => {
    using at = desk();

    const token = await signIn(at);

    const name = cacheName(sandbox.startURL);
    expect(cached(at, name)).toMatchObject({
      startUrl: sandbox.startURL,
      accessToken: token.accessToken.reveal(),
      registrationExpiresAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    });
    for (const file of readdirSync(cacheOf(at))) {
      expect(statSync(path.join(cacheOf(at), file)).mode & 0o777).toBe(0o600);
    }
  });

  it("lies under the sso-session's name where one is configured for this portal", async () => {
    using at = desk();
    const written = `${sandbox.startURL}/#/`;
    configure(at, [
      "[sso-session other]",
      "sso_start_url = https://other.awsapps.com/start",
      `sso_region = ${sandbox.region}`,
      "[profile work]",
      `sso_start_url = ${sandbox.startURL}`,
      '[sso-session "my work"]',
      `sso_start_url = ${written}`,
      `sso_region = ${sandbox.region}`,
      "sso_registration_scopes = sso:account:access, codewhisperer:completions",
    ]);

    await signIn(at);

    expect(cached(at, cacheName("my work"))).toMatchObject({ startUrl: written, refreshToken: expect.any(String) });
    expect(new URL(await at.browser.opened()).searchParams.get("scopes")).toBe(
      "sso:account:access codewhisperer:completions",
    );
  });

  it("is the registered client: one for all sign-ins, a new one when it is about to end or when that is asked for", async () => {
    using at = desk();
    await signIn(at);
    const before = registered();

    using again = sameHome(at);
    await signIn(again, { fresh: false });

    expect(registered()).toBe(before);
    using fresh = sameHome(at);
    await signIn(fresh, { fresh: true });
    expect(registered()).toBe(before + 1);
    clock.advance(90 * 86_400_000 - 10 * 60_000);
    using later = sameHome(at);
    await signIn(later);
    expect(registered()).toBe(before + 2);
  });

  function configure(at: Desk, lines: readonly string[]): void {
    mkdirSync(path.join(at.computer.home, ".aws"), { recursive: true });
    writeFileSync(path.join(at.computer.home, ".aws", "config"), lines.join("\n"));
  }

  /** Another run on the same computer, whose token is forgotten but not its registration. */
  function sameHome(at: Desk): Desk {
    const other = desk();
    for (const file of readdirSync(cacheOf(at))) {
      const entry = cached(at, file);
      if (!("accessToken" in entry)) {
        mkdirSync(cacheOf(other), { recursive: true });
        writeFileSync(path.join(cacheOf(other), file), JSON.stringify(entry));
      }
    }
    return other;
  }
});
