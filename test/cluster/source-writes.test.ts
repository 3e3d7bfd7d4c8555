import { afterEach, beforeEach, expect, it } from "vitest";
import {
  givenStatus,
  grantManifest,
  keyOfManifest,
  proxyManifest,
  workflowManifest,
} from "#controller/source/contract-objects.ts";
import type { AnyObject, Condition, Grant, Proxy } from "#kinds/index.ts";
import { UserError } from "#lib/errors.ts";
import type { ControlPlane } from "#test/harness/control-plane.ts";
import { givenControlPlane } from "#test/harness/given-control-plane.ts";
import { ClusterHarness } from "./source-harness.ts";

let plane: ControlPlane;
let harness: ClusterHarness;

givenControlPlane(async (started) => {
  plane = started;
  await plane.installCRDs();
});
beforeEach(async () => {
  harness = await ClusterHarness.make(plane);
});
afterEach(() => harness?.dispose());

const time = "2026-01-01T00:00:00Z";
const merge = "application/merge-patch+json";
const key = () => keyOfManifest(grantManifest("ada"), harness.namespace);

function grant(): Grant {
  return harness.source.get("Grant", harness.namespace, "ada")?.object as Grant;
}

function condition(type: string): Condition {
  return { type, status: "True", reason: "Because", message: "", lastTransitionTime: time };
}

interface Managed {
  readonly manager: string;
  readonly operation: string;
  readonly subresource?: string;
  readonly fieldsV1: object;
}

/** Managers of the object's fields, as `manager operation subresource`, with what each has. */
async function managers(): Promise<ReadonlyMap<string, string>> {
  const { managedFields } = (await harness.read(key())).metadata as { managedFields?: readonly Managed[] };
  return new Map(
    (managedFields ?? []).map(({ manager, operation, subresource = "", fieldsV1 }) => [
      `${manager} ${operation} ${subresource}`.trim(),
      JSON.stringify(fieldsV1),
    ]),
  );
}

it("leaves the Flagged condition to a manager of its own, so that a status written without it does not take it away", async () => {
  await harness.open().start();
  await harness.apply(grantManifest("ada"));
  await harness.source.writeStatus(grant(), (old) => ({ ...old, conditions: [condition("Ready")] }));

  const both = [condition("Ready"), condition("Flagged")];
  await harness.source.writeStatus(grant(), (old) => ({ ...old, conditions: both }));
  await harness.source.writeStatus(grant(), (old) => ({ ...old, requestTime: time }));

  expect(grant().status?.conditions).toHaveLength(2);
  const fields = await managers();
  expect(fields.get("sallyport Apply status")).toContain("Ready");
  expect(fields.get("sallyport Apply status")).not.toContain("Flagged");
  expect(fields.get("sallyport-flags Apply status")).toContain("Flagged");

  await harness.source.writeStatus(grant(), (old) => ({ ...old, conditions: [condition("Ready")] }));
  expect(((await harness.read(key())) as Grant).status?.conditions).toHaveLength(1);
});

