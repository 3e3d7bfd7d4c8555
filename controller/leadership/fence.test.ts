import { expect, it } from "vitest";
import { awsPorts } from "../aws/aws.ts";
import type { AwsPorts } from "../aws/ports.ts";
import { systemClock } from "#lib/clock.ts";
import { startSandbox } from "#sandbox/main.ts";
import type { Sandbox } from "#sandbox/sandbox.ts";
import { Fence } from "./fence.ts";
import { alwaysLeading, NotLeading } from "./leadership.ts";

const accountID = "111122223333";

/** Ports on a sandbox, behind a fence. */
async function fenced() {
  const sandbox = await startSandbox();
  const { accessKeyID, secretAccessKey } = sandbox.controllerCredentials;
  const credentials = { accessKeyId: accessKeyID, secretAccessKey };
  const fence = new Fence();
  const { region, url: endpoint } = sandbox;
  const ports = awsPorts({ region, credentials, endpoint, clock: systemClock, beforeWrite: fence.pass });
  return { sandbox, fence, ports, [Symbol.asyncDispose]: () => sandbox.stop() };
}

function center(ports: AwsPorts, { region }: Sandbox) {
  return ports.identityCenter({ instanceARN: "arn:aws:sso:::instance/ssoins-6804a1b2c3d4e5f6", region });
}

function create(ports: AwsPorts, sandbox: Sandbox, name: string) {
  return center(ports, sandbox).createPermissionSet({ name, description: "x", sessionDuration: "PT1H", tags: {} });
}

function mutationsIn(sandbox: Sandbox): string[] {
  return sandbox.calls.filter(({ mutationIndex }) => mutationIndex >= 0).map(({ operation }) => operation);
}

it("sends no write before it is known who leads, and none of a replica that does not; the failure is one that is tried again", async () => {
  await using stage = await fenced();
  const { ports, sandbox, fence } = stage;

  const early = create(ports, sandbox, "early");
  await expect(early).rejects.toMatchObject({
    failure: "unavailable",
    code: "NotLeading",
    call: "sso:CreatePermissionSet",
  });
  fence.follow({
    ...alwaysLeading,
    assertLeading: (call) => {
      throw new NotLeading(call);
    },
  });
  const { region } = sandbox;
  const ended = ports.account({ accountID, region }).deleteService("sallyport", "sallyport-proxy");

  await expect(ended).rejects.toThrow(NotLeading);
  expect(mutationsIn(sandbox)).toEqual([]);
});

it("asks when the call leaves, not when it is made: a lease that ends while a call waits for the rate limit keeps it in", async () => {
  await using stage = await fenced();
  const { ports, sandbox, fence } = stage;
  let passed = 0;
  fence.follow({
    ...alwaysLeading,
    assertLeading: (call) => {
      passed += 1;
      if (passed > 2) {
        throw new NotLeading(call);
      }
    },
  });

  const made = await Promise.allSettled(["a", "b", "c", "d"].map((name) => create(ports, sandbox, name)));

  expect(made.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "rejected"]);
  expect(mutationsIn(sandbox)).toEqual(["CreatePermissionSet", "CreatePermissionSet"]);
});

it("lets every replica look", async () => {
  await using stage = await fenced();
  const { ports, sandbox } = stage;
  const { region } = sandbox;

  expect(await ports.instances(region)).toHaveLength(1);
  expect(await ports.account({ accountID, region }).getRole("sallyport-proxy-task")).toBeDefined();
});
