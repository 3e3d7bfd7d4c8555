import { globSync } from "node:fs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { givenStatus, grantManifest, keyOfManifest, workflowManifest } from "#controller/source/contract-objects.ts";
import { kinds, type AnyObject, type Condition, type Grant } from "#kinds/index.ts";
import { systemClock } from "#lib/clock.ts";
import { type ControlPlane, kubectlMissing } from "#test/harness/control-plane.ts";
import { givenControlPlane } from "#test/harness/given-control-plane.ts";
import { ClusterHarness } from "./source-harness.ts";

let plane: ControlPlane;
let harness: ClusterHarness;

givenControlPlane(async (started) => {
  plane = started;
  await plane.installCRDs();
}, kubectlMissing());
beforeEach(async () => {
  harness = await ClusterHarness.make(plane);
  await harness.open({ clock: systemClock }).start();
});
afterEach(() => harness?.dispose());

function kubectl(...args: readonly string[]): Promise<string> {
  return plane.kubectl(["--namespace", harness.namespace, ...args]);
}

function grant(): Grant | undefined {
  return harness.source.get("Grant", harness.namespace, "ada")?.object;
}

function condition(type: string): Condition {
  return { type, status: "True", reason: "Active", message: "", lastTransitionTime: "2026-01-01T00:00:00Z" };
}

async function liveGrant(): Promise<Grant> {
  await harness.apply(grantManifest("ada"));
  await harness.source.writeStatus(grant() as Grant, () => givenStatus(`g${"a".repeat(26)}`));
  return grant() as Grant;
}

it("kubectl delete waits until the access is gone", async () => {
  const live = await liveGrant();
  let isDeleted = false;

  const deletion = kubectl("delete", "grant", "ada").then(() => (isDeleted = true));
  await harness.seen(keyOfManifest(grantManifest("ada"), harness.namespace), (object) => {
    return object?.metadata.deletionTimestamp !== undefined;
  });
  const end = { reason: "Deleted", message: "", time: "2026-01-01T00:00:00Z" };
  await harness.source.writeStatus(live, (old) => ({ ...old, end, endTime: end.time }));
  expect(await kubectl("get", "grant", "ada", "--output", "name")).toContain("grant.sallyport.dev/ada");
  expect(isDeleted).toBe(false);
  await harness.source.release(live);

  await deletion;
  expect(await kubectl("get", "grants", "--output", "name")).toBe("");
});

it("kubectl delete of a Grant that has ended, and whose tombstone stands, waits for nobody", async () => {
  const live = await liveGrant();
  const { namespace, name, uid = "" } = live.metadata;
  const tombstone = { namespace, name, uid, specDigest: "sha256:a", notAfterTime: "2099-01-01T00:00:00Z" };
  await harness.source.putTombstone(tombstone);
  await harness.source.writeStatus(live, (old) => ({ ...old, deprovisionTime: "2026-01-01T00:00:00Z" }));
  expect(grant()?.metadata.finalizers ?? []).toEqual([]);

  await harness.dispose();
  await kubectl("delete", "grant", "ada", "--timeout", "30s");
});

it("kubectl wait --for=condition=Active returns when the access is live", async () => {
  const live = await liveGrant();

  const waiting = kubectl("wait", "--for=condition=Active", "grant/ada", "--timeout", "60s");
  await harness.source.writeStatus(live, (old) => ({ ...old, conditions: [condition("Active")] }));

  expect(await waiting).toContain("condition met");
});

it("kubectl get access lists every kind", async () => {
  await harness.apply(grantManifest("ada"));
  await harness.apply(workflowManifest("quick"));

  const listed = await kubectl("get", "access", "--output", "name");

  expect(listed.trim().split("\n").sort()).toEqual(["accessworkflow.sallyport.dev/quick", "grant.sallyport.dev/ada"]);
});

const sets = {
  examples: "examples/*.yaml",
  full: "crds/examples/valid/*-full.yaml",
  minimal: "crds/examples/valid/*-minimal.yaml",
};

it.each(
  Object.keys(sets).flatMap(
    (name) =>
      [
        [name, "--server-side=false"],
        [name, "--server-side"],
      ] as const,
  ),
)("applying %s again with %s changes nothing, and takes nothing of ours away", async (name, mode) => {
  const files = globSync(sets[name as keyof typeof sets]).flatMap((file) => ["--filename", file]);
  expect(files.length).toBeGreaterThan(2);
  await kubectl("apply", mode, ...files);
  const applied = await versions();
  await harness.until(() => shown().length === Object.keys(applied).length);
  for (const object of shown()) {
    await harness.source.writeStatus(object, (old) => ({ ...old, conditions: [condition("Ready")] }) as never);
  }
  const before = await versions();
  expect(Object.keys(before).length).toBeGreaterThan(3);

  await kubectl("apply", mode, ...files);

  expect(await versions()).toEqual(before);
});

function shown(): readonly AnyObject[] {
  return kinds.flatMap((kind) => harness.source.list(kind).map(({ object }) => object));
}

/** Resource versions of all there is. */
async function versions(): Promise<Readonly<Record<string, string>>> {
  const { items } = JSON.parse(await kubectl("get", "access", "--output", "json")) as { items: readonly AnyObject[] };
  return Object.fromEntries(
    items.map(({ kind, metadata }) => [`${kind}/${metadata.name}`, metadata.resourceVersion ?? ""]),
  );
}