it("claims nothing of what people write", async () => {
  await harness.open().start();
  await harness.apply(grantManifest("ada"));
  await harness.source.writeStatus(grant(), () => givenStatus(`g${"a".repeat(26)}`));

  const fields = await managers();
  const ours = [...fields.keys()].filter((manager) => manager.startsWith("sallyport"));
  expect(ours.sort()).toEqual(["sallyport Apply status", "sallyport Update"]);
  expect(fields.get("sallyport Update")).toMatch(/^{"f:metadata":{"f:finalizers":/);
});

it("removes from a status what somebody else wrote into it, where it does not belong", async () => {
  await harness.open().start();
  await harness.apply(grantManifest("ada"));
  await harness.source.writeStatus(grant(), (old) => ({ ...old, conditions: [condition("Ready")] }));
  const conditions = [...(grant().status?.conditions ?? []), condition("Approved")];
  const body = { status: { expiryTime: "2030-01-01T00:00:00Z", conditions } };
  await plane.request({ method: "PATCH", path: `${harness.path(key())}/status`, body, contentType: merge });
  await harness.seen(key(), (object) => (object as Grant).status?.expiryTime !== undefined);

  await harness.source.writeStatus(grant(), () => ({ requestTime: time, conditions: [condition("Ready")] }));

  const expected = { requestTime: time, conditions: [condition("Ready")] };
  expect(((await harness.read(key())) as Grant).status).toEqual(expected);
  expect(grant().status).toEqual(expected);
});

it("writes nothing where nothing changed, and gives only Grants a finalizer", async () => {
  await harness.open().start();
  await harness.apply(grantManifest("ada"));
  await harness.apply(workflowManifest("quick"));
  const quick = harness.source.get("AccessWorkflow", harness.namespace, "quick")?.object as AnyObject;
  await harness.source.writeStatus(quick, (old) => ({ ...old, conditions: [condition("Ready")] }) as never);
  await harness.source.writeStatus(grant(), (old) => ({ ...old, requestTime: time }));
  const before = await harness.read(key());

  await harness.source.writeStatus(grant(), (old) => ({ ...old, requestTime: time }));

  expect((await harness.read(key())).metadata.resourceVersion).toBe(before.metadata.resourceVersion);
  expect(before.metadata.finalizers).toEqual(["sallyport.dev/revoke"]);
  const written = await harness.read(keyOfManifest(workflowManifest("quick"), harness.namespace));
  expect(written.metadata.finalizers).toBeUndefined();
});

it("gives a Proxy its finalizer with the first status, also where that changes nothing, and takes it off where its service is to stay", async () => {
  await harness.open().start();
  const ofProxy = keyOfManifest(proxyManifest("main"), harness.namespace);
  const proxy = () => harness.source.get("Proxy", harness.namespace, "main")?.object as Proxy;
  const written = async () => (await harness.read(ofProxy)).metadata.finalizers;
  const again = () => harness.source.writeStatus(proxy(), (old) => ({ ...old, observedGeneration: 1 }));
  await harness.apply(proxyManifest("main"));

  await again();
  expect(await written()).toEqual(["sallyport.dev/clean-up"]);

  const finalizers = ["example.com/theirs"];
  await plane.request({
    method: "PATCH",
    path: harness.path(ofProxy),
    body: { metadata: { finalizers } },
    contentType: merge,
  });
  await harness.seen(ofProxy, (object) => object?.metadata.finalizers?.join() === "example.com/theirs");
  await again();
  expect(await written()).toEqual(["example.com/theirs", "sallyport.dev/clean-up"]);

  await harness.apply(proxyManifest("main", { managementPolicy: "Observe" }));
  await again();
  expect(await written()).toEqual(["example.com/theirs"]);
});

it("waits for other parties' finalizers as well, and removes only its own", async () => {
  await harness.open().start();
  const manifest = grantManifest("ada");
  await harness.apply({ ...manifest, metadata: { name: "ada", finalizers: ["example.com/theirs"] } as never });
  await harness.source.writeStatus(grant(), (old) => ({ ...old, requestTime: time }));
  await harness.remove(key());

  await harness.source.release(grant());

  expect((await harness.read(key())).metadata.finalizers).toEqual(["example.com/theirs"]);
  expect(grant().metadata.deletionTimestamp).toBeDefined();
});

it("says in a person's words why an object was not made", async () => {
  await harness.open().start();
  const object = { ...grantManifest("ada"), metadata: { name: "ada", namespace: "nowhere" } } as unknown as Grant;

  await expect(harness.source.create(object)).rejects.toThrow(UserError);
  await expect(harness.source.delete(key())).rejects.toThrow(/does not exist/);
});

it("shares tombstones with the other replicas, and drops those whose time is over", async () => {
  await harness.open().start();
  const { namespace } = harness;
  const tombstone = { namespace, name: "ada", uid: crypto.randomUUID(), specDigest: "sha256:a" };
  const later = (ms: number): string => new Date(harness.clock.now() + ms).toISOString();
  const path = `/api/v1/namespaces/${harness.ownNamespace}/configmaps?labelSelector=sallyport.dev/state%3Dtombstones`;
  const entries = async (): Promise<number> => {
    const { items } = (await plane.request({ path })).body as { items: { data?: object }[] };
    return items.reduce((sum, { data = {} }) => sum + Object.keys(data).length, 0);
  };

  await harness.source.putTombstone({ ...tombstone, notAfterTime: later(60_000) });
  const first = harness.source;
  const second = harness.open();
  await second.start();
  expect(second.tombstone(namespace, "ada")?.uid).toBe(tombstone.uid);
  await second.putTombstone({ ...tombstone, specDigest: "sha256:b", notAfterTime: later(120_000) });
  await harness.until(() => first.tombstone(namespace, "ada", "sha256:b") !== undefined);
  expect(await entries()).toBe(2);

  harness.clock.advance(60_000);
  await second.putTombstone({ ...tombstone, specDigest: "sha256:c", notAfterTime: later(60_000) });
  expect(await entries()).toBe(2);
  await first.close();
});

it("refuses a tombstone that finds no room, so that no access is given without one", async () => {
  await harness.open().start();
  const { namespace } = harness;
  const notAfterTime = new Date(harness.clock.now() + 60_000).toISOString();
  const tombstone = { namespace, name: "ada", uid: crypto.randomUUID(), specDigest: "sha256:a", notAfterTime };
  await harness.source.putTombstone(tombstone);
  const configMaps = `/api/v1/namespaces/${harness.ownNamespace}/configmaps`;
  const { items } = (await plane.request({ path: configMaps })).body as { items: AnyObject[] };
  const name = items.find(({ metadata }) => metadata.name.startsWith("sallyport-tombstones"))?.metadata.name;
  const body = { data: { filler: "x".repeat(1024 * 1024 - 200) } };
  const filled = await plane.request({ method: "PATCH", path: `${configMaps}/${name}`, body, contentType: merge });
  expect(filled.status).toBe(200);

  const another = harness.source.putTombstone({ ...tombstone, specDigest: "sha256:b" });

  await expect(another).rejects.toMatchObject({ code: "TombstonesFull" });
});

it("does not start where it may not read, and says what is missing", async () => {
  const file = plane.kubeconfigFor("nobody");
  const powerless = await ClusterHarness.make(plane, { file });
  const source = powerless.open();

  const starting = source.start().catch((thrown: unknown) => thrown);
  await powerless.until(() => [...source.watches().values()].every(({ failure }) => failure?.kind === "forbidden"));
  powerless.clock.advance(10 * 60_000);

  const failure = (await starting) as UserError;
  expect(failure).toBeInstanceOf(UserError);
  expect(failure.why).toMatch(/cannot list resource/);
  await powerless.dispose();
});

it.each([
  ["all namespaces", () => []],
  ["the namespaces that are named", (here: string, there: string) => [here, there]],
])("follows and writes in %s", async (_, namespaces) => {
  const there = await plane.createNamespace("there");
  await harness.open({ namespaces: namespaces(harness.namespace, there) }).start();
  await harness.apply(grantManifest("ada"));
  const path = `/apis/sallyport.dev/v1alpha1/namespaces/${there}/grants`;
  await plane.request({ method: "POST", path, body: grantManifest("ada") });
  await harness.until(() => harness.source.get("Grant", there, "ada") !== undefined);

  const other = harness.source.get("Grant", there, "ada")?.object as Grant;
  await harness.source.writeStatus(other, (old) => ({ ...old, requestTime: time }));

  expect(harness.source.get("Grant", there, "ada")?.object.status).toEqual({ requestTime: time });
  expect(grant().status).toBeUndefined();
  expect(((await plane.request({ path: `${path}/ada` })).body as Grant).status).toEqual({ requestTime: time });
});
