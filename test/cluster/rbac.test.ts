import { describe, expect, it } from "vitest";
import { systemClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import type { Grant, Proxy } from "#kinds/index.ts";
import { clusterTrust } from "#controller/admission/identity-trust.ts";
import { originProof } from "#controller/admission/origin-proof.ts";
import { EventRecorder } from "#controller/kube/events.ts";
import { createKubeTransport } from "#controller/kube/https-transport.ts";
import { LeaseElector } from "#controller/kube/lease.ts";
import { leaseTimesDefault } from "#controller/kube/lease-times.ts";
import type { KubeTransport } from "#controller/kube/transport.ts";
import { createClusterSource } from "#controller/source/cluster/source.ts";
import { eventually } from "#test/harness/process.ts";
import {
  type AdmissionStand,
  aGrant,
  aProxy,
  aWorkflow,
  controllerNamespace,
  givenAdmissionStand,
} from "./admission-stand.ts";

let stand: AdmissionStand;

givenAdmissionStand((started) => {
  stand = started;
});

/** The transport of a pod that runs under this token. */
function transportOf(token: string): KubeTransport {
  const { url, caPEM } = stand.plane;
  return createKubeTransport({
    access: {
      server: new URL(url),
      namespace: controllerNamespace,
      credentials: async () => ({ headers: { authorization: `Bearer ${token}` }, tls: { ca: caPEM } }),
      refresh: async () => {},
    },
    version: "0.0.0",
    clock: systemClock,
  });
}

/** `group/resource[/subresource]` or `resource` of the core group; with `@namespace`, and `=name`. */
async function may(token: string, verb: string, what: string): Promise<boolean> {
  const [, path = "", namespace, name] = /^([^@=]+)(?:@([^=]+))?(?:=(.+))?$/.exec(what) ?? [];
  const parts = path.split("/");
  const [group = "", resource = "", subresource] = path.includes(".") ? parts : ["", ...parts];
  const answer = await stand.plane.request({
    method: "POST",
    path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
    token,
    body: {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SelfSubjectAccessReview",
      spec: { resourceAttributes: { verb, group, resource, subresource, namespace, name } },
    },
  });
  return (answer.body as { status: { allowed: boolean } }).status.allowed;
}

/** Of all verbs, those that are allowed. */
async function verbsOf(token: string, what: string): Promise<string> {
  const verbs = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];
  const allowed = await Promise.all(verbs.map(async (verb) => ((await may(token, verb, what)) ? [verb] : [])));
  return allowed.flat().join(" ");
}

const group = "sallyport.dev";
const policyKinds = ["proxies", "databases", "accessworkflows", "availabilities"];
const read = "get list watch";

