import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, expect, it } from "vitest";
import { Document, parse } from "yaml";
import type { Grant } from "#kinds/index.ts";
import { type ControlPlane, kubectlMissing } from "#test/harness/control-plane.ts";
import { givenControlPlane } from "#test/harness/given-control-plane.ts";
import { writeKubeconfig } from "#test/harness/control-plane-client.ts";
import { type Installation, startInstallation } from "#test/harness/installation.ts";
import {
  ended,
  eventually,
  eventuallyWorks,
  repository,
  type SallyportProcess,
  startSallyport,
} from "#test/harness/process.ts";
import { grantFile } from "#tools/demo/grant-file.ts";
import { cloudFormationPolicies, exampleInput } from "./aws-policies.ts";
import { kustomize, objectsOf } from "./render.ts";

// What docs/upgrade.md and docs/uninstall.md say, done on a real API server with the sandbox's AWS. Each story leaves an empty
// installation for the next one.
const namespace = ["--namespace", "access"];
let plane: ControlPlane;
let installation: Installation;

givenControlPlane(async (started) => {
  plane = started;
  installation = await startInstallation({ place: install });
}, kubectlMissing());
afterAll(() => installation?.stop());

it("an upgrade applies newer manifests and restarts the controller: live grants stay as they are", async () => {
  await expect(takesPriority()).resolves.toBe(false);
  await ask("main");
  const before = await activeGrant("main");
  const set = permissionSet(before);

  await applyManifests();
  await eventually("the newer definition is in use", async () => ((await takesPriority()) ? true : undefined));
  installation.controller().kill("SIGTERM");
  await ended(installation.controller());
  await installation.startController();

  const after = await activeGrant("main");
  expect(after.metadata.uid).toBe(before.metadata.uid);
  expect(after.status).toMatchObject({
    grantID: before.status?.grantID,
    activationTime: before.status?.activationTime,
    expiryTime: before.status?.expiryTime,
  });
  expect(permissionSet(after)).toBe(set);
  expect(made("CreatePermissionSet")).toBe(1);
});

it("the documented order ends all access, leaves nothing in AWS, and never hangs", async () => {
  const { lines: heldLines, code: held } = await sallyport("leftovers", "list", "--cluster");
  expect(held).toBe(2);
  expect(heldLines.join("\n")).toContain("access/main");

  await plane.kubectl(["delete", "availabilities", "--all", "--all-namespaces"]);
  await plane.kubectl(["delete", "grants", "--all", "--all-namespaces", "--timeout=60s"]);
  await plane.kubectl(["delete", "databases,proxies,accessworkflows", "--all", "--all-namespaces", "--timeout=60s"]);
  const inAws = await sallyport("leftovers", "list", "--installation", "demo");
  const inCluster = await sallyport("leftovers", "list", "--cluster");

  expect(inAws).toMatchObject({ code: 0, lines: ["Nothing is left."] });
  expect(inCluster).toMatchObject({ code: 0, lines: ["Nothing is left."] });
  expect(setsOfGrants()).toEqual([]);
  expect(made("DeleteService")).toBeGreaterThan(0);
});

it("definitions that are deleted under a running controller take their access along, and the deletion completes", async () => {
  await applyObjects();
  await ask("early");
  await activeGrant("early");

  await plane.kubectl(["delete", "crd", "grants.sallyport.dev", "--timeout=60s"]);

  expect(setsOfGrants()).toEqual([]);
});

it("when the controller is gone first, what is left is shown, taken away, and let go", async () => {
  installation.controller().kill("SIGTERM");
  await ended(installation.controller());
  await applyManifests();
  await applyObjects();
  await installation.startController();
  await ask("late");
  const grant = await activeGrant("late");
  const grantID = grant.status?.grantID ?? "";
  installation.controller().kill("SIGKILL");
  await ended(installation.controller());

  for (const kind of ["grants", "proxies"]) {
    const hanging = plane.kubectl(["delete", kind, "--all", "--all-namespaces", "--timeout=2s"]);
    await expect(hanging).rejects.toThrow(/timed out/);
  }
  const shown = await sallyport("leftovers", "list", "--installation", "demo");
  const refused = await sallyport("leftovers", "release", "--installation", "demo");
  const removed = await sallyport("leftovers", "delete", "--installation", "demo", "--yes");
  const guarded = await sallyport("leftovers", "release", "--installation", "demo");
  await plane.kubectl(["delete", "validatingadmissionpolicybinding", "sallyport-controller-only"]);
  const released = await eventually("the policy is out of force", async () => {
    const again = await sallyport("leftovers", "release", "--installation", "demo");
    return again.code === 0 ? again : undefined;
  });

  expect(shown.code).toBe(2);
  expect(shown.lines.join("\n")).toContain(grantID);
  expect(refused.code).toBe(1);
  expect(refused.lines.join("\n")).toContain("still give access in AWS");
  expect(removed.code).toBe(0);
  expect(setsOfGrants()).toEqual([]);
  // Only the controller may take the finalizer off while the policy is there; it says what to do.
  expect(guarded.code).toBe(1);
  expect(guarded.lines.join("\n")).toContain("ValidatingAdmissionPolicyBinding sallyport-controller-only first");
  expect(released.lines.join("\n")).toContain("access/late");
  expect(released.lines.join("\n")).toMatch(/proxy access\/main .*maybe the ECS service/);
  await plane.kubectl(["wait", "--for=delete", "grant/late", "proxy/main", ...namespace, "--timeout=10s"]);
});

