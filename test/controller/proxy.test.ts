import { CreateClusterCommand, ECSClient } from "@aws-sdk/client-ecs";
import { describe, expect, it } from "vitest";
import type { Database, Proxy } from "#kinds/index.ts";
import { systemClock } from "#lib/clock.ts";
import type { AccountPort, AwsPorts, TaskView } from "#controller/aws/ports.ts";
import { aDatabase, aProxy } from "#controller/reconcile/testing.ts";
import { databaseReconciler } from "#controller/reconcile/database/reconciler.ts";
import { proxyReconciler } from "#controller/reconcile/proxy/reconciler.ts";
import { getCondition } from "#kinds/index.ts";
import { type ControllerHarness, type HarnessOptions, installation, startController } from "./harness.ts";

const idle = () => ({ file: process.execPath, args: ["-e", "setInterval(() => {}, 1000)"] });
const controller = { publicURL: "https://127.0.0.1:8443", pin: `sha256:${"0".repeat(64)}`, installation };

/** Every task that ECS lists counts as linked, as if the real proxy were in it. */
const reconcilers: NonNullable<HarnessOptions["reconcilers"]> = ({ source, ports }) => {
  let listed: readonly TaskView[] = [];
  const watched: AwsPorts = {
    ...ports,
    account(at) {
      const account = ports.account(at);
      const listTasks: AccountPort["listTasks"] = async (...where) => {
        listed = await account.listTasks(...where);
        return listed;
      };
      return { ...account, listTasks };
    },
  };
  const connectedTasks = () => listed.map(({ taskARN }) => ({ taskARN, version: "0.1.0", skewMs: 0 }));
  return [
    proxyReconciler({ source, ports: watched, clock: systemClock, controller, connectedTasks }),
    databaseReconciler({ source, ports, clock: systemClock, reportsOn: () => [] }),
  ];
};

const readyReason = (object: Proxy | Database) => getCondition(object.status?.conditions, "Ready")?.reason;

async function createCluster({ sandbox }: ControllerHarness): Promise<void> {
  const { accessKeyID: accessKeyId, secretAccessKey } = sandbox.controllerCredentials;
  const client = new ECSClient({
    region: sandbox.region,
    endpoint: sandbox.url,
    credentials: { accessKeyId, secretAccessKey },
  });
  await client.send(new CreateClusterCommand({ clusterName: "sallyport" }));
  client.destroy();
}

describe("a Proxy on the real SDK", () => {
  it("runs its service with tagged tasks, and replaces them when the spec changes", async () => {
    await using harness = await startController({
      objects: [aProxy()],
      reconcilers,
      sandbox: { compute: { command: idle } },
    });
    await harness.until<Proxy>("Proxy", "main", (object) => readyReason(object) === "ClusterNotFound");
    await createCluster(harness);

    const available = await harness.until<Proxy>("Proxy", "main", (object) => readyReason(object) === "Available");

    expect(available.status?.tasks?.[0]?.target).toMatch(/^ecs:sallyport_[0-9a-f]{32}_/);
    expect(available.status?.observedConfigRevision).toBe(available.status?.desiredConfigRevision);

    const service = available.spec.service as NonNullable<Proxy["spec"]["service"]>;
    const changed = { ...available, metadata: { ...available.metadata, generation: 2 } };
    harness.source.put({ ...changed, spec: { ...changed.spec, service: { ...service, image: "sallyport:0.2.0" } } });
    const replaced = await harness.until<Proxy>(
      "Proxy",
      "main",
      (object) =>
        readyReason(object) === "Available" &&
        object.status?.desiredConfigRevision !== available.status?.desiredConfigRevision,
    );

    expect(replaced.status?.observedConfigRevision).toBe(replaced.status?.desiredConfigRevision);
    expect(replaced.status?.tasks?.map((task) => task.taskARN)).not.toContain(available.status?.tasks?.[0]?.taskARN);
  });
});

describe("a Database on the real SDK", () => {
  it("finds its address in RDS", async () => {
    const { endpoint: _, ...spec } = aDatabase().spec;
    const database = { ...aDatabase(), spec: { ...spec, rds: { instanceIdentifier: "orders-prod" } } };

    await using harness = await startController({ objects: [aProxy(), database], reconcilers });
    const found = await harness.until<Database>("Database", "orders", (object) => readyReason(object) === "Resolved");

    expect(found.status?.endpoint).toEqual({ host: "127.0.0.1", port: 5432 });
    expect(found.status?.engineVersion).toBe("18.4");
  });
});
