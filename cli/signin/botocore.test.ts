import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, type TestContext, vi } from "vitest";
import { startSandbox } from "#sandbox/main.ts";
import type { Sandbox } from "#sandbox/sandbox.ts";
import { demoAccountID } from "#sandbox/seed.ts";
import { decideAtPortal, fakeBrowser } from "#test/cli/browser.ts";
import { type TestComputer, testComputer } from "#test/cli/world.ts";
import { Portal } from "./portal.ts";
import { registrationKey } from "./registration.ts";
import { roleCredentials } from "./role-credentials.ts";
import { cacheName } from "./token-cache.ts";

/** Says whose credentials the profile gives, as boto3 and the `aws` command line find them. */
const whoAmI = `
import botocore.session
session = botocore.session.Session(profile="work")
print(session.create_client("sts").get_caller_identity()["Arn"])
`;

let sandbox: Sandbox;
let computer: TestComputer;

beforeAll(async () => {
  sandbox = await startSandbox();
  vi.stubEnv("AWS_ENDPOINT_URL", sandbox.url);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await sandbox.stop();
});
beforeEach((context) => {
  computer = testComputer({ interactive: true });
  context.onTestFinished(() => computer[Symbol.dispose]());
  mkdirSync(path.join(computer.home, ".aws"));
  writeFileSync(
    path.join(computer.home, ".aws", "config"),
    [
      "[profile work]",
      `region = ${sandbox.region}`,
      "sso_session = company",
      `sso_account_id = ${demoAccountID}`,
      "sso_role_name = sallyport",
      "[sso-session company]",
      `sso_start_url = ${sandbox.startURL}`,
      `sso_region = ${sandbox.region}`,
      "sso_registration_scopes = sso:account:access",
    ].join("\n"),
  );
});

/** Runs Python with botocore. Spawned synchronously it would stop the sandbox of this process; so it is not. */
async function python(context: TestContext, code: string): Promise<string> {
  const file = process.env["SALLYPORT_PYTHON"] ?? "python3";
  if (spawnSync(file, ["-c", "import botocore"]).status !== 0) {
    context.skip("python3 with botocore is not installed, so nothing can be compared with it");
  }
  const { execFile } = await import("node:child_process");
  const { promisify } = await import("node:util");
  const env = {
    HOME: computer.home,
    PATH: process.env["PATH"],
    AWS_ENDPOINT_URL: sandbox.url,
  };
  return (await promisify(execFile)(file, ["-c", code], { env })).stdout.trim();
}

function portal(): Portal {
  const browser = fakeBrowser(computer.home);
  const world = { ...computer.world, environment: { BROWSER: browser.program } };
  return new Portal(sandbox.startURL, sandbox.region, world);
}

async function signIn(): Promise<void> {
  const browser = fakeBrowser(computer.home);
  const token = portal().token();
  await fetch(await decideAtPortal(await browser.opened(), "ada"));
  await token;
}

const tokenFile = (): string => path.join(computer.home, ".aws", "sso", "cache", cacheName("company"));
const cached = (): Record<string, string> => JSON.parse(readFileSync(tokenFile(), "utf8")) as Record<string, string>;

/** Makes the token end in five minutes, which is when botocore renews it, or in none, which is when we do. */
function ages(leftMs: number): void {
  const expiresAt = new Date(Date.now() + leftMs).toISOString().replace(/\.\d+Z$/, "Z");
  writeFileSync(tokenFile(), JSON.stringify({ ...cached(), expiresAt }));
}

describe("botocore", () => {
  it("uses the token of a sign-in of ours", async (context) => {
    await signIn();

    expect(await python(context, whoAmI)).toMatch(/assumed-role\/AWSReservedSSO_sallyport_\w+\/ada$/);
  });

  it("renews a token of ours with what we stored beside it, and we use what it stores, and renew that in turn", async (context) => {
    await signIn();
    const { accessToken: first } = cached();
    ages(5 * 60_000);

    expect(await python(context, whoAmI)).toMatch(/\/ada$/);
    const { accessToken: second } = cached();
    const used = await portal().token();
    ages(0);
    const renewed = await portal().token();
    const { accessToken: third } = cached();

    expect(new Set([first, second, third]).size).toBe(3);
    expect(used.accessToken.reveal()).toBe(second);
    expect(renewed.accessToken.reveal()).toBe(third);
    const role = { accountID: demoAccountID, permissionSet: "sallyport" };
    await expect(roleCredentials(portal(), role, computer.world, { patient: false })).resolves.toBeDefined();
    expect(await python(context, whoAmI)).toMatch(/\/ada$/);
  });
});

describe("the name of a cached registration", () => {
  it("is the one that `aws sso login` of version 2.36.7 gave it", () => {
    const startURL = "https://example.awsapps.com/start";
    const session = { name: "work", startURL, scopes: ["sso:account:access"] };

    expect(registrationKey({ startURL, region: "eu-west-1", session })).toBe(
      "cc86c7902b7812d34191c72ae945e2d2146f470c",
    );
  });

  it.each([
    ["with scopes", "company", ["sso:account:access", "codewhisperer:completions"]],
    ["without scopes", "company", undefined],
    ["beyond ASCII", 'Österreich "😀"', ["a"]],
    ["without an sso-session", undefined, undefined],
  ] as const)("is the SHA-1 of what Python writes %s", async (_, name, scopes) => {
    const startURL = "https://example.awsapps.com/start";
    const session = name === undefined ? undefined : { name, startURL, scopes };
    const script = `import hashlib, json, sys; print(hashlib.sha1(json.dumps(json.loads(sys.argv[1]), sort_keys=True).encode()).hexdigest())`;
    const parts = {
      tool: "botocore",
      startUrl: startURL,
      region: "eu-west-1",
      scopes: scopes ?? null,
      session_name: name ?? null,
    };

    const written = spawnSync("python3", ["-c", script, JSON.stringify(parts)], { encoding: "utf8" }).stdout?.trim();

    // Without any Python the pinned name above is what is compared.
    expect(registrationKey({ startURL, region: "eu-west-1", session })).toBe(written || expect.any(String));
  });
});
