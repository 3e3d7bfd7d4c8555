import { afterAll, beforeAll, expect, it } from "vitest";
import { openState } from "#controller/state/sqlite.ts";
import type { Database } from "#kinds/index.ts";
import { demoAccountID } from "#sandbox/seed.ts";
import { type ControlApi, controlApi } from "../harness/control-api.ts";
import { type Installation, signInDirectly, startInstallation, untilProxyLinked } from "../harness/installation.ts";
import { eventually } from "../harness/process.ts";
import * as support from "./support.ts";

let installation: Installation;
let api: ControlApi;

beforeAll(async () => {
  installation = await startInstallation({ sandbox: { delays: { identityCenterMs: 30 } } });
  api = controlApi(installation, "margaret");
  await untilProxyLinked(installation);
  await signInDirectly(installation, "ada");
});

afterAll(() => installation?.stop());

/** The condition Reachable of the Database orders, as the controller's state has it. */
function reachable(): { status: string; reason: string; message: string } | undefined {
  const state = openState(installation.stateDirectory);
  try {
    const rows = state.load().objects.map(({ object }) => object);
    const orders = rows.find(({ kind, metadata }) => kind === "Database" && metadata.name === "orders") as Database;
    return orders.status?.conditions?.find(({ type }) => type === "Reachable");
  } finally {
    state.close();
  }
}

it("a secret that the task role may not read is reported with the statement that it lacks, and as mended at once", async () => {
  const role = installation.sandbox.state.roles.get(demoAccountID, "sallyport-proxy-task");
  if (role === undefined) {
    throw new Error("there is no task role");
  }
  const { permissions } = role;
  role.permissions = [];
  installation.writeManifest("grants/advice.yaml", support.grantManifest("advice", "ada"));
  await support.grantReaches(api, "advice", "Active");
  const { url } = await support.connectAs(installation, "ada", "app_owner");

  await expect(support.connected(url)).rejects.toThrow(/secret cannot be read/);
  const denied = await eventually("the Database says so", () => {
    const condition = reachable();
    return condition?.reason === "SecretUnreadable" ? condition : undefined;
  });
  role.permissions = permissions;
  const { client } = await support.connected(url);
  await client.end();
  const mended = await eventually("the Database says that it is mended", () => {
    const condition = reachable();
    return condition?.status === "True" ? condition : undefined;
  });

  expect(denied.message).toMatch(
    /^As role app_owner: .* Add to the policy of arn:aws:iam::111122223333:role\/sallyport-proxy-task: \{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"arn:aws:secretsmanager:eu-west-1:111122223333:secret:orders-prod\/app_owner-\w{6}"\}\.$/,
  );
  expect(mended.reason).toBe("Reachable");
});