describe("the controller's service account", () => {
  const own = controllerNamespace;

  it("may do exactly this to what is declared", async () => {
    for (const kind of policyKinds) {
      expect(await verbsOf(stand.controller, `${group}/${kind}`)).toBe(kind === "proxies" ? `${read} patch` : read);
      expect(await verbsOf(stand.controller, `${group}/${kind}/finalizers`)).toBe(kind === "proxies" ? "update" : "");
    }
    expect(await verbsOf(stand.controller, `${group}/grants`)).toBe(`${read} create update patch delete`);
    expect(await verbsOf(stand.controller, `${group}/grantreviews`)).toBe(`${read} create delete`);
    for (const kind of [...policyKinds, "grants", "grantreviews"]) {
      expect(await verbsOf(stand.controller, `${group}/${kind}/status`)).toBe("patch");
    }
  });

  it("may do exactly this in its own namespace", async () => {
    expect(await verbsOf(stand.controller, `coordination.k8s.io/leases@${own}=sallyport`)).toBe("get create update");
    expect(await verbsOf(stand.controller, `coordination.k8s.io/leases@${own}=another`)).toBe("create");
    expect(await verbsOf(stand.controller, `configmaps@${own}`)).toBe(`${read} create patch`);
  });

  it("may read its admission policies, and write none", async () => {
    for (const kind of ["validatingadmissionpolicies", "validatingadmissionpolicybindings"]) {
      const resource = `admissionregistration.k8s.io/${kind}`;
      expect(await verbsOf(stand.controller, `${resource}=sallyport-reviewer`)).toBe("get");
      expect(await verbsOf(stand.controller, `${resource}=another`)).toBe("");
    }
  });

  it.each([
    "secrets",
    `secrets@${own}`,
    "configmaps",
    "configmaps@default",
    "pods",
    `pods@${own}`,
    `serviceaccounts/token@${own}`,
    "namespaces",
    "events",
    "coordination.k8s.io/leases@default",
    "rbac.authorization.k8s.io/clusterroles",
    "apiextensions.k8s.io/customresourcedefinitions",
    `${group}/installations`,
  ])("may do nothing to %s", async (what) => {
    expect(await verbsOf(stand.controller, what)).toBe("");
    expect(await may(stand.controller, "administer", what)).toBe(false);
  });

  it("is enough for everything that the controller asks of the cluster, with the admission policies in force", async () => {
    const transport = transportOf(stand.controller);
    const world = { transport, clock: systemClock, random: () => 0.5, log: silentLog };
    const source = createClusterSource({
      ...world,
      namespaces: [],
      ownNamespace: controllerNamespace,
      origin: originProof("key", "test"),
    });
    const ada = await stand.person("ada", "sallyport-requester");
    const root = await stand.person("root", "sallyport-administrator");
    await stand.create(ada, aGrant("from-kubectl", { requester: { username: "ada" } }));
    await stand.create(root, aWorkflow("auto"));
    await stand.create(root, aProxy("main"));
    await source.start();
    const get = (name: string) => source.get("Grant", "default", name)?.object as Grant;
    const grantID = `g${"a".repeat(26)}`;

    await source.create({
      ...aGrant("from-api"),
      metadata: { name: "from-api", namespace: "default" },
    } as unknown as Grant);
    for (const name of ["from-kubectl", "from-api"]) {
      await source.writeStatus<Grant>(get(name), (status) => ({ ...status, grantID }));
      expect(await stand.get(aGrant(name))).toMatchObject({
        metadata: { finalizers: ["sallyport.dev/revoke"] },
        status: { grantID },
      });
    }
    const made = get("from-api");
    await source.update({ ...made, spec: { ...made.spec, durationSeconds: 600 } });
    const workflow = source.get("AccessWorkflow", "default", "auto")?.object;
    expect(workflow).toBeDefined();
    await source.writeStatus(workflow as NonNullable<typeof workflow>, (status) => ({ ...status, availabilities: 1 }));
    const notAfterTime = new Date(Date.now() + 60_000).toISOString();
    const { uid = "" } = made.metadata;
    await source.putTombstone({ namespace: "default", name: "from-api", uid, specDigest: "sha256:a", notAfterTime });
    await source.delete({ kind: "Grant", namespace: "default", name: "from-api" });
    await stand.remove(ada, aGrant("from-kubectl"));
    for (const name of ["from-api", "from-kubectl"]) {
      const deleted = await eventually(`the deletion of ${name} is seen`, () => {
        const grant = get(name);
        return grant.metadata.deletionTimestamp === undefined ? undefined : grant;
      });
      await source.release(deleted);
      expect(await stand.get(aGrant(name))).toMatchObject({ code: 404 });
    }

    const proxy = () => source.get("Proxy", "default", "main")?.object as Proxy;
    await source.writeStatus(proxy(), (status) => ({ ...status, observedGeneration: 1 }));
    expect(await stand.get(aProxy("main"))).toMatchObject({ metadata: { finalizers: ["sallyport.dev/clean-up"] } });
    await stand.remove(root, aProxy("main"));
    await eventually("the deletion is seen", () => proxy().metadata.deletionTimestamp);
    await source.release(proxy());
    expect(await stand.get(aProxy("main"))).toMatchObject({ code: 404 });

    const recorder = new EventRecorder({ ...world, instance: "test", newID: () => crypto.randomUUID() });
    const text = { type: "Normal", reason: "Tried", action: "Try", note: "It works." } as const;
    recorder.record(workflow as NonNullable<typeof workflow>, text);
    recorder.record(workflow as NonNullable<typeof workflow>, text);
    await recorder.close();
    expect(recorder.stats()).toMatchObject({ failed: 0 });
    const elector = new LeaseElector({
      ...world,
      namespace: controllerNamespace,
      name: "sallyport",
      identity: "test_1",
      annotations: {},
      times: leaseTimesDefault,
    });
    elector.start();
    await eventually("the lease is held", () => elector.isLeading() || undefined);
    await elector.close();
    const trust = clusterTrust({ ...world, namespace: controllerNamespace });
    expect(await trust.look()).toMatchObject({ kind: "trusted" });
    trust.close();
    await source.close();
    transport.close();
  });
});

describe("roles for people", () => {
  it("viewer, requester, reviewer and administrator may do exactly this", async () => {
    const roles = {
      viewer: [read, read, read, read],
      requester: [read, `${read} create update patch delete`, read, read],
      reviewer: [read, read, `${read} create`, read],
      administrator: [
        `${read} create update patch delete deletecollection`,
        `${read} create update patch delete deletecollection`,
        `${read} delete`,
        `${read} create update patch delete deletecollection`,
      ],
    };
    for (const [role, expected] of Object.entries(roles)) {
      const token = await stand.person(`a-${role}`, `sallyport-${role}`);
      const kinds = ["availabilities", "grants", "grantreviews", "proxies"];
      expect([role, ...(await Promise.all(kinds.map((kind) => verbsOf(token, `${group}/${kind}`))))]).toEqual([
        role,
        ...expected,
      ]);
      expect(await verbsOf(token, `${group}/grants/status`)).toBe("");
      expect(await verbsOf(token, "secrets")).toBe("");
      expect(await may(token, "administer", `${group}/installations`)).toBe(role === "administrator");
    }
  });

  it("are part of the cluster's own roles: whoever may view may view, whoever may edit may ask", async () => {
    const { plane } = stand;
    const labels = async (name: string) =>
      (
        JSON.parse(await plane.kubectl(["get", "clusterrole", name, "-o", "json"])) as {
          metadata: { labels: Record<string, string> };
        }
      ).metadata.labels;
    const aggregated = async (name: string) =>
      Object.keys(await labels(name))
        .filter((label) => label.startsWith("rbac.authorization.k8s.io/aggregate-to-"))
        .map((label) => label.split("-").at(-1))
        .toSorted();

    expect(await aggregated("sallyport-viewer")).toEqual(["admin", "edit", "view"]);
    expect(await aggregated("sallyport-requester")).toEqual(["admin", "edit"]);
    expect(await aggregated("sallyport-reviewer")).toEqual([]);
    expect(await aggregated("sallyport-administrator")).toEqual([]);
  });
});
