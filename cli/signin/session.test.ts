import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { LoginRequest } from "#wire/control-api.ts";
import { verifyProof } from "#wire/proof.ts";
import { systemClock } from "#lib/clock.ts";
import type { FakeHandler } from "#test/cli/fake-api.ts";
import { type FakeInstallation, startFakeInstallation } from "#test/cli/fake-installation.ts";
import { testComputer } from "#test/cli/world.ts";
import { openSession } from "./session.ts";

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
