import { mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { Secret } from "#lib/secret.ts";
import { loginFile } from "#cli/signin/kept-login.ts";
import { storeToken } from "#cli/signin/token-cache.ts";
import { startSandbox } from "#sandbox/main.ts";
import { demoAccountID } from "#sandbox/seed.ts";
import { startFakeApi } from "#test/cli/fake-api.ts";
import { testComputer } from "#test/cli/world.ts";

/** A person's computer, signed in to the portal; what it calls answers at once, on loopback. */
export interface CliWorld extends AsyncDisposable {
  readonly environment: Readonly<Record<string, string>>;
  /** The database of the one grant that there is. */
  readonly database: string;
  /** Calls that the control API has had so far. */
  calls(): number;
  /** Makes the next command sign in. */
  forgetLogin(): void;
}

/** Starts what the commands call, and makes the home. */
export async function startCliWorld(folder: string): Promise<CliWorld> {
  const sandbox = await startSandbox();
  const sts = { url: sandbox.url, region: sandbox.region };
  const person = { userName: "ada", userID: "u-ada", displayName: "Ada Lovelace", roles: [] };
  const database = "orders";
  const grant = { grantID: "g1", name: "ada-orders", userName: "ada", database, role: "read_only", state: "Active" };
  const api = await startFakeApi({
    "GET /v1/sign-in": () => ({
      body: {
        installation: "bench",
        startURL: sandbox.startURL,
        ssoRegion: sandbox.region,
        identityPermissionSet: "sallyport",
        identityAccountID: demoAccountID,
      },
    }),
    "POST /v1/login/nonce": () => ({ body: { nonce: "bench", installation: "bench", sts, lifeMs: 60_000 } }),
    "POST /v1/login": () => ({ body: { token: "bench", expiryTime: "2100-01-01T00:00:00Z", person } }),
    "GET /v1/grants": () => ({ body: { items: [grant] } }),
  });
  const home = path.join(folder, "home");
  mkdirSync(home, { recursive: true, mode: 0o700 });
  using computer = testComputer();
  const world = { ...computer.world, homeDirectory: home };
  const accessToken = new Secret(sandbox.portalToken("ada"));
  const expiryTime = new Date(Date.now() + 3_600_000).toISOString();
  storeToken({ startURL: sandbox.startURL, region: sandbox.region, accessToken, expiryTime }, world);
  const { accessKeyID, secretAccessKey } = sandbox.controllerCredentials;
  return {
    environment: {
      PATH: process.env["PATH"] ?? "",
      HOME: home,
      TERM: "xterm",
      SALLYPORT_URL: api.url,
      SALLYPORT_CA_FILE: api.caFile,
      AWS_ENDPOINT_URL: sandbox.url,
      AWS_REGION: sandbox.region,
      AWS_DEFAULT_REGION: sandbox.region,
      AWS_ACCESS_KEY_ID: accessKeyID,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_EC2_METADATA_DISABLED: "true",
      AWS_PAGER: "",
    },
    database,
    calls: () => api.calls.length,
    forgetLogin: () => rmSync(loginFile(api.url, world), { force: true }),
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]();
      await sandbox.stop();
    },
  };
}
