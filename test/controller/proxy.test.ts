import {
  CreateClusterCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  UpdateServiceCommand,
} from "@aws-sdk/client-ecs";
import { describe, expect, it } from "vitest";
import type { Database, Proxy } from "#kinds/index.ts";
import { systemClock } from "#lib/clock.ts";
import type { AccountPort, AwsPorts, ServiceView, TaskView } from "#controller/aws/ports.ts";
import { aDatabase, aProxy, place } from "#controller/reconcile/testing.ts";
import { databaseReconciler } from "#controller/reconcile/database/reconciler.ts";
import { proxyReconciler } from "#controller/reconcile/proxy/reconciler.ts";
import { getCondition } from "#kinds/index.ts";
import { eventually } from "../harness/process.ts";
import { type ControllerHarness, type HarnessOptions, installation, startController } from "./harness.ts";

/** Says that it is linked, and does nothing else; the image `broken` never says it. */
const idle = (image: string) => ({
  file: process.execPath,
  args: [
    "-e",
    image.startsWith("broken")
      ? "setInterval(() => {}, 1000)"
      : 'require("net").createServer((s) => s.end(\'{"ready":true}\\n\')).listen("health.sock")',
  ],
});
const compute = { command: idle, ecsDelays: { healthyWithinMs: 1_500 } };
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

const key = { kind: "Proxy", namespace: "default", name: "main" } as const;
const readyReason = (object: Proxy | Database) => getCondition(object.status?.conditions, "Ready")?.reason;

/** What a person does in ECS by hand. */
async function byHand<T>({ sandbox }: ControllerHarness, act: (client: ECSClient) => Promise<T>): Promise<T> {
  const { accessKeyID: accessKeyId, secretAccessKey } = sandbox.controllerCredentials;
  const client = new ECSClient({
    region: sandbox.region,
    endpoint: sandbox.url,
    credentials: { accessKeyId, secretAccessKey },
  });
  try {
    return await act(client);
  } finally {
    client.destroy();
  }
}

const createCluster = (harness: ControllerHarness) =>
  byHand(harness, (client) => client.send(new CreateClusterCommand({ clusterName: "sallyport" })));

/** A harness whose Proxy has converged. */
async function converged(proxy = aProxy()): Promise<ControllerHarness> {
  const harness = await startController({ objects: [], reconcilers, sandbox: { compute } });
  await createCluster(harness);
  harness.source.put(proxy);
  await harness.until<Proxy>("Proxy", "main", (object) => object.status?.rollout?.state === "Completed");
  return harness;
}

const serviceOf = (harness: ControllerHarness) =>
  harness.ports.account(place).getService("sallyport", "sallyport-proxy");

/** Looks at the Proxy until ECS shows what is asked for. */
function untilService(harness: ControllerHarness, passes: (service: ServiceView | undefined) => boolean) {
  return eventually("ECS shows what is asked for", async () => {
    const service = await serviceOf(harness);
    return passes(service) ? { service } : undefined;
  });
}

/** Calls that change something in ECS, in order. */
const changesIn = ({ sandbox }: ControllerHarness) =>
  sandbox.calls.filter((call) => call.service === "ecs" && call.mutationIndex >= 0).map((call) => call.operation);

const withImage = (proxy: Proxy, image: string): Proxy => ({
  ...proxy,
  metadata: { ...proxy.metadata, generation: (proxy.metadata.generation ?? 1) + 1 },
  spec: { ...proxy.spec, service: { ...(proxy.spec.service as NonNullable<Proxy["spec"]["service"]>), image } },
});

