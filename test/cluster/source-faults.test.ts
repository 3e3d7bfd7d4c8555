import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { givenStatus, grantManifest, keyOfManifest, workflowManifest } from "#controller/source/contract-objects.ts";
import { massCountMax } from "#controller/source/absence.ts";
import { silenceMaxMs } from "#controller/kube/reflector.ts";
import type { Grant, ObjectKey } from "#kinds/index.ts";
import { systemClock } from "#lib/clock.ts";
import type { ControlPlane } from "#test/harness/control-plane.ts";
import { writeKubeconfig } from "#test/harness/control-plane-client.ts";
import { givenControlPlane } from "#test/harness/given-control-plane.ts";
import { startKubeFaultProxy, type KubeFaultProxy } from "#test/harness/kube-fault-proxy.ts";
import { gone, resourceVersionTooLarge, tooManyRequests } from "#test/harness/kube-fault-proxy-faults.ts";
import { ClusterHarness } from "./source-harness.ts";

let plane: ControlPlane;
let proxy: KubeFaultProxy;
let directory: string;
let harness: ClusterHarness;

givenControlPlane(async (started) => {
  plane = started;
  await plane.installCRDs();
});

beforeEach(async () => {
  proxy = await startKubeFaultProxy(plane);
  directory = mkdtempSync(path.join(tmpdir(), "sallyport-faults-"));
  const file = writeKubeconfig(path.join(directory, "config"), proxy, "admin", plane.adminToken);
  harness = await ClusterHarness.make(plane, { file });
});
afterEach(async () => {
  await harness?.dispose();
  await proxy?.close();
  if (directory !== undefined) {
    rmSync(directory, { recursive: true, force: true });
  }
});

/** Waits between attempts are real here, and as short as they get. */
const real = { clock: systemClock, random: () => 0 };
const workflows = { path: "/accessworkflows" };

function key(kind: "Grant" | "AccessWorkflow", name: string): ObjectKey {
  return { kind, namespace: harness.namespace, name };
}

function grant(name = "ada"): Grant {
  const stored = harness.source.get("Grant", harness.namespace, name);
  if (stored === undefined) {
    throw new Error(`there is no Grant ${name}`);
  }
  return stored.object;
}

const firstID = `g${"a".repeat(26)}`;
const end = { reason: "Revoked", message: "", time: "2026-01-01T00:00:00Z" };

it.each(["end", "reset", "halfLine", "goneEvent"] as const)(
  "misses nothing where a watch breaks off: %s",
  async (how) => {
    await harness.open(real).start();
    await harness.apply(workflowManifest("before"));

    expect(proxy.interrupt(how, workflows)).toBe(1);
    await harness.apply(workflowManifest("after"));

    const isWhole = ({ query }: { readonly query: URLSearchParams }): boolean => query.get("limit") !== "1";
    const lists = proxy.requests.filter(
      (seen) => seen.verb === "list" && seen.path.includes(workflows.path) && isWhole(seen),
    ).length;
    expect(harness.source.list("AccessWorkflow")).toHaveLength(2);
    expect(lists).toBe(how === "goneEvent" ? 2 : 1);
  },
);

it("notices a connection that says nothing any more, and goes on where it was", async () => {
  await harness.open().start();

  proxy.interrupt("silence", workflows);
  const applied = harness.apply(workflowManifest("after"));
  await plane.request({ path: "/readyz" });
  harness.clock.advance(silenceMaxMs);
  await applied;

  expect(harness.source.list("AccessWorkflow")).toHaveLength(1);
  expect(proxy.count({ verb: "list", ...workflows })).toBe(1);
});

it("goes on after the API server was killed and started again", async () => {
  await harness.open(real).start();
  await harness.apply(grantManifest("ada"));

  await plane.restart("SIGKILL");
  await harness.apply(grantManifest("ada", { durationSeconds: 600 }));

  expect(grant().spec.durationSeconds).toBe(600);
  await harness.source.writeStatus(grant(), (old) => ({ ...old, grantID: firstID }));
  expect((await harness.read(key("Grant", "ada"))).status).toEqual({ grantID: firstID });
});

