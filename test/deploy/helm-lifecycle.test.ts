import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, it } from "vitest";
import { parse, parseDocument, stringify } from "yaml";
import { type ControlPlane, kubectlMissing } from "#test/harness/control-plane.ts";
import { givenControlPlane } from "#test/harness/given-control-plane.ts";
import { eventually } from "#test/harness/process.ts";
import { grantFile } from "#tools/demo/grant-file.ts";
import { Helm, helmMissing, setting } from "./helm.ts";
import { runJob } from "./job-runner.ts";
import { chart, run } from "./render.ts";

const scratch = mkdtempSync(path.join(tmpdir(), "sallyport-chart-"));
let cluster: ControlPlane;
let helm: Helm;

givenControlPlane(
  (started) => {
    cluster = started;
    helm = new Helm(cluster);
  },
  kubectlMissing(),
  helmMissing(),
);
afterAll(() => {
  helm?.remove();
  rmSync(scratch, { recursive: true, force: true });
});

const namespace = ["--namespace", "sallyport-system"];

// One story, since each step stands on the one before.
it("installs, upgrades an older release with its objects, and refuses to uninstall while a Grant holds access, and uninstalls without taking a Grant along", async () => {
  const older = await olderChart();
  await helm.run("install", "sallyport", older, ...namespace, "--create-namespace", ...setting());
  await cluster.kubectl(["apply", "--validate=strict", "-f", "-"], { stdin: requestedBy("admin") });
  const { uid } = (await grant()).metadata;
  await expect(takesPriority()).resolves.toBe(false);

  await helm.run("upgrade", "sallyport", chart, ...namespace, ...setting({ replicas: 2 }));

  // The API server takes a new definition into use a moment after it accepted it.
  await eventually("the new field is known", async () => ((await takesPriority()) ? true : undefined));
  expect((await grant()).metadata.uid).toBe(uid);
  expect(JSON.parse(await get("statefulset/sallyport-controller"))).toMatchObject({ spec: { replicas: 2 } });

  await setFinalizers(["sallyport.dev/revoke"]);
  const refused = helm.run("uninstall", "sallyport", ...namespace).then(
    () => "uninstalled",
    (error: unknown) => String(error),
  );
  expect((await checked()).join("\n")).toMatch(/default\/main .*not deleted/);
  expect(await refused).toMatch(/sallyport-uninstall-check not ready.*Failed/);
  expect(await get("statefulset/sallyport-controller")).toContain("sallyport");

  await setFinalizers([]);
  const uninstalled = helm.run("uninstall", "sallyport", ...namespace);
  await checked();
  await uninstalled;

  await expect(get("statefulset/sallyport-controller")).rejects.toThrow(/NotFound/);
  await expect(get("validatingadmissionpolicybinding/sallyport-controller-only")).rejects.toThrow(/NotFound/);
  expect((await grant()).metadata.uid).toBe(uid);
  const definitions = await cluster.kubectl(["get", "crd", "--output", "name"]);
  expect(definitions.trim().split("\n")).toHaveLength(6);

  await helm.run("install", "sallyport", chart, ...namespace, ...setting());

  expect((await grant()).metadata.uid).toBe(uid);
});

/** The check that runs before an uninstallation. */
function checked(): Promise<readonly string[]> {
  return runJob(cluster, "sallyport-system", "sallyport-uninstall-check");
}

/** As the controller does, to which alone the policies leave it. */
async function setFinalizers(finalizers: readonly string[]): Promise<void> {
  const token = await cluster.serviceAccountToken("sallyport-system", "sallyport-controller");
  const answer = await cluster.request({
    method: "PATCH",
    path: "/apis/sallyport.dev/v1alpha1/namespaces/default/grants/main",
    contentType: "application/merge-patch+json",
    body: { metadata: { finalizers } },
    token,
  });
  expect(answer.status).toBe(200);
}

interface Found {
  readonly metadata: { readonly uid: string };
}

async function grant(): Promise<Found> {
  return JSON.parse(await cluster.kubectl(["get", "grant", "main", "--output", "json"])) as Found;
}

function get(what: string): Promise<string> {
  return cluster.kubectl(["get", what, ...namespace, "--output", "json"]);
}

/** Whether the API server takes an AccessWorkflow with a field that the older release does not know. */
function takesPriority(): Promise<boolean> {
  const workflow = {
    apiVersion: "sallyport.dev/v1alpha1",
    kind: "AccessWorkflow",
    metadata: { name: "usual" },
    spec: { maxDurationSeconds: 3_600, priority: 1 },
  };
  const create = ["create", "--validate=strict", "--dry-run=server", "-f", "-"];
  return cluster.kubectl(create, { stdin: JSON.stringify(workflow) }).then(
    () => true,
    (error: unknown) => {
      expect(String(error)).toContain('unknown field "spec.priority"');
      return false;
    },
  );
}

function requestedBy(username: string): string {
  const object = parse(grantFile({ name: "main", person: "ada", database: "orders", role: "app_owner" })) as {
    spec: object;
  };
  return stringify({ ...object, spec: { ...object.spec, requester: { username } } });
}

/** The chart as an earlier release could have been: workflows have no priority yet. */
async function olderChart(): Promise<string> {
  // Packed first: in the checkout, what the chart shares with kustomize are links to it.
  const packed = await helm.run("package", chart, "--destination", scratch);
  await run("tar", ["-xzf", packed.trim().split(": ").at(-1) ?? "", "-C", scratch]);
  const file = path.join(scratch, "sallyport", "files", "crds", "accessworkflow.yaml");
  const definition = parseDocument(readFileSync(file, "utf8"));
  const schema = ["spec", "versions", 0, "schema", "openAPIV3Schema"];
  expect(definition.deleteIn([...schema, "properties", "spec", "properties", "priority"])).toBe(true);
  writeFileSync(file, definition.toString());
  return path.join(scratch, "sallyport");
}