describe("a Proxy on the real SDK", () => {
  it("runs its service with tagged tasks, and replaces them when the spec changes", async () => {
    await using harness = await startController({
      objects: [aProxy()],
      reconcilers,
      sandbox: { compute },
    });
    await harness.until<Proxy>("Proxy", "main", (object) => readyReason(object) === "ClusterNotFound");
    await createCluster(harness);

    const available = await harness.until<Proxy>("Proxy", "main", (object) => readyReason(object) === "Available");

    expect(available.status?.tasks?.[0]?.target).toMatch(/^ecs:sallyport_[0-9a-f]{32}_/);
    expect(available.status?.observedConfigRevision).toBe(available.status?.desiredConfigRevision);

    harness.source.put(withImage(available, "sallyport:0.2.0"));
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

describe("a Proxy that somebody else touches", () => {
  it("puts back desired count, definition, execute-command, tags and network, by what they are and not by what tags say", async () => {
    await using harness = await converged();
    const before = await serviceOf(harness);
    const awsvpcConfiguration = { subnets: ["subnet-00000000"], securityGroups: ["sg-00000000"] };

    await byHand(harness, async (client) => {
      const { taskDefinition } = await client.send(
        new RegisterTaskDefinitionCommand({
          family: "sallyport-proxy",
          networkMode: "awsvpc",
          containerDefinitions: [{ name: "proxy", image: "miner:1" }],
          // Whoever copies the tags copies the revision; what counts is what runs.
          tags: [{ key: "sallyport.dev/config-revision", value: "copied" }],
        }),
      );
      const change = { taskDefinition: taskDefinition?.taskDefinitionArn, desiredCount: 2 };
      const more = {
        enableExecuteCommand: false,
        propagateTags: "NONE",
        networkConfiguration: { awsvpcConfiguration },
      };
      await client.send(
        new UpdateServiceCommand({ cluster: "sallyport", service: "sallyport-proxy", ...change, ...(more as object) }),
      );
    });
    harness.loop.enqueue(key, "change");
    const { service: repaired } = await untilService(harness, (service) => service?.desiredCount === 1);
    const object = await harness.until<Proxy>("Proxy", "main", ({ status }) => status?.lastDriftTime !== undefined);

    expect(repaired).toMatchObject({ executeCommand: true, propagateTags: "SERVICE", network: before?.network });
    expect(changesIn(harness).filter((name) => name === "RegisterTaskDefinition")).toHaveLength(3);
    expect(object.status?.desiredConfigRevision).toBeDefined();
  });

  it("moves a service that is there to other subnets when the spec says so", async () => {
    await using harness = await converged();
    const proxy = harness.get<Proxy>("Proxy", "main") as Proxy;
    const service = proxy.spec.service as NonNullable<Proxy["spec"]["service"]>;
    const metadata = { ...proxy.metadata, generation: 2 };

    harness.source.put({
      ...proxy,
      metadata,
      spec: { ...proxy.spec, service: { ...service, subnetIDs: ["subnet-0a0a0a0a"] } },
    });

    const { service: moved } = await untilService(harness, (view) => view?.network.subnetIDs[0] === "subnet-0a0a0a0a");
    expect(moved?.network.securityGroupIDs).toEqual(service.securityGroupIDs);
  });

  it("only observed, it is never changed, whatever happens", async () => {
    await using harness = await converged();
    const proxy = harness.get<Proxy>("Proxy", "main") as Proxy;
    const { service: _, ...spec } = proxy.spec;
    harness.source.put({ ...proxy, spec: { ...spec, managementPolicy: "Observe" } });
    const seen = changesIn(harness).length;

    await byHand(harness, (client) =>
      client.send(new UpdateServiceCommand({ cluster: "sallyport", service: "sallyport-proxy", desiredCount: 2 })),
    );
    harness.loop.enqueue(key, "change");
    const observed = await harness.until<Proxy>("Proxy", "main", ({ status }) => status?.runningTasks === 2);
    harness.source.remove(key, new Date().toISOString());

    expect(observed.status?.tasks?.length).toBeGreaterThan(0);
    expect(changesIn(harness).slice(seen)).toEqual(["UpdateService"]);
    expect(await serviceOf(harness)).toBeDefined();
  });
});

describe("a rollout on the real SDK", () => {
  it("that never works is undone by ECS, reported with its reasons, and tried no second time", async () => {
    await using harness = await converged();
    const good = await serviceOf(harness);

    harness.source.put(withImage(harness.get<Proxy>("Proxy", "main") as Proxy, "broken:1"));
    const failed = await harness.until<Proxy>("Proxy", "main", (object) => readyReason(object) === "RolloutFailed");
    const changes = changesIn(harness).length;
    harness.loop.enqueue(key, "change");
    await untilService(harness, (service) => service?.taskDefinitionARN === good?.taskDefinitionARN);

    expect(failed.status?.rollout).toMatchObject({
      state: "Failed",
      message: expect.stringContaining("rolling back"),
    });
    expect(getCondition(failed.status?.conditions, "Ready")?.message).toContain("health checks");
    expect(changesIn(harness)).toHaveLength(changes);

    harness.source.put(withImage(failed, "sallyport:0.1.1"));
    await harness.until<Proxy>("Proxy", "main", (object) => readyReason(object) === "Available");
  });
});

describe("a deleted Proxy on the real SDK", () => {
  it("takes its service along, and is let go when that is done", async () => {
    await using harness = await converged();

    harness.source.remove(key, new Date().toISOString());
    await harness.gone("Proxy", "main");

    expect(await serviceOf(harness)).toBeUndefined();
    expect(changesIn(harness).at(-1)).toBe("DeleteService");
  });

  it("leaves its service where the spec says so, and a service that is not its own in any case", async () => {
    await using harness = await converged(aProxy({ spec: { deletionPolicy: "Retain" } }));

    harness.source.remove(key, new Date().toISOString());
    await harness.gone("Proxy", "main");

    expect(await serviceOf(harness)).toBeDefined();
    expect(changesIn(harness)).not.toContain("DeleteService");
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