it("begins although the first lists fail, and a watch is refused with a version that the server does not know", async () => {
  proxy.inject({ kind: "answer", status: tooManyRequests(1) }, { verb: "list", ...workflows }, 1);
  proxy.inject({ kind: "answer", status: resourceVersionTooLarge }, { verb: "watch", ...workflows }, 1);
  await harness.open(real).start();

  await harness.apply(workflowManifest("after"));

  expect(harness.source.list("AccessWorkflow")).toHaveLength(1);
  expect(proxy.count({ verb: "list", ...workflows })).toBe(3);
});

/** Cuts all watches and lets none back in, does `work`, and has the server forget what happened meanwhile. */
async function inAGap(work: () => Promise<void>): Promise<void> {
  proxy.inject({ kind: "answer", status: tooManyRequests(1) }, { verb: "watch" });
  proxy.interrupt("end");
  await work();
  await proxy.clear();
  proxy.inject({ kind: "answer", status: gone }, { verb: "watch", path: harness.namespace }, 6);
}

async function deleteNow(...keys: readonly ObjectKey[]): Promise<void> {
  for (const one of keys) {
    await plane.request({ method: "DELETE", path: harness.path(one) });
  }
}

it("sees what was deleted, and what was deleted and made again, while the server forgot its history", async () => {
  await harness.open(real).start();
  for (const name of ["one", "two", "three", "four"]) {
    await harness.apply(workflowManifest(name));
  }
  const before = harness.source.get("AccessWorkflow", harness.namespace, "two")?.object.metadata.uid;

  await inAGap(async () => {
    await deleteNow(key("AccessWorkflow", "one"), key("AccessWorkflow", "two"));
    const manifest = workflowManifest("two");
    const path = `${harness.path({ kind: "AccessWorkflow", name: "two" })}?fieldManager=kubectl`;
    await plane.request({ method: "PATCH", path, body: manifest, contentType: "application/apply-patch+yaml" });
  });
  await harness.seen(key("AccessWorkflow", "one"), (object) => object === undefined);
  await harness.seen(key("AccessWorkflow", "two"), (object) => object?.metadata.uid !== before);

  expect(harness.source.list("AccessWorkflow")).toHaveLength(3);
  expect(harness.source.held()).toBeUndefined();
});

it("holds a mass disappearance that nobody saw happen, until a person confirms it; revoking goes on", async () => {
  await harness.open(real).start();
  await harness.apply(grantManifest("ada"));
  await harness.source.writeStatus(grant(), () => givenStatus(firstID));
  const names = Array.from({ length: massCountMax + 1 }, (_, number) => `workflow-${number}`);
  for (const name of names) {
    await harness.apply(workflowManifest(name));
  }

  // As an etcd that was set back to before all of this: even the finalizer does not keep the Grant.
  await inAGap(async () => {
    const finalizers = { metadata: { finalizers: null } };
    const contentType = "application/merge-patch+json";
    const path = harness.path({ kind: "Grant", name: "ada" });
    await plane.request({ method: "PATCH", path, body: finalizers, contentType });
    await deleteNow(key("Grant", "ada"), ...names.map((name) => key("AccessWorkflow", name)));
  });
  await harness.until(() => (harness.source.held()?.keys.length ?? 0) === names.length + 1);

  expect(harness.source.list("AccessWorkflow")).toHaveLength(names.length);
  expect(harness.source.problems().join()).toContain("deletions confirm");
  await harness.source.writeStatus(grant(), (old) => ({ ...old, end, endTime: end.time }));
  expect(grant().status?.end).toEqual(end);
  expect(grant().metadata.deletionTimestamp).toBeUndefined();

  await harness.source.confirmHeld();
  expect(harness.source.list("AccessWorkflow")).toEqual([]);
  expect(grant().metadata.deletionTimestamp).toBeDefined();
  await harness.source.release(grant());
  expect(harness.source.list("Grant")).toEqual([]);
});

