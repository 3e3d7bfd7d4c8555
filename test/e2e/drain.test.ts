import { readFileSync } from "node:fs";
import path from "node:path";
import { StopTaskCommand, ECSClient } from "@aws-sdk/client-ecs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseDocument } from "yaml";
import { type ControlApi, controlApi } from "../harness/control-api.ts";
import { type Installation, signInDirectly, startInstallation, untilProxyLinked } from "../harness/installation.ts";
import { ended, eventually, eventuallyWorks, type SallyportProcess } from "../harness/process.ts";
import * as support from "./support.ts";

let installation: Installation;
let api: ControlApi;
let grantID: string;
let cli: SallyportProcess;
let url: string;

beforeAll(async () => {
  installation = await startInstallation({ sandbox: { delays: { identityCenterMs: 30 } } });
  api = controlApi(installation, "margaret");
  support.addOtherGrants(installation);
  await untilProxyLinked(installation);
  await signInDirectly(installation, "ada");
  installation.writeManifest("grants/drain.yaml", support.grantManifest("drain", "ada"));
  ({ grantID } = await support.grantReaches(api, "drain", "Active"));
  ({ proxy: cli, url } = await support.connectAs(installation, "ada", "app_owner"));
});

afterAll(() => installation?.stop());

/** Asks for another image, as a person who upgrades does. */
function deploy(image: string): void {
  const document = parseDocument(readFileSync(path.join(installation.folder, "proxy.yaml"), "utf8"));
  document.setIn(["spec", "service", "image"], image);
  installation.writeManifest("proxy.yaml", document.toString());
}

const tasks = () => installation.sandbox.ecs.tasks();
const running = () => tasks().filter((task) => task.lastStatus === "RUNNING");
const onlyTask = () => eventually("one task runs", () => (running().length === 1 ? running()[0] : undefined));
const successorOf = (taskARN: string) =>
  eventually("the new task is linked and the CLI has moved to it", () =>
    cli.lines.filter((line) => line.includes("[MOVED]")).length > 0
      ? running().find(({ arn }) => arn !== taskARN)
      : undefined,
  );
/** The trail of the grant once it tells of this many sessions, all of them closed; each task ships its own part. */
const trail = (count: number) =>
  eventually(`the trail has ${count} closed sessions`, async () => {
    const { sessions, statements } = await support.closedTrail(api, grantID);
    return sessions.length === count ? { reasons: sessions.map((one) => one.closeReason), statements } : undefined;
  });

describe("a new image while somebody is in a transaction", () => {
  it("lets the session live until it ends, leads new connections to the new task, and loses nothing", async () => {
    const old = await onlyTask();
    const { client } = await support.connected(url);
    await client.query("begin");
    await client.query("update orders set status = status where id = 1");
    await eventually(
      "the task is protected",
      () => tasks().find(({ arn }) => arn === old.arn)?.isProtected || undefined,
    );

    deploy("sallyport:next");
    const next = await successorOf(old.arn);
    const { client: other } = await support.connected(url);
    await other.query("select 'on the new task'");
    await client.query("select 'still in the transaction'");
    const during = tasks().find(({ arn }) => arn === old.arn);
    await client.query("commit");
    await client.end();
    await eventually("the old task is over", () =>
      tasks().find(({ arn }) => arn === old.arn)?.lastStatus === "STOPPED" ? true : undefined,
    );
    await other.query("select 'afterwards'");
    await other.end();

    expect(during).toMatchObject({ lastStatus: "RUNNING", isProtected: true });
    expect(next.arn).not.toBe(old.arn);
    expect(installation.sandbox.ecs.logs(next.arn)).toContain('"linked with the controller"');
    expect(cli.lines.join("\n")).not.toContain("[RECONNECTING]");
    const { statements, reasons } = await trail(2);
    expect(statements.map(({ sql, outcome }) => `${outcome}: ${sql}`).toSorted()).toEqual(
      [
        "begin",
        "update orders set status = status where id = 1",
        "select 'on the new task'",
        "select 'still in the transaction'",
        "commit",
        "select 'afterwards'",
      ]
        .map((sql) => `ok: ${sql}`)
        .toSorted(),
    );
    expect(reasons).toEqual(["client-closed", "client-closed"]);
    expect(await support.verifyTrail(api)).toMatchObject(support.completeTrail);
  });
});

describe("a task that ECS stops though it has a session", () => {
  it("gives the session time to end, and the next connection works", async () => {
    const old = await onlyTask();
    const { client } = await support.connected(url);
    await client.query("begin");
    const sdk = new ECSClient({
      endpoint: installation.sandbox.url,
      region: installation.sandbox.region,
      credentials: support.sdkCredentials(installation.sandbox.controllerCredentials),
    });

    await sdk.send(new StopTaskCommand({ cluster: "sallyport", task: old.arn }));
    sdk.destroy();
    await cli.line((line) => line.includes("[MOVING]"));
    await client.query("select 'while the task stops'");
    await client.query("commit");
    await client.end();
    const again = await eventuallyWorks("the same connection string works", () => support.connected(url));
    const { rows } = await again.client.query("select 1 as works");
    await again.client.end();

    expect(rows).toEqual([{ works: 1 }]);
    expect((await onlyTask()).arn).not.toBe(old.arn);
    installation.deleteManifest("grants/drain.yaml");
    await ended(cli);
    expect((await trail(4)).reasons).toEqual(Array(4).fill("client-closed"));
    expect(await support.verifyTrail(api)).toMatchObject(support.completeTrail);
  });
});
