import {
  chmodSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { LoginRequest } from "#wire/control-api.ts";
import { verifyProof } from "#wire/proof.ts";
import { type ManualClock, manualClock, systemClock } from "#lib/clock.ts";
import { Secret } from "#lib/secret.ts";
import type { FakeHandler } from "#test/cli/fake-api.ts";
import { type FakeInstallation, startFakeInstallation } from "#test/cli/fake-installation.ts";
import { type TestComputer, testComputer } from "#test/cli/world.ts";
import { grantsList } from "../commands/grants.ts";
import { login } from "../commands/login.ts";
import { logout } from "../commands/logout.ts";
import { loginFile } from "./kept-login.ts";
import { openSession } from "./session.ts";
import { findTokens, storeToken } from "./token-cache.ts";

/** As long as the control API's tokens (controller/serve/auth/tokens.ts). */
const lifeMs = 15 * 60_000;

let installation: FakeInstallation;

beforeAll(async () => {
  installation = await startFakeInstallation();
});
afterAll(() => installation[Symbol.asyncDispose]());
beforeEach(() => {
  installation.api.calls.length = 0;
});

describe("a session", () => {
  it("proves the person by the identity permission set, for this installation and nonce only", async () => {
    using computer = installation.computerOf("ada");

    const session = await openSession(computer.world);
    session.close();

    const login = installation.api.calls.find((call) => call.path === "/v1/login")?.body as LoginRequest;
    const sts = { url: installation.sandbox.url, region: installation.sandbox.region };
    const verifier = { sts, clock: systemClock, fetch: globalThis.fetch };
    const audience = { purpose: "login", installation: "test", nonce: "nonce-1" } as const;
    expect(await verifyProof(login.proof, audience, verifier)).toMatchObject({
      role: { sessionName: "ada", roleName: expect.stringContaining("AWSReservedSSO_sallyport_") },
    });
    expect(session.person.userName).toBe("ada");
  });

  it("signs in again by itself when the control API has forgotten its token", async () => {
    using computer = installation.computerOf("ada");
    installation.on("GET /v1/me", () => ({ body: { ok: true } }));
    const session = await openSession(computer.world);
    expect(await session.control.get("/v1/me")).toEqual({ ok: true });

    installation.expireTokens();

    expect(await session.control.get("/v1/me")).toEqual({ ok: true });
    expect(installation.api.calls.filter((call) => call.path === "/v1/login")).toHaveLength(2);
    session.close();
  });

  it("signs again with a new nonce when the controller has forgotten the last one, once", async () => {
    using computer = installation.computerOf("ada");
    const before = installation.api.handlers.get("POST /v1/login") as FakeHandler;
    const unknown: FakeHandler = () => ({
      status: 401,
      body: { error: { code: "NonceUnknown", message: "no such nonce" } },
    });
    const answers = [unknown, before];
    installation.api.handlers.set("POST /v1/login", (call, response) => (answers.shift() ?? unknown)(call, response));

    const session = await openSession(computer.world);
    session.close();
    await expect(openSession(computer.world)).rejects.toMatchObject({ code: "NonceUnknown" });

    expect(installation.api.calls.filter((call) => call.path === "/v1/login/nonce")).toHaveLength(4);
    installation.api.handlers.set("POST /v1/login", before);
  });

  it("sends no token with what must work before signing in", async () => {
    using computer = installation.computerOf("ada");
    const session = await openSession(computer.world);
    installation.expireTokens();
    installation.on("GET /v1/me", () => ({ body: {} }));

    await session.control.get("/v1/me");

    const anonymous = installation.api.calls.filter((call) => call.path !== "/v1/me");
    expect(anonymous.map((call) => call.token)).toEqual(anonymous.map(() => undefined));
    session.close();
  });

  it.each([
    ["at a terminal, and takes it back before anything else is said", { interactive: true }, true],
    ["nowhere else: not in a pipeline", { interactive: false }, true],
    ["not to programs", { interactive: true, format: "json" }, true],
    ["not where what is said goes to a file", { interactive: true }, false],
  ] as const)("says at once that it signs the person in: %s", async (where, options, isTTY) => {
    using computer = installation.computerOf("ada", options);
    Object.assign(computer.world.terminal.output, { isTTY });

    const session = await openSession(computer.world);
    session.close();

    expect(computer.screen()).toBe(
      where.startsWith("at a terminal") ? "\r\u001b[KSigning in... [0s elapsed]\r\u001b[K" : "",
    );
    expect(computer.out() + computer.err()).toBe("");
  });

  it("says that an installation without a Proxy is not ready", async () => {
    using computer = installation.computerOf("ada");
    const before = installation.api.handlers.get("GET /v1/sign-in");
    installation.api.handlers.set("GET /v1/sign-in", () => ({
      body: { installation: "test", startURL: "", ssoRegion: "", identityPermissionSet: "s", identityAccountID: "" },
    }));

    await expect(openSession(computer.world)).rejects.toMatchObject({ code: "NoProxyYet" });

    installation.api.handlers.set("GET /v1/sign-in", before ?? (() => undefined));
  });

  it("needs to know where Sallyport is", async () => {
    using computer = testComputer();

    await expect(openSession(computer.world)).rejects.toMatchObject({ code: "NotConfigured" });
  });
});

describe("a sign-in that is kept", () => {
  let computer: TestComputer;
  let before: FakeHandler;
  let clock: ManualClock;

  beforeEach(() => {
    clock = manualClock(Date.now());
    computer = installation.computerOf("ada", { clock });
    before = installation.api.handlers.get("POST /v1/login") as FakeHandler;
    installation.api.handlers.set("POST /v1/login", async (call, response) => {
      const { body } = (await before(call, response)) as { body: object };
      return { body: { ...body, expiryTime: new Date(clock.now() + lifeMs).toISOString() } } as never;
    });
    installation.on("GET /v1/grants", () => ({ body: { items: [] } }));
  });
  afterEach(() => {
    installation.api.handlers.set("POST /v1/login", before);
    computer[Symbol.dispose]();
  });

  /** What `grants list` asked for, and what it said. */
  const list = async (): Promise<{ asked: string[]; err: string }> => {
    installation.api.calls.length = 0;
    const { err } = await computer.run([grantsList], "grants", "list");
    return { asked: installation.api.calls.map((call) => `${call.method} ${call.path}`), err };
  };
  const file = (): string => loginFile(installation.api.url, computer.world);
  const kept = (): Record<string, string> => JSON.parse(readFileSync(file(), "utf8")) as Record<string, string>;
  const once = ["GET /v1/grants"];
  const signsIn = ["GET /v1/sign-in", "POST /v1/login/nonce", "POST /v1/login", "GET /v1/grants"];

  it("is all that the next command needs: one request, and nothing of the portal", async () => {
    expect((await list()).asked).toEqual(signsIn);
    const portalCalls = installation.sandbox.calls.length;

    expect((await list()).asked).toEqual(once);

    expect(installation.sandbox.calls).toHaveLength(portalCalls);
  });

  it("is its owner's only, tells the portal's token to nobody, and is said nowhere", async () => {
    const first = await list();
    const second = await list();

    expect(statSync(file()).mode & 0o777).toBe(0o600);
    const [portalToken] = findTokens(installation.sandbox.startURL, installation.sandbox.region, computer.world);
    expect(readFileSync(file(), "utf8")).not.toContain(portalToken?.accessToken.reveal());
    expect(first.err + second.err + computer.out()).not.toContain(kept()["token"]);
  });

  it("that the control API does not know any more is replaced once, for the commands that follow too", async () => {
    await list();

    installation.expireTokens();

    expect((await list()).asked).toEqual(["GET /v1/grants", ...signsIn]);
    expect((await list()).asked).toEqual(once);
  });

  it("is not used in its last minute, nor after it", async () => {
    await list();

    clock.advance(lifeMs - 60_001);
    const early = await list();
    clock.advance(1);
    const late = await list();

    expect([early.asked, late.asked]).toEqual([once, signsIn]);
  });

  it.each([
    ["others may read it", () => chmodSync(file(), 0o644), "may be read by other users of this computer"],
    ["it is a link", () => (renameSync(file(), `${file()}.x`), symlinkSync(`${file()}.x`, file())), "is a link"],
  ])("is refused where %s, which the person is told once, and replaced", async (_, spoil, words) => {
    await list();
    spoil();

    const refused = await list();
    const after = await list();

    expect(refused.asked).toEqual(signsIn);
    expect(refused.err).toContain(words);
    expect(after).toMatchObject({ asked: once, err: "No grants found.\n" });
    expect(lstatSync(file()).mode & 0o777).toBe(0o600);
  });

  it.each<[string, () => void]>([
    ["somebody else signed in to the portal", () => signInToPortal("grace")],
    ["the person signed out of the portal", () => rmSync(path.join(computer.home, ".aws"), { recursive: true })],
    ["it is for another address", () => change({ url: "https://other.example.com" })],
    ["it was made at a server of another authority", () => change({ authority: "public" })],
    ["somebody cut it off", () => writeFileSync(file(), readFileSync(file(), "utf8").slice(0, 50))],
    ["it has no end", () => change({ expiryTime: "never" })],
  ])("is not used where %s", async (_, happen) => {
    await list();

    happen();

    expect((await list()).asked[0]).toBe("GET /v1/sign-in");
  });

  it("is another profile's own: each home has its own, and each installation", async () => {
    await list();
    using other = installation.computerOf("ada", { clock });
    installation.api.calls.length = 0;

    await other.run([grantsList], "grants", "list");

    expect(installation.api.calls.map((call) => call.path)).toContain("/v1/login");
    expect(loginFile("https://a.example.com", other.world)).not.toBe(loginFile("https://b.example.com", other.world));
  });

  it("may be made by two commands at once, which leave one that is whole", async () => {
    const [one, other] = await Promise.all([openSession(computer.world), openSession(computer.world)]);
    one.close();
    other.close();

    expect((await list()).asked.filter((call) => call === "POST /v1/login").length).toBeLessThanOrEqual(1);
    expect(readdirSync(path.dirname(file()))).toEqual([path.basename(file())]);
    expect((await list()).asked).toEqual(once);
  });

  it("is not what login uses, which finds out whether signing in works", async () => {
    await list();
    installation.api.calls.length = 0;

    await computer.run([login], "login");

    expect(installation.api.calls.map((call) => call.path)).toContain("/v1/login");
    expect((await list()).asked).toEqual(once);
  });

  it("is ended by logout at the control API: a copy of it opens nothing any more", async () => {
    await list();
    const { token } = kept();
    installation.api.calls.length = 0;

    await computer.run([logout], "logout");

    const ends = installation.api.calls.filter((call) => call.path === "/v1/logout");
    expect(ends).toMatchObject([{ method: "POST", token }]);
  });

  it("is forgotten by logout, also while the control API is away", async () => {
    await list();
    const signIn = installation.api.handlers.get("GET /v1/sign-in") as FakeHandler;
    installation.api.handlers.set("GET /v1/sign-in", () => ({ status: 503, body: {} }));

    const { code } = await computer.run([logout], "logout");

    installation.api.handlers.set("GET /v1/sign-in", signIn);
    expect(code).toBe(1);
    expect(existsSync(file())).toBe(false);
  });

  it("costs a command nothing where it cannot be written", async () => {
    writeFileSync(path.join(computer.home, ".cache"), "");

    expect((await list()).asked).toEqual(signsIn);
    expect((await list()).asked).toEqual(signsIn);
  });

  function change(parts: object): void {
    writeFileSync(file(), JSON.stringify({ ...kept(), ...parts }));
  }

  function signInToPortal(userName: string): void {
    const { sandbox } = installation;
    const accessToken = new Secret(sandbox.portalToken(userName));
    const expiryTime = new Date(clock.now() + 3_600_000).toISOString();
    storeToken({ startURL: sandbox.startURL, region: sandbox.region, accessToken, expiryTime }, computer.world);
  }
});
