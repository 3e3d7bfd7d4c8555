import { vi } from "vitest";
import { Secret } from "#lib/secret.ts";
import { storeToken } from "#cli/signin/token-cache.ts";
import { startSandbox } from "#sandbox/main.ts";
import type { Sandbox } from "#sandbox/sandbox.ts";
import { demoAccountID } from "#sandbox/seed.ts";
import { type FakeApi, type FakeHandler, startFakeApi } from "./fake-api.ts";
import { type TestComputer, testComputer, type TestComputerOptions } from "./world.ts";

/** A control API that says what a test wants, beside the sandbox's real access portal. */
export interface FakeInstallation extends AsyncDisposable {
  readonly api: FakeApi;
  readonly sandbox: Sandbox;
  /** A computer that knows the address, of a person who has signed in to the portal. */
  computerOf(userName: string, options?: TestComputerOptions): TestComputer;
  /** Sets a handler that takes only the newest token: `token-1` after the first sign-in, and so on. */
  on(route: string, handler: FakeHandler): void;
  /** Makes the newest token the last but one: every call must sign in again. */
  expireTokens(): void;
}

/** Starts both. The SDK's endpoint is set for the whole test file until it is disposed of. */
export async function startFakeInstallation(): Promise<FakeInstallation> {
  const sandbox = await startSandbox();
  vi.stubEnv("AWS_ENDPOINT_URL", sandbox.url);
  let issued = 0;
  let accepted = "";
  const sts = { url: sandbox.url, region: sandbox.region };
  const person = { userName: "ada", userID: "u-ada", displayName: "Ada Lovelace", roles: [] };
  const api = await startFakeApi({
    "GET /v1/sign-in": () => ({
      body: {
        installation: "test",
        startURL: sandbox.startURL,
        ssoRegion: sandbox.region,
        identityPermissionSet: "sallyport",
        identityAccountID: demoAccountID,
      },
    }),
    "POST /v1/login/nonce": () => ({ body: { nonce: "nonce-1", installation: "test", sts, lifeMs: 60_000 } }),
    "POST /v1/login": () => {
      issued += 1;
      accepted = `token-${issued}`;
      return { body: { token: accepted, expiryTime: "2026-01-01T00:15:00Z", person } };
    },
  });
  return {
    api,
    sandbox,
    computerOf(userName, options = {}) {
      const environment = { SALLYPORT_URL: api.url, SALLYPORT_CA_FILE: api.caFile, ...options.environment };
      const computer = testComputer({ ...options, environment });
      const expiryTime = new Date(Date.now() + 3_600_000).toISOString();
      const accessToken = new Secret(sandbox.portalToken(userName));
      storeToken({ startURL: sandbox.startURL, region: sandbox.region, accessToken, expiryTime }, computer.world);
      return computer;
    },
    on(route, handler) {
      api.handlers.set(route, (call, response) =>
        call.token === accepted
          ? handler(call, response)
          : {
              status: 401,
              body: { error: { code: "NotSignedIn", message: "you are not signed in", next: "sallyport login" } },
            },
      );
    },
    expireTokens() {
      accepted = "";
    },
    async [Symbol.asyncDispose]() {
      vi.unstubAllEnvs();
      await api[Symbol.asyncDispose]();
      await sandbox.stop();
    },
  };
}
