import { CreateClusterCommand, ECSClient } from "@aws-sdk/client-ecs";
import { describe, expect, it } from "vitest";
import { getCondition, type Proxy } from "#kinds/index.ts";
import { systemClock } from "#lib/clock.ts";
import { proxyReconciler } from "#controller/reconcile/proxy/reconciler.ts";
import { aProxy } from "#controller/reconcile/testing.ts";
import { demoSeed, type SeedRole } from "#sandbox/seed.ts";
import { type ControllerHarness, type HarnessOptions, installation, startController } from "./harness.ts";

const accountID = "444455556666";
const roleARN = `arn:aws:iam::${accountID}:role/sallyport-provisioner`;
const controllerARN = "arn:aws:iam::111122223333:user/sallyport-controller";
const seed = demoSeed();

/** The organisation with a second account, which only the controller may enter, with an external ID. */
function twoAccounts(externalID: string): NonNullable<HarnessOptions["sandbox"]> {
  const service = { accountID, trustedService: "ecs-tasks.amazonaws.com", permissions: [] } as const;
  const roles: SeedRole[] = [
    {
      ...service,
      roleName: "sallyport-provisioner",
      permissions: "administrator",
      trusted: [controllerARN],
      externalID,
    },
    { ...service, roleName: "sallyport-proxy-task" },
    { ...service, roleName: "sallyport-proxy-execution" },
  ];
  const account = { accountID, name: "staging", emailAddress: "aws-staging@example.com" };
  const command = () => ({ file: process.execPath, args: ["-e", "setInterval(() => {}, 1000)"] });
  const both = { ...seed, accounts: [...seed.accounts, account], roles: [...seed.roles, ...roles] };
  return { seed: both, compute: { command } };
}

/** The Proxy of the second account. */
function proxyThere(externalID?: string): Proxy {
  const proxy = aProxy();
  const ecs = {
    ...proxy.spec.ecs,
    accountID,
    assumeRoleARN: roleARN,
    ...(externalID === undefined ? {} : { externalID }),
  };
  const own = (name: string): string => `arn:aws:iam::${accountID}:role/${name}`;
  const roles = { taskRoleARN: own("sallyport-proxy-task"), executionRoleARN: own("sallyport-proxy-execution") };
  return { ...proxy, spec: { ...proxy.spec, ecs, service: { ...proxy.spec.service, ...roles } as never } };
}

const reconcilers: NonNullable<HarnessOptions["reconcilers"]> = ({ source, ports }) => {
  const controller = { publicURL: "https://127.0.0.1:8443", pin: `sha256:${"0".repeat(64)}`, installation };
  return [proxyReconciler({ source, ports, clock: systemClock, controller, connectedTasks: () => [] })];
};

async function createClusterThere({ sandbox }: ControllerHarness): Promise<void> {
  const role = sandbox.state.roles.byARN(roleARN);
  if (role === undefined) {
    throw new Error("the second account has no role");
  }
  const {
    accessKeyID,
    secretAccessKey,
    sessionToken = "",
  } = sandbox.state.credentials.mintForRole(role, "test", Infinity);
  const credentials = { accessKeyId: accessKeyID, secretAccessKey, sessionToken };
  const client = new ECSClient({ region: sandbox.region, endpoint: sandbox.url, credentials });
  await client.send(new CreateClusterCommand({ clusterName: "sallyport" }));
  client.destroy();
}

const ready = (proxy: Proxy) => getCondition(proxy.status?.conditions, "Ready");

describe("a Proxy in another account", () => {
  it.each([
    ["with the installation's own external ID", `sallyport:${installation}`, undefined],
    ["with the external ID that it names", "chosen-by-them", "chosen-by-them"],
  ])("is run there, %s", async (_title, wanted, named) => {
    await using harness = await startController({ objects: [], reconcilers, sandbox: twoAccounts(wanted) });
    await createClusterThere(harness);

    harness.source.put(proxyThere(named));
    await harness.until<Proxy>("Proxy", "main", ({ status }) => (status?.runningTasks ?? 0) > 0);

    expect(harness.sandbox.ecs.tasks().map((task) => task.accountID)).toEqual([accountID]);
    const calls = harness.sandbox.calls.filter((call) => call.service === "ecs" && call.operation === "CreateService");
    expect(calls.map(({ callerARN }) => callerARN)).toEqual([
      `arn:aws:sts::${accountID}:assumed-role/sallyport-provisioner/sallyport-controller`,
    ]);
  });

  it("that does not let the controller in is told whom to let in, and with which external ID", async () => {
    await using harness = await startController({ objects: [], reconcilers, sandbox: twoAccounts("another") });

    harness.source.put(proxyThere());
    const refused = await harness.until<Proxy>("Proxy", "main", (proxy) => ready(proxy)?.reason === "ProviderError");

    const message = ready(refused)?.message ?? "";
    expect(message).toContain(roleARN);
    expect(message).toContain(`"Principal":{"AWS":"${controllerARN}"}`);
    expect(message).toContain(`"sts:ExternalId":"sallyport:${installation}"`);
  });
});
