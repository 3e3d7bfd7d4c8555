import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type ManualClock, manualClock } from "#lib/clock.ts";
import { Secret } from "#lib/secret.ts";
import { noFaults } from "#sandbox/faults.ts";
import { AwsError } from "#sandbox/service.ts";
import { demoAccountID } from "#sandbox/seed.ts";
import { startSandbox } from "#sandbox/main.ts";
import type { Sandbox } from "#sandbox/sandbox.ts";
import { advanceUntil } from "#test/cli/advance.ts";
import { type TestComputer, testComputer } from "#test/cli/world.ts";
import { Portal } from "./portal.ts";
import { roleCredentials } from "./role-credentials.ts";
import { findTokens, storeToken } from "./token-cache.ts";

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

const person = (options: { interactive?: boolean } = {}): TestComputer =>
  testComputer({ clock, format: "json", ...options });
const portalOf = (computer: TestComputer, fresh = false): Portal =>
  new Portal(sandbox.startURL, sandbox.region, computer.world, { fresh });
const role = { accountID: demoAccountID, permissionSet: "sallyport" };

/** The code that the device flow shows. */
async function shownCode(computer: TestComputer, times = 1): Promise<string> {
  const lines = (await computer.hears("SIGN IN", times)).trim().split("\n");
  return (JSON.parse(lines[times - 1] ?? "") as { userCode: string }).userCode;
}

/** Polls answer over a real socket, and each then waits for its interval. */
const whilePolling = <T>(promise: Promise<T>): Promise<T> => advanceUntil(clock, 1_000, promise);

describe("a person who is not signed in", () => {
  it("sees a code and an address, and is signed in once it is confirmed in the browser", async () => {
    using computer = person({ interactive: true });

    const token = portalOf(computer).token();
    sandbox.approveDevice(await shownCode(computer), "ada");
    const { accessToken, renewal } = await whilePolling(token);

    expect(computer.out()).toContain(`"verificationURL":"${sandbox.url}/_sandbox/device?user_code=`);
    expect(renewal).toBeDefined();
    const [stored] = findTokens(sandbox.startURL, sandbox.region, computer.world);
    expect(stored?.accessToken.reveal()).toBe(accessToken.reveal());
  });

  it("is asked once, however many parts of a command need the token", async () => {
    using computer = person({ interactive: true });
    const portal = portalOf(computer);

    const both = Promise.all([portal.token(), portal.token()]);
    sandbox.approveDevice(await shownCode(computer), "ada");
    const [one, other] = await whilePolling(both);

    expect(one).toBe(other);
  });

  it("is polled for more slowly when AWS asks for it", async () => {
    using computer = person({ interactive: true });
    const polled = (): number => sandbox.calls.filter((call) => call.operation === "CreateToken").length;
    const before = polled();
    sandbox.faults = ({ operation }) =>
      operation === "CreateToken" && polled() === before
        ? { error: new AwsError("SlowDownException", "Slow down", 400, { error: "slow_down" }) }
        : "pass";
    const token = portalOf(computer).token();
    const code = await shownCode(computer);

    clock.advance(1_000);
    await expect.poll(() => clock.pendingCount() > 0 && polled() === before + 1).toBe(true);
    sandbox.approveDevice(code, "ada");
    clock.advance(5_999);
    const early = await Promise.race([token.then(() => "signed in"), new Promise((resolve) => setImmediate(resolve))]);
    clock.advance(1);

    await whilePolling(token);
    expect(early).toBeUndefined();
    expect(polled()).toBe(before + 2);
    sandbox.faults = noFaults;
  });

  it("who confirms nothing is told so when the code is over", async () => {
    using computer = person({ interactive: true });

    const token = portalOf(computer).token();

    await expect(whilePolling(token)).rejects.toMatchObject({ code: "SignInTimedOut", next: "sallyport login" });
  });

  it("who stops the command stops the wait", async () => {
    using computer = person({ interactive: true });

    const token = portalOf(computer).token();
    await shownCode(computer);
    computer.stop();

    await expect(token).rejects.toMatchObject({ name: "AbortError" });
  });

  it("is told to sign in where nobody can be asked, without a call", async () => {
    using computer = person();
    const calls = sandbox.calls.length;

    await expect(portalOf(computer).token()).rejects.toMatchObject({ code: "SignInNeeded", next: "sallyport login" });
    expect(sandbox.calls).toHaveLength(calls);
  });
});

describe("a sign-in", () => {
  async function signedIn(computer: TestComputer): Promise<void> {
    const token = portalOf(computer).token();
    sandbox.approveDevice(await shownCode(computer), "ada");
    await whilePolling(token);
  }

  it("is renewed without a person when its token runs out, also where nobody can be asked", async () => {
    using computer = person({ interactive: true });
    await signedIn(computer);
    const portal = portalOf({ ...computer, world: { ...computer.world, interactive: false } } as TestComputer);
    const before = await portal.token();

    clock.advance(3_600_000);
    const after = await portal.token();

    expect(after.accessToken.reveal()).not.toBe(before.accessToken.reveal());
    expect(findTokens(sandbox.startURL, sandbox.region, computer.world)).toHaveLength(1);
    await expect(roleCredentials(portal, role, computer.world, { patient: false })).resolves.toBeDefined();
  });

  it("that AWS took back is replaced by a new one, once", async () => {
    using computer = person({ interactive: true });
    storeToken(
      {
        startURL: sandbox.startURL,
        region: sandbox.region,
        accessToken: new Secret("revoked"),
        expiryTime: new Date(clock.now() + 3_600_000).toISOString(),
      },
      computer.world,
    );

    const credentials = roleCredentials(portalOf(computer), role, computer.world, { patient: false });
    sandbox.approveDevice(await shownCode(computer), "ada");

    expect((await whilePolling(credentials)).accessKeyId).toMatch(/^ASIA/);
  });

  it("is made anew when that is asked for", async () => {
    using computer = person({ interactive: true });
    await signedIn(computer);

    const token = portalOf(computer, true).token();
    sandbox.approveDevice(await shownCode(computer, 2), "ada");

    expect((await whilePolling(token)).accessToken.reveal()).not.toBe("");
  });
});

describe("credentials of a role", () => {
  function holder(): TestComputer {
    const computer = person();
    const expiryTime = new Date(clock.now() + 3_600_000).toISOString();
    const accessToken = new Secret(sandbox.portalToken("ada"));
    storeToken({ startURL: sandbox.startURL, region: sandbox.region, accessToken, expiryTime }, computer.world);
    return computer;
  }

  it("that the person does not hold are refused at once, with where to look", async () => {
    using computer = holder();
    const credentials = roleCredentials(
      portalOf(computer),
      { accountID: demoAccountID, permissionSet: "nothing" },
      computer.world,
      { patient: false },
    );

    await expect(credentials).rejects.toMatchObject({ code: "NotAssigned", next: "sallyport grants list" });
  });

  it("that have not reached the portal yet are asked for again, for half a minute", async () => {
    using computer = holder();
    const before = sandbox.calls.length;
    const fresh = { accountID: demoAccountID, permissionSet: "nothing" };

    const credentials = roleCredentials(portalOf(computer), fresh, computer.world, { patient: true });

    await expect(whilePolling(credentials)).rejects.toMatchObject({ code: "NotAssigned" });
    expect(sandbox.calls.length - before).toBe(15);
  });
});
