import { describe, expect, it } from "vitest";
import type { ApiAnswer } from "#test/harness/control-plane-client.ts";
import {
  type AdmissionStand,
  aGrant,
  aProxy,
  aReview,
  aWorkflow,
  controllerNamespace,
  inHours,
  type Manifest,
  givenAdmissionStand,
} from "./admission-stand.ts";

// What people try who want more access than somebody approved, with the roles and policies in force.
let stand: AdmissionStand;
let people: Readonly<Record<"requester" | "reviewer" | "owner" | "flux" | "viewer" | "root", string>>;

givenAdmissionStand(async (started) => {
  stand = started;
  const bind = ["create", "rolebinding", "owner", "--clusterrole=cluster-admin", "--user=oidc:owner", "-n", "default"];
  // More than the ClusterRole admin, whose rules a controller manager would collect: everything in this namespace.
  await stand.plane.kubectl(bind);
  people = {
    requester: await stand.person("eve", "sallyport-requester"),
    reviewer: await stand.person("grace", "sallyport-reviewer"),
    owner: await stand.person("owner"),
    flux: await stand.account("flux-system", "kustomize-controller", "sallyport-requester"),
    viewer: await stand.person("victor", "sallyport-viewer"),
    root: await stand.person("root", "sallyport-administrator"),
  };
});

let number = 0;
const fresh = (): string => `attack-${(number += 1)}`;
const of = (username: string) => ({ requester: { username } });
const path = (object: Manifest, plural = "grants") =>
  `/apis/sallyport.dev/v1alpha1/namespaces/default/${plural}/${object.metadata.name}`;
const apply = (token: string, object: object, where: string) =>
  stand.plane.request({
    method: "PATCH",
    path: `${where}?fieldManager=attacker&force=true`,
    contentType: "application/apply-patch+yaml",
    body: object,
    token,
  });

function refused({ status, body }: ApiAnswer): void {
  expect([status >= 400, JSON.stringify(body)]).toEqual([true, expect.anything()]);
}

/** A Grant of eve's that was approved and is live, as the controller writes it. */
async function liveGrant(): Promise<Manifest> {
  const grant = aGrant(fresh(), { ...of("eve"), notAfterTime: inHours(24) });
  expect(await stand.create(people.requester, grant)).toMatchObject({ status: 201 });
  await stand.patch(stand.controller, grant, { metadata: { finalizers: ["sallyport.dev/revoke"] } });
  const status = { grantID: `g${"a".repeat(26)}`, expiryTime: inHours(1), activationTime: inHours(-1) };
  expect(await stand.patch(stand.controller, grant, { status }, "status")).toMatchObject({ status: 200 });
  return grant;
}

describe("a status", () => {
  it("cannot be brought along: not by creating, replacing, or applying an object", async () => {
    const status = { approvalTime: inHours(-1), grantID: `g${"b".repeat(26)}` };
    const created = { ...aGrant(fresh(), of("eve")), status };
    const applied = { ...aGrant(fresh(), of("eve")), status };

    await stand.create(people.requester, created);
    await apply(people.requester, applied, path(applied));
    const { metadata, spec } = await stand.get(created);
    await stand.plane.request({
      method: "PUT",
      path: path(created),
      token: people.requester,
      body: { ...created, metadata, spec },
    });

    expect((await stand.get(created)).status).toBeUndefined();
    expect((await stand.get(applied)).status).toBeUndefined();
  });

  it("cannot be emptied or set by whoever owns the namespace: by patch, apply or replacement", async () => {
    const grant = await liveGrant();
    const before = await stand.get(grant);
    const wiped = { ...before, status: null };

    refused(await stand.patch(people.owner, grant, { status: null }, "status"));
    refused(await apply(people.owner, { ...grant, status: { expiryTime: inHours(23) } }, `${path(grant)}/status`));
    refused(
      await stand.plane.request({ method: "PUT", path: `${path(grant)}/status`, token: people.owner, body: wiped }),
    );
    await stand.plane.request({ method: "PUT", path: path(grant), token: people.owner, body: wiped });

    expect((await stand.get(grant)).status).toEqual(before.status);
  });
});