it("takes away what a Grant gave although somebody took off its finalizer and deleted it", async () => {
  await harness.open(real).start();
  await harness.apply(grantManifest("ada"));
  await harness.source.writeStatus(grant(), () => givenStatus(firstID));
  const hold = Promise.withResolvers<void>();
  proxy.inject({ kind: "hold", until: hold.promise }, { verb: "patch", path: "/grants/ada" });

  const path = harness.path({ kind: "Grant", name: "ada" });
  const body = { metadata: { finalizers: null } };
  await plane.request({ method: "PATCH", path, body, contentType: "application/merge-patch+json" });
  await deleteNow(key("Grant", "ada"));
  await harness.seen(key("Grant", "ada"), (object) => object?.metadata.deletionTimestamp !== undefined);
  await proxy.clear();
  hold.resolve();

  expect(grant().status).toEqual(givenStatus(firstID));
  await harness.apply({ ...grantManifest("bob") });
  expect(
    harness.source
      .list("Grant")
      .map(({ object }) => object.metadata.name)
      .sort(),
  ).toEqual(["ada", "bob"]);
});

it("puts a finalizer back that somebody took off a Grant that gives access", async () => {
  await harness.open(real).start();
  await harness.apply(grantManifest("ada"));
  await harness.source.writeStatus(grant(), () => givenStatus(firstID));

  const path = harness.path({ kind: "Grant", name: "ada" });
  const body = { metadata: { finalizers: null, annotations: { touched: "yes" } } };
  await plane.request({ method: "PATCH", path, body, contentType: "application/merge-patch+json" });
  await harness.until(async () => {
    const { annotations, finalizers } = (await harness.read(key("Grant", "ada"))).metadata;
    return annotations?.["touched"] === "yes" && finalizers?.includes("sallyport.dev/revoke") === true;
  });
});

it("keeps both changes where two replicas write a status at the same time", async () => {
  await harness.open(real).start();
  await harness.apply(grantManifest("ada"));
  const other = await ClusterHarness.make(plane);
  const second = other.open({ ...real, namespaces: [harness.namespace] });
  await second.start();
  const here = grant();

  await Promise.all(
    Array.from({ length: 4 }, async (_, number) => {
      const source = number % 2 === 0 ? harness.source : second;
      await source.writeStatus(here, (old) => ({
        ...old,
        approvals: [
          ...(old.approvals ?? []),
          { step: `step-${number}`, reviewer: "grace", decision: "Approve", time: end.time },
        ],
      }));
    }),
  );

  const { status } = (await harness.read(key("Grant", "ada"))) as Grant;
  expect(status?.approvals?.map(({ step }) => step).sort()).toEqual(["step-0", "step-1", "step-2", "step-3"]);
  await other.dispose();
});

it("tells subscribers of the status that another replica wrote, also where it learned of it by losing against it", async () => {
  await harness.open(real).start();
  await harness.apply(grantManifest("ada"));
  await harness.source.writeStatus(grant(), (old) => ({ ...old, grantID: firstID }));
  const hold = Promise.withResolvers<void>();
  proxy.inject({ kind: "holdEvents", until: hold.promise }, { verb: "watch", path: "/grants" });
  proxy.interrupt("end", { path: "/grants" });
  const body = { status: { lastHandledReconcileAt: "other" } };
  const path = `${harness.path({ kind: "Grant", name: "ada" })}/status`;
  await plane.request({ method: "PATCH", path, body, contentType: "application/merge-patch+json" });
  const told: string[] = [];
  harness.source.subscribe(({ name }) => told.push(name));

  await harness.source.writeStatus(grant(), (old) => ({ ...old, requestTime: end.time }));

  expect(told).toEqual(["ada"]);
  expect(grant().status).toMatchObject({ requestTime: end.time, lastHandledReconcileAt: "other" });
  hold.resolve();
});

