import { chmodSync, readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { memoryTrail } from "#audit/event/memory-trail.ts";
import { systemClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { Secret } from "#lib/secret.ts";
import { login } from "#cli/commands/login.ts";
import { logout } from "#cli/commands/logout.ts";
import { openConsole } from "#cli/commands/console.ts";
import { ControlClient } from "#cli/control/client.ts";
import { openSession } from "#cli/signin/session.ts";
import { createApp } from "#controller/serve/app.ts";
import { Nonces } from "#controller/serve/auth/nonces.ts";
import { OidcIssuer } from "#controller/serve/auth/oidc/issuer.ts";
import { Tokens } from "#controller/serve/auth/tokens.ts";
import { createSignInWays } from "#controller/serve/browser/door.ts";
import { controlRoutes } from "#controller/serve/routes.ts";
import { type ListeningServer, startServer } from "#controller/serve/server.ts";
import type { Services } from "#controller/serve/services.ts";
import { createAuthority } from "#sandbox/certificates.ts";
import { startSandbox } from "#sandbox/main.ts";
import type { Sandbox } from "#sandbox/sandbox.ts";
import { demoAccountID } from "#sandbox/seed.ts";
import { cliClient, consoleClient, type OidcIssuerServer, startOidcIssuer } from "#test/harness/oidc-issuer.ts";
import { testServices } from "#test/serve/services.ts";
import { fakeBrowser } from "./browser.ts";
import { type TestComputer, testComputer } from "./world.ts";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";

const groups = { auditors: "auditors", administrators: "administrators" };
const random = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes));
const commands = [login, logout, openConsole];

let sandbox: Sandbox;
let issuer: OidcIssuerServer;
let folder: string;
let caFile: string;
let certificate: { certificate: string; privateKey: string };
let server: ListeningServer;
let url: string;
let computer: TestComputer;

beforeAll(async () => {
  sandbox = await startSandbox();
  vi.stubEnv("AWS_ENDPOINT_URL", sandbox.url);
  issuer = await startOidcIssuer();
  folder = mkdtempSync(path.join(tmpdir(), "sallyport-sign-in-"));
  const authority = await createAuthority("test CA", Date.now());
  certificate = await authority.issue(["127.0.0.1"]);
  caFile = path.join(folder, "ca.pem");
  writeFileSync(caFile, authority.certificate);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
  await issuer[Symbol.asyncDispose]();
  await sandbox.stop();
});
beforeEach(async () => {
  issuer.person = { userName: "ada" };
  await startController(0);
  computer = testComputer({ environment: { SALLYPORT_URL: url, SALLYPORT_CA_FILE: caFile }, format: "json" });
});
afterEach(async () => {
  computer[Symbol.dispose]();
  await server.close();
});

/** The real control API; each one has forgotten what the last one knew. */
async function startController(port: number): Promise<void> {
  const base = testServices();
  const services: Services = {
    ...base,
    clock: systemClock,
    random,
    trail: memoryTrail(),
    directory: {
      ...base.directory,
      findUser: async (userName) => ({ userName, userID: `u-${userName}`, displayName: "Ada", status: "ENABLED" }),
      groupsOf: async () => [],
    },
    signIn: () => ({
      installation: "test",
      startURL: sandbox.startURL,
      ssoRegion: sandbox.region,
      identityPermissionSet: "sallyport",
      identityAccountID: demoAccountID,
      ...(ways.oidc === undefined ? {} : { oidc: ways.oidc }),
    }),
  };
  const tokens = new Tokens(systemClock, random);
  const options = {
    issuer: issuer.issuer,
    clientID: consoleClient.id,
    cliClientID: cliClient.id,
    clientSecret: undefined,
    usernameClaim: "preferred_username",
  };
  const believed = new OidcIssuer(options, { clock: systemClock, log: silentLog });
  const ways = createSignInWays({ services, tokens, groups, publicURL: "https://sallyport.test", issuer: believed });
  const nonces = new Nonces(systemClock, random);
  const routes = controlRoutes({
    services,
    nonces,
    tokens,
    groups,
    version: "test",
    isStuck: () => false,
    signIn: ways.routes,
  });
  const app = createApp(routes, tokens, groups, silentLog, ways.door);
  server = await startServer({ ...certificate, host: "127.0.0.1", port, app, onLink: () => {} });
  url = `https://127.0.0.1:${server.port}`;
}

/** Signs in with a browser of this computer. */
async function signInByCode(...flags: string[]): Promise<{ code: number; out: string; err: string }> {
  const browser = fakeBrowser(computer.home);
  const environment = { ...computer.world.environment, BROWSER: browser.program };
  (computer.world as { environment: unknown }).environment = environment;
  const running = computer.run(commands, "login", "--oidc", "--output", "json", ...flags);
  await fetch(await issuer.walk(await browser.opened()));
  return running;
}

