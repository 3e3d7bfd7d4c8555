import { describe, expect, it } from "vitest";
import { type AdmissionPeople, startAdmissionPeople } from "./admission-people.ts";
import {
  type AdmissionStand,
  aGrant,
  aProxy,
  aReview,
  aWorkflow,
  type Manifest,
  by,
  fresh,
  givenAdmissionStand,
  said,
} from "./admission-stand.ts";

let stand: AdmissionStand;
let people: AdmissionPeople;

givenAdmissionStand(async (started) => {
  stand = started;
  people = await startAdmissionPeople(stand);
});

describe("what is the controller's alone", () => {
  it("writes status, and nobody else does, not even a cluster's administrator", async () => {
    const grant = aGrant(fresh(), by("ada"));
    await stand.create(people.ada, grant);
    const status = { status: { grantID: `g${"a".repeat(26)}` } };

    expect(await stand.patch(stand.controller, grant, status, "status")).toMatchObject({ status: 200 });
    for (const token of [people.bob, people.namespaceOwner, stand.plane.adminToken]) {
      const answer = await stand.patch(token, grant, { status: { grantID: `g${"b".repeat(26)}` } }, "status");
      expect(answer.status).toBe(403);
      expect(said(answer)).toContain("status is written by the Sallyport controller only.");
    }
  });

  it("writes the status of every kind", async () => {
    const workflow = aWorkflow(fresh());
    await stand.create(people.administrator, workflow);
    const status = { status: { availabilities: 3 } };

    expect(await stand.patch(stand.plane.adminToken, workflow, status, "status")).toMatchObject({ status: 403 });
    expect(await stand.patch(stand.controller, workflow, status, "status")).toMatchObject({ status: 200 });
  });

  it("puts and removes the finalizer", async () => {
    const grant = aGrant(fresh(), by("ada"));
    await stand.create(people.ada, grant);
    const finalizers = { metadata: { finalizers: ["sallyport.dev/revoke"] } };
    const none = { metadata: { finalizers: null } };

    expect(await stand.patch(people.ada, grant, finalizers)).toMatchObject({ status: 403 });
    expect(await stand.patch(stand.controller, grant, finalizers)).toMatchObject({ status: 200 });
    expect(await stand.remove(people.ada, grant)).toMatchObject({ status: 200 });
    for (const token of [people.ada, stand.plane.adminToken]) {
      const answer = await stand.patch(token, grant, none);
      expect(answer.status).toBe(403);
      expect(said(answer)).toContain("delete the ValidatingAdmissionPolicyBinding sallyport-controller-only first");
    }
    expect(await stand.patch(stand.controller, grant, none)).toMatchObject({ status: 200 });
    expect(await stand.get(grant)).toMatchObject({ code: 404 });
  });

  it("puts and removes the finalizer of Proxies, and writes nothing else of them", async () => {
    const proxy = aProxy(fresh());
    await stand.create(people.administrator, proxy);
    const finalizers = { metadata: { finalizers: ["sallyport.dev/clean-up"] } };
    const none = { metadata: { finalizers: null } };

    expect(await stand.patch(people.administrator, proxy, finalizers)).toMatchObject({ status: 403 });
    expect(await stand.patch(stand.controller, proxy, finalizers)).toMatchObject({ status: 200 });
    for (const change of [
      { spec: { suspend: true } },
      { metadata: { labels: { team: "mine" } } },
      { metadata: { annotations: { note: "mine" } } },
      { metadata: { ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "none", uid: "none" }] } },
    ]) {
      const answer = await stand.patch(stand.controller, proxy, change);
      expect([change, answer.status]).toEqual([change, 403]);
      expect(said(answer)).toContain("may be written only by administrators of Sallyport");
    }
    expect(await stand.remove(people.administrator, proxy)).toMatchObject({ status: 200 });
    expect(await stand.patch(people.administrator, proxy, none)).toMatchObject({ status: 403 });
    expect(await stand.patch(stand.controller, proxy, none)).toMatchObject({ status: 200 });
    expect(await stand.get(proxy)).toMatchObject({ code: 404 });
  });

  it("lets a backup bring back an object with the finalizer of its kind, and with no other of ours, which nobody would take off", async () => {
    const held = (object: Manifest, finalizer: string): Manifest => ({
      ...object,
      metadata: { ...object.metadata, finalizers: [finalizer] },
    });
    const { ada, grace, administrator } = people;

    expect(await stand.create(ada, held(aGrant(fresh(), by("ada")), "sallyport.dev/revoke"))).toMatchObject({
      status: 201,
    });
    expect(await stand.create(administrator, held(aProxy(fresh()), "sallyport.dev/clean-up"))).toMatchObject({
      status: 201,
    });
    for (const [token, object] of [
      [ada, held(aGrant(fresh(), by("ada")), "sallyport.dev/clean-up")],
      [grace, held(aReview(fresh(), "grace"), "sallyport.dev/revoke")],
      [administrator, held(aWorkflow(fresh()), "sallyport.dev/clean-up")],
      [administrator, held(aProxy(fresh()), "sallyport.dev/revoke")],
    ] as const) {
      expect([object.kind, (await stand.create(token, object)).status]).toEqual([object.kind, 403]);
    }
  });

  it("leaves other people's finalizers to them", async () => {
    const grant = aGrant(fresh(), by("ada"));
    await stand.create(people.ada, grant);

    expect(await stand.patch(people.ada, grant, { metadata: { finalizers: ["example.org/keep"] } })).toMatchObject({
      status: 200,
    });
    expect(await stand.patch(people.ada, grant, { metadata: { finalizers: null } })).toMatchObject({ status: 200 });
  });

  it("says that the control API made an object", async () => {
    for (const key of ["sallyport.dev/origin", "sallyport.dev/origin-proof"]) {
      const review = aReview(fresh(), "grace");
      const marked: Manifest = { ...review, metadata: { ...review.metadata, annotations: { [key]: "api" } } };

      expect(said(await stand.create(people.grace, marked))).toContain("say that the control API made an object");
      expect(await stand.create(stand.controller, marked)).toMatchObject({ status: 201 });
      const { administrator } = people;
      const grant = aGrant(fresh(), by("ada"));
      await stand.create(people.ada, grant);
      expect(await stand.patch(administrator, grant, { metadata: { annotations: { [key]: "api" } } })).toMatchObject({
        status: 403,
      });
      expect(await stand.patch(administrator, grant, { metadata: { annotations: { note: "mine" } } })).toMatchObject({
        status: 200,
      });
    }
  });
});