it("does not touch an object that took the place of the one that is released", async () => {
  await harness.open(real).start();
  await harness.apply(grantManifest("ada"));
  await harness.source.writeStatus(grant(), (old) => ({ ...old, grantID: firstID }));
  await harness.remove(keyOfManifest(grantManifest("ada"), harness.namespace));
  const old = grant();
  const hold = Promise.withResolvers<void>();
  proxy.inject({ kind: "holdEvents", until: hold.promise }, { verb: "watch", path: "/grants" });
  proxy.interrupt("end", { path: "/grants" });
  const path = harness.path({ kind: "Grant", name: "ada" });
  const merge = "application/merge-patch+json";
  await plane.request({ method: "PATCH", path, body: { metadata: { finalizers: null } }, contentType: merge });
  const again = { ...grantManifest("ada"), metadata: { name: "ada", finalizers: ["example.com/theirs"] } };
  const apply = "application/apply-patch+yaml";
  await plane.request({ method: "PATCH", path: `${path}?fieldManager=kubectl`, body: again, contentType: apply });

  await harness.source.release(old);

  const now = await harness.read(key("Grant", "ada"));
  expect(now.metadata).toMatchObject({ finalizers: ["example.com/theirs"] });
  expect(now.metadata.uid).not.toBe(old.metadata.uid);
  expect(grant().metadata.uid).toBe(now.metadata.uid);
  hold.resolve();
});

it("keeps the end of a Grant in force while it cannot be written, and writes it when it can", async () => {
  await harness.open(real).start();
  await harness.apply(grantManifest("ada"));
  await harness.source.writeStatus(grant(), () => givenStatus(firstID));
  proxy.inject({ kind: "reset" }, { verb: "patch" });

  const write = harness.source.writeStatus(grant(), (old) => ({ ...old, end, endTime: end.time }));
  await expect(write).rejects.toMatchObject({ kind: "unavailable" });
  expect(grant().status?.end).toEqual(end);
  const other = harness.source.writeStatus(grant(), (old) => ({ ...old, deprovisionTime: end.time }));
  await expect(other).rejects.toMatchObject({ kind: "unavailable" });
  await proxy.clear();

  await harness.until(async () => {
    const { status } = (await harness.read(key("Grant", "ada"))) as Grant;
    return status?.end !== undefined && status.deprovisionTime !== undefined;
  });
});

it("is not deceived by a write that was done although its answer was lost", async () => {
  await harness.open(real).start();
  await harness.apply(grantManifest("ada"));
  await harness.source.writeStatus(grant(), (old) => ({ ...old, grantID: firstID }));
  proxy.inject({ kind: "lostAnswer" }, { verb: "patch" }, 1);

  const write = harness.source.writeStatus(grant(), (old) => ({ ...old, requestTime: end.time }));
  await expect(write).rejects.toMatchObject({ kind: "unavailable" });
  await harness.seen(key("Grant", "ada"), (object) => (object as Grant).status?.requestTime === end.time);

  const patches = proxy.count({ verb: "patch" });
  await harness.source.writeStatus(grant(), (old) => ({ ...old, requestTime: end.time }));
  expect(proxy.count({ verb: "patch" })).toBe(patches);
});

it("needs a connection for each watch and one for everything else, and leaves none open", async () => {
  await harness.open(real).start();
  await harness.apply(grantManifest("ada"));
  const watches = harness.source.watches().size;
  await harness.until(() => proxy.openWatches() === watches);

  for (let count = 0; count < 10; count += 1) {
    await harness.source.writeStatus(grant(), (old) => ({ ...old, lastHandledReconcileAt: String(count) }));
  }

  expect(proxy.connections().opened).toBeLessThanOrEqual(watches + 1);
  await harness.dispose();
  await harness.until(() => proxy.connections().open === 0);
});

it("lists many objects in pages", async () => {
  const count = 1_100;
  const objects = Array.from({ length: count }, (_, number) => workflowManifest(`w-${number}`));
  const path = harness.path({ kind: "AccessWorkflow", name: "" }).replace(/\/$/, "");
  for (let from = 0; from < count; from += 50) {
    const some = objects.slice(from, from + 50);
    await Promise.all(some.map((body) => plane.request({ method: "POST", path, body })));
  }

  await harness.open(real).start();

  expect(harness.source.list("AccessWorkflow")).toHaveLength(count);
  expect(proxy.count({ verb: "list", ...workflows })).toBe(3);
});