describe("what was approved", () => {
  it.each([
    { principal: { name: "owner" } },
    { databaseRef: { name: "payroll" } },
    { roleName: "app_owner" },
    { durationSeconds: 86_400 },
    { notAfterTime: "2099-01-01T00:00:00Z" },
    { requester: { username: "grace" } },
    { requester: null },
    { extensionCount: 2 },
    { urgency: "BreakGlass" },
    { availabilityRef: { name: "everything" } },
  ])("does not become more by a change of the spec: %j", async (spec) => {
    const grant = await liveGrant();
    const before = (await stand.get(grant)).spec;

    for (const token of [people.requester, people.owner, people.root]) {
      refused(await stand.patch(token, grant, { spec }));
      // An apply leaves alone what it gives as null; what counts is what comes of it.
      await apply(token, { ...grant, spec: { ...grant.spec, ...spec } }, path(grant));
    }

    expect((await stand.get(grant)).spec).toEqual(before);
  });

  it("does not come back once it was revoked", async () => {
    const grant = await liveGrant();
    await stand.patch(people.requester, grant, { spec: { revocation: { reason: "stolen laptop" } } });

    for (const revocation of [null, { reason: "never mind" }]) {
      refused(await stand.patch(people.owner, grant, { spec: { revocation } }));
    }
    await stand.remove(people.owner, grant);
    refused(await stand.patch(people.owner, grant, { metadata: { finalizers: null } }));
    refused(await stand.patch(people.owner, grant, { metadata: { finalizers: ["example.com/mine"] } }));
    await stand.patch(people.owner, grant, { metadata: { deletionTimestamp: null } });

    expect((await stand.get(grant)).metadata).toMatchObject({
      deletionTimestamp: expect.any(String),
      finalizers: ["sallyport.dev/revoke"],
    });
  });

  it("reaches no further by a forged time of creation, a generated name, or an apply that creates", async () => {
    const spec = { ...of("eve"), notAfterTime: inHours(24 * 300) };
    const forged = { ...aGrant(fresh(), spec), metadata: { name: fresh(), creationTimestamp: inHours(24 * 290) } };
    const generated = { ...aGrant("", spec), metadata: { generateName: "attack-" } } as unknown as Manifest;

    for (const object of [forged, generated]) {
      refused(await stand.create(people.requester, object));
    }
    refused(await apply(people.requester, aGrant("applied", spec), path(aGrant("applied"))));
    refused(await stand.create(people.flux, aGrant(fresh(), spec)));
  });
});

describe("somebody else's name", () => {
  it("is not taken: by a generated name, an apply that creates, or a review that is replaced", async () => {
    const generated = { ...aReview("", "root"), metadata: { generateName: "attack-" } } as unknown as Manifest;
    const applied = aReview(fresh(), "root");
    const own = aReview(fresh(), "grace");

    refused(await stand.create(people.reviewer, generated));
    refused(await apply(people.owner, applied, path(applied, "grantreviews")));
    await stand.create(people.reviewer, own);
    refused(await stand.patch(people.owner, own, { spec: { reviewer: { username: "owner" } } }));
    refused(await stand.patch(people.owner, own, { spec: { decision: "Deny" } }));
    refused(await stand.create(people.flux, aReview(fresh(), "grace")));
    refused(await stand.create(people.requester, aReview(fresh(), "eve")));
  });

  it("is not taken by a copy of what the control API made, proof and all", async () => {
    const annotations = { "sallyport.dev/origin": "api", "sallyport.dev/origin-proof": "v1:somebody-saw-it" };
    const made = { ...aGrant(fresh(), of("root")), metadata: { name: fresh(), annotations } };
    await stand.create(stand.controller, made);
    const copied = { ...made, metadata: { name: fresh(), annotations } };
    const own = aGrant(fresh(), of("eve"));
    await stand.create(people.requester, own);

    for (const token of [people.requester, people.owner, people.flux, people.root]) {
      refused(await stand.create(token, copied));
      refused(await stand.patch(token, own, { metadata: { annotations } }));
      refused(await stand.patch(token, made, { metadata: { annotations: { "sallyport.dev/origin-proof": null } } }));
    }
  });
});

