import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { compileOptions } from "#controller/options.ts";
import { type ControlPlane, kubectlMissing } from "#test/harness/control-plane.ts";
import { givenControlPlane } from "#test/harness/given-control-plane.ts";
import { installed, keyARN } from "./option-values.ts";
import { startPod } from "./pod-start.ts";
import { kustomize, kustomizeWith, type Manifest, nameOf, objectsOf, overlays, workloadOf } from "./render.ts";

const scratch = mkdtempSync(path.join(tmpdir(), "sallyport-kustomize-"));
let cluster: ControlPlane;

givenControlPlane(async (started) => {
  cluster = started;
  // The namespaced overlay is for namespaces that are there.
  await cluster.kubectl(["create", "namespace", "access"]);
}, kubectlMissing());
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Strict: a field that the API server does not know is an error and not dropped. */
function apply(manifest: string, ...more: string[]): Promise<string> {
  return cluster.kubectl(["apply", "--server-side", "--validate=strict", ...more, "-f", "-"], { stdin: manifest });
}

// The first of all: the roles of the other overlays, which are for every namespace, stay in the cluster.
it("limits the namespaced controller to its namespaces: elsewhere it may not even look", async () => {
  await cluster.kubectl(["create", "namespace", "elsewhere"]);
  await apply(await kustomize("namespaced"));
  const may = (verb: string, resource: string, namespace: string): Promise<string> =>
    cluster
      .kubectl([
        "auth",
        "can-i",
        verb,
        resource,
        "--namespace",
        namespace,
        "--as",
        "system:serviceaccount:sallyport-system:sallyport-controller",
      ])
      .then((answer) => answer.trim())
      .catch(() => "no");

  expect(await may("list", "grants.sallyport.dev", "access")).toBe("yes");
  expect(await may("patch", "grants.sallyport.dev/status", "access")).toBe("yes");
  expect(await may("list", "grants.sallyport.dev", "elsewhere")).toBe("no");
  expect(await may("list", "secrets", "access")).toBe("no");
  expect(await may("create", "leases.coordination.k8s.io", "sallyport-system")).toBe("yes");
});

/** The pod that the workload would make, which has no controller here to make it. */
function podOf(objects: readonly Manifest[], name: string): { readonly spec: object } {
  const { metadata, spec } = workloadOf(objects).spec.template;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "sallyport-system", labels: metadata.labels },
    spec: { ...spec, volumes: [...spec.volumes, { name: "state", persistentVolumeClaim: { claimName: "state" } }] },
  } as { readonly spec: object };
}

/** `main` of `grant.sallyport.dev/main`. */
function nameIn(line: string): string {
  return line.slice(line.indexOf("/") + 1);
}

describe("the components for what people and auditors use", () => {
  const components = ["audit-store", "oidc", "slack", "webhooks", "secure-metrics"];
  const values = { HEAD_KEY: `kms:${keyARN}`, OIDC_ISSUER: "https://id.example.com", OIDC_CLIENT_ID: "console" };

  it("are accepted whole by a real API server, and again without a change", async () => {
    const manifest = await kustomizeWith(scratch, "high-availability", components, values);

    await apply(manifest);
    const again = await cluster.kubectl(["diff", "--server-side", "-f", "-"], { stdin: manifest });

    expect(again).toBe("");
  });

  it("leave the pod what Kubernetes' strictest standard lets pass", async () => {
    const objects = objectsOf(await kustomizeWith(scratch, "high-availability", components, values));

    await expect(apply(JSON.stringify(podOf(objects, "try")), "--dry-run=server")).resolves.toContain(
      "serverside-applied",
    );
  });

  it("do not start without the values that they ask for: the controller names the flag", async () => {
    const objects = objectsOf(await kustomizeWith(scratch, "high-availability", ["oidc"], { A: "b" }));
    const { flags, environment } = startPod(objects, scratch, installed);

    expect(() => compileOptions(flags, environment)).toThrow(/--oidc-issuer/);
  });
});

describe.each(overlays)("the overlay %s", (overlay) => {
  it("is accepted whole by a real API server, and again without a change", async () => {
    const manifest = await kustomize(overlay);

    await apply(manifest);
    const again = await cluster.kubectl(["diff", "--server-side", "-f", "-"], { stdin: manifest });

    expect(again).toBe("");
    const found = await cluster.kubectl(["get", "-f", "-", "--output", "name"], { stdin: manifest });
    const names = objectsOf(manifest).map(({ metadata }) => metadata.name);
    expect(found.trim().split("\n").map(nameIn).toSorted()).toEqual(names.toSorted());
  });

  it("would be accepted in a dry run too, as pipelines do before they apply", async () => {
    await expect(apply(await kustomize(overlay), "--dry-run=server")).resolves.toContain("statefulset.apps");
  });

  it("runs a pod that Kubernetes' strictest standard lets pass", async () => {
    const pod = podOf(objectsOf(await kustomize(overlay)), `try-${overlay}`);

    // The namespace enforces the standard: the same pod with one wish more is refused.
    await expect(apply(JSON.stringify(pod), "--dry-run=server")).resolves.toContain("serverside-applied");
    const privileged = { ...pod, spec: { ...pod.spec, hostNetwork: true } };
    await expect(apply(JSON.stringify(privileged), "--dry-run=server")).rejects.toThrow(/PodSecurity/);
  });

  it("names only objects that are part of it: accounts, ports, selectors, secrets and configuration", async () => {
    const objects = objectsOf(await kustomize(overlay));
    const { spec } = workloadOf(objects);
    const pod = spec.template.spec;
    const names = objects.map(nameOf);

    expect(names).toContain(`ServiceAccount sallyport-system/${pod.serviceAccountName}`);
    const [container] = pod.containers;
    const configuration = JSON.stringify(container).match(/"configMapRef":\{"name":"([^"]+)"/)?.[1];
    expect(names).toContain(`ConfigMap sallyport-system/${configuration}`);
    const ports = container?.ports.map(({ name }) => name);
    const wanted = [...JSON.stringify(objects).matchAll(/"(?:targetPort|port)":"([^"]+)"/g)].map(([, port]) => port);
    expect(wanted).not.toEqual([]);
    expect(wanted.filter((port) => !ports?.includes(port ?? ""))).toEqual([]);
    for (const object of objects) {
      expect(object.metadata.labels?.["app.kubernetes.io/name"] ?? object.kind, nameOf(object)).toMatch(
        /^(sallyport|CustomResourceDefinition)$/,
      );
    }
  });

  it("starts the controller with arguments that it takes, each of their variables with a value", async () => {
    const { flags, environment } = startPod(objectsOf(await kustomize(overlay)), scratch);

    const options = compileOptions(flags, environment);

    expect(options).toMatchObject({
      installation: "main",
      publicURL: "https://sallyport.example.com",
      region: "eu-west-1",
      state: "/var/lib/sallyport",
      source: {
        kind: "cluster",
        namespaces: overlay === "namespaced" ? ["access"] : [],
        peerListen: { host: "10.0.0.5", port: 8_444 },
        ownNamespace: undefined,
      },
    });
    expect(options.source).toMatchObject(overlay === "single" ? { election: undefined } : { election: {} });
  });
});