/** Does what docs/install.md says, and runs the controller outside, as its service account. */
async function install(folder: string): Promise<string[]> {
  await plane.kubectl(["create", "namespace", "access"]);
  await applyManifests(olderRelease);
  const token = await plane.serviceAccountToken("sallyport-system", "sallyport-controller");
  objects = folder;
  await applyObjects();
  const file = path.join(path.dirname(folder), "controller.kubeconfig");
  const kubeconfig = writeKubeconfig(file, plane, "sallyport-controller", token);
  const flags = ["--namespace", "access", "--controller-namespace", "sallyport-system", "--leader-elect", "false"];
  return ["--cluster", "--kubeconfig", kubeconfig, ...flags];
}

let objects = "";

/** The manifests as an earlier release could have had them: workflows have no priority yet. */
function olderRelease(manifest: string): string {
  return objectsOf(manifest)
    .map((object) => {
      const document = new Document(object);
      if (object.metadata.name === "accessworkflows.sallyport.dev") {
        const schema = ["spec", "versions", 0, "schema", "openAPIV3Schema", "properties", "spec", "properties"];
        expect(document.deleteIn([...schema, "priority"])).toBe(true);
      }
      return document.toString();
    })
    .join("---\n");
}

/** Whether the API server knows the field that the older release lacks. */
function takesPriority(): Promise<boolean> {
  const workflow = {
    apiVersion: "sallyport.dev/v1alpha1",
    kind: "AccessWorkflow",
    metadata: { name: "probe" },
    spec: { maxDurationSeconds: 3_600, priority: 1 },
  };
  const create = ["create", ...namespace, "--validate=strict", "--dry-run=server", "--filename", "-"];
  return plane.kubectl(create, { stdin: JSON.stringify(workflow) }).then(
    () => true,
    (error: unknown) => {
      expect(String(error)).toContain('unknown field "spec.priority"');
      return false;
    },
  );
}

async function applyManifests(change: (manifest: string) => string = (manifest) => manifest): Promise<void> {
  const stdin = change(await kustomize("namespaced"));
  await plane.kubectl(["apply", "--server-side", "--validate=strict", "--filename", "-"], { stdin });
  await plane.kubectl(["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"]);
}

async function applyObjects(): Promise<void> {
  await eventuallyWorks("the kinds are served", () => plane.kubectl(["apply", ...namespace, "--filename", objects]));
}

/** Asks for access as the cluster's administrator, who is called so, for ada. */
async function ask(name: string): Promise<void> {
  const grant = parse(grantFile({ name, person: "ada", database: "orders", role: "app_owner" })) as { spec: object };
  const wanted = { ...grant, spec: { ...grant.spec, requester: { username: "admin" } } };
  const apply = ["apply", ...namespace, "--filename", "-"];
  await eventuallyWorks("the Grant is accepted", () => plane.kubectl(apply, { stdin: JSON.stringify(wanted) }));
}

async function activeGrant(name: string): Promise<Grant> {
  await plane.kubectl(["wait", "--for=condition=Active", `grant/${name}`, ...namespace, "--timeout=60s"]);
  return JSON.parse(await plane.kubectl(["get", "grant", name, ...namespace, "--output", "json"])) as Grant;
}

function permissionSet(grant: Grant): string | undefined {
  return grant.status?.external?.permissionSetARN;
}

/** How many calls of that operation succeeded so far. */
function made(operation: string): number {
  return installation.sandbox.calls.filter((call) => call.operation === operation && call.outcome === "ok").length;
}

function setsOfGrants(): string[] {
  return [...installation.sandbox.state.permissionSets.values()]
    .map(({ name }) => name)
    .filter((name) => /^g[a-z2-7]{26}$/.test(name));
}

/** Runs a command as the cluster's administrator with the controller's AWS credentials. */
async function sallyport(...args: string[]): Promise<{ code: number; lines: readonly string[] }> {
  const { environment } = installation.controllerCommand;
  const started: SallyportProcess = startSallyport(args, { ...environment, KUBECONFIG: plane.kubeconfigFile });
  return { code: await ended(started, 60_000), lines: started.lines };
}

it("in all these stories nothing was called that the roles of manifests/terraform do not allow", () => {
  const policies = cloudFormationPolicies(exampleInput);
  const allowed = new Set(
    [policies.controller_policy, policies.account_policy, policies.task_policy].flatMap(({ Statement }) =>
      Statement.flatMap(({ Action }) => Action.map((action) => action.toLowerCase())),
    ),
  );
  // Anybody may ask who they are: AWS never refuses it. The ECS cluster is made by the test, in the organisation's stead.
  allowed.add("sts:getcalleridentity").add("ecs:createcluster");

  const called = installation.sandbox.calls
    .filter(({ callerARN = "" }) => /user\/|sallyport-(controller|proxy)/.test(callerARN))
    .map(({ service, operation }) => `${service === "sso-admin" ? "sso" : service}:${operation}`.toLowerCase());

  expect(new Set(called).size).toBeGreaterThan(10);
  expect([...new Set(called)].filter((action) => !allowed.has(action))).toEqual([]);
});

it("each command of the documentation is one that these stories run, or that of several replicas", () => {
  const said = ["uninstall.md", "upgrade.md"].map((name) => readFileSync(path.join(repository, "docs", name), "utf8"));
  const commands = said.join("\n").match(/^ +(?:sallyport|kubectl delete) .+$/gm) ?? [];
  const replicas = path.join(repository, "test/cluster/controller.test.ts");
  const source = [import.meta.filename, replicas].map((file) => readFileSync(file, "utf8")).join("\n");

  expect(commands.length).toBeGreaterThan(8);
  for (const command of commands) {
    const words = command
      .trim()
      .replace(/^kubectl /, "")
      .replace(/^sallyport /, "")
      .split(/\s+/)
      .slice(0, 2);
    expect(source, command).toContain(words.map((word) => `"${word}"`).join(", "));
  }
});