describe("policy and memory", () => {
  it("are out of reach for everybody but administrators, in any namespace and by any verb", async () => {
    const workflow = aWorkflow(fresh());
    const proxy = aProxy(fresh());
    await stand.create(people.root, workflow);
    await stand.create(people.root, proxy);
    const all = "/apis/sallyport.dev/v1alpha1/namespaces/default/accessworkflows";
    const labels = { metadata: { labels: { environment: "staging" } } };
    const owned = { apiVersion: "v1", kind: "ConfigMap", name: "gone", uid: "6f2d1c5e-0000-4000-8000-000000000000" };

    for (const token of [people.owner, people.requester, people.flux]) {
      refused(await stand.create(token, aWorkflow(fresh())));
      refused(await apply(token, aWorkflow("applied"), `${all}/applied`));
      for (const object of [workflow, proxy]) {
        refused(await stand.patch(token, object, labels));
        refused(await stand.patch(token, object, { metadata: { ownerReferences: [owned] } }));
      }
      refused(await stand.remove(token, proxy));
    }
    await stand.plane.request({ method: "DELETE", path: all, token: people.owner });

    expect((await stand.get(workflow)).metadata.name).toBe(workflow.metadata.name);
  });

  it("are out of reach where tombstones, parameters, the Lease and the policies are", async () => {
    const attempts = [
      ["GET", `/api/v1/namespaces/${controllerNamespace}/configmaps`],
      ["DELETE", `/api/v1/namespaces/${controllerNamespace}/configmaps`],
      ["DELETE", `/api/v1/namespaces/${controllerNamespace}/configmaps/sallyport-admission`],
      ["GET", `/api/v1/namespaces/${controllerNamespace}/secrets`],
      ["POST", `/api/v1/namespaces/${controllerNamespace}/serviceaccounts/sallyport-controller/token`],
      ["DELETE", `/apis/coordination.k8s.io/v1/namespaces/${controllerNamespace}/leases/sallyport`],
      ["DELETE", "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/sallyport-reviewer"],
      ["DELETE", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/grants.sallyport.dev"],
    ] as const;

    for (const token of Object.values(people)) {
      for (const [method, where] of attempts) {
        expect([where, (await stand.plane.request({ method, path: where, token })).status]).toEqual([where, 403]);
      }
    }
  });

  it("are only read by a viewer", async () => {
    const grant = await liveGrant();

    refused(await stand.create(people.viewer, aGrant(fresh(), of("victor"))));
    refused(await stand.patch(people.viewer, grant, { spec: { suspend: true } }));
    refused(await stand.remove(people.viewer, grant));
    refused(await stand.create(people.viewer, aReview(fresh(), "victor")));
  });
});

describe("size", () => {
  it.each([
    { annotations: { large: "x".repeat(70_000) } },
    { annotations: Object.fromEntries([...Array(65).keys()].map((key) => [`key-${key}`, ""])) },
    { labels: Object.fromEntries([...Array(65).keys()].map((key) => [`key-${key}`, ""])) },
    { finalizers: [...Array(33).keys()].map((key) => `example.com/key-${key}`) },
  ])("of metadata is bounded, so that nobody fills the controller's memory (%#)", async (metadata) => {
    const grant = aGrant(fresh(), of("eve"));
    const large = { ...grant, metadata: { ...grant.metadata, ...metadata } };

    expect(await stand.create(people.requester, large)).toMatchObject({ status: 422 });
    await stand.create(people.requester, grant);
    expect(await stand.patch(people.requester, grant, { metadata })).toMatchObject({ status: 422 });
  });

  it("that was there before the policy was keeps nobody from revoking", async () => {
    const grant = aGrant(fresh(), of("eve"));
    const large = { ...grant, metadata: { ...grant.metadata, annotations: { large: "x".repeat(70_000) } } };
    await stand.create(stand.controller, large);

    const revoked = await stand.patch(people.requester, large, { spec: { revocation: { reason: "done" } } });

    expect(revoked).toMatchObject({ status: 200 });
    expect(await stand.patch(people.requester, large, { metadata: { annotations: { large: null } } })).toMatchObject({
      status: 200,
    });
  });
});