const cacheFolder = (): string => path.join(computer.home, ".cache", "sallyport");
const kept = (): Record<string, unknown> =>
  JSON.parse(readFileSync(path.join(cacheFolder(), readdirSync(cacheFolder())[0] ?? ""), "utf8")) as never;
const keep = (change: Record<string, unknown>): void =>
  writeFileSync(
    path.join(cacheFolder(), readdirSync(cacheFolder())[0] ?? ""),
    JSON.stringify({ ...kept(), ...change }),
  );
const tokenCalls = (): number => issuer.calls.filter((call) => call === "POST /token").length;

describe("sallyport login --oidc", () => {
  it("signs in with a browser of this computer, and keeps the sign-in where only its owner reads it", async () => {
    const { code, out } = await signInByCode();

    expect(code).toBe(0);
    expect(JSON.parse(out.slice(out.lastIndexOf('{"person"')))).toMatchObject({ person: { userName: "ada" } });
    expect(readdirSync(cacheFolder()).map((file) => statSync(path.join(cacheFolder(), file)).mode & 0o777)).toEqual([
      0o600,
    ]);
  });

  it("signs in by a code that any browser confirms", async () => {
    const running = computer.run(commands, "login", "--oidc", "--device", "--output", "json");
    const said = await computer.hears("verificationURL");
    await issuer.walk((JSON.parse(said.trim().split("\n")[0] ?? "") as { verificationURL: string }).verificationURL);

    expect((await running).code).toBe(0);
  });

  it("is used by the commands that follow, without a person: the token while it holds, then a refreshed one", async () => {
    await signInByCode();
    const before = tokenCalls();
    keep({ signIn: { ...(kept()["signIn"] as object), installation: "as kept" } });

    const first = await openSession(computer.world);
    // Neither the issuer nor the control API was asked how one signs in.
    expect(first.signIn.installation).toBe("as kept");
    expect(await first.control.get("/v1/me")).toMatchObject({ userName: "ada" });
    expect(tokenCalls()).toBe(before);
    first.close();
    keep({ expiryTime: new Date(0).toISOString() });
    const second = await openSession(computer.world);
    expect(await second.control.get("/v1/me")).toMatchObject({ userName: "ada" });
    expect(tokenCalls()).toBeGreaterThan(before);
    second.close();
  });

  it("takes a new sign-in once the controller was restarted, and says so where nobody can be asked", async () => {
    await signInByCode();
    const port = server.port;
    await server.close();
    await startController(port);

    const session = await openSession(computer.world);

    await expect(session.control.get("/v1/me")).rejects.toMatchObject({
      code: "SignInNeeded",
      next: "sallyport login --oidc",
    });
    session.close();
  });

  it("is forgotten when the person signs out: at the issuer its refresh token is worth nothing, nor its token here", async () => {
    await signInByCode();
    const { refreshToken, token } = kept();
    const control = new ControlClient({ url, caFile }, systemClock);
    control.signIn(new Secret(String(token)), () => Promise.reject(new Error("the token is over")));
    expect(await control.get("/v1/me")).toMatchObject({ userName: "ada" });

    const { code, out } = await computer.run(commands, "logout", "--output", "json");

    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({ portal: 0, oidc: 1 });
    expect(readdirSync(cacheFolder())).toEqual([]);
    await expect(control.get("/v1/me")).rejects.toThrow("the token is over");
    control.close();
    const body = new URLSearchParams({
      grant_type: "refresh_token",
      client_id: cliClient.id,
      refresh_token: String(refreshToken),
    });
    expect((await fetch(`${issuer.issuer}/token`, { method: "POST", body })).status).toBe(400);
  });

  it("is not used where others may read what is kept, and is forgotten all the same", async () => {
    await signInByCode();
    chmodSync(path.join(cacheFolder(), readdirSync(cacheFolder())[0] ?? ""), 0o640);

    await expect(openSession(computer.world)).rejects.toMatchObject({
      code: "LoginExposed",
      why: expect.stringContaining("may be read by other users"),
    });
    const { out } = await computer.run(commands, "logout", "--output", "json");

    expect(JSON.parse(out)).toEqual({ portal: 0, oidc: 1 });
    expect(readdirSync(cacheFolder())).toEqual([]);
  });

  it("says that the person was refused there", async () => {
    issuer.person = undefined;

    const { code, err } = await signInByCode();

    expect(code).toBe(1);
    expect(err).toContain("SignInDenied");
  });

  it("gives a browser a link to the console that way too", async () => {
    await signInByCode();

    const { out } = await computer.run(commands, "console", "--print", "--output", "json");

    expect(JSON.parse(out)).toMatchObject({
      url: expect.stringMatching(/^https:\/\/sallyport\.test\/console\/#code=/),
    });
  });
});
