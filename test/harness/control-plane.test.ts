import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import path from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { KubectlFailed } from "./control-plane-client.ts";
import { type ControlPlane, kubectlMissing, startControlPlane } from "./control-plane.ts";
import { givenControlPlane } from "./given-control-plane.ts";
import { eventually, repository } from "./process.ts";

let cluster: ControlPlane;

givenControlPlane((started) => {
  cluster = started;
});

describe("people", () => {
  test("somebody new is known by name and groups, and may do nothing until a role says so", async () => {
    const namespace = await cluster.createNamespace();
    const token = cluster.tokenFor("ann@example.com", ["developers"]);
    const configMaps = `/api/v1/namespaces/${namespace}/configmaps`;
    const asked = { path: configMaps, token };

    const whoami = await cluster.request({
      path: "/apis/authentication.k8s.io/v1/selfsubjectreviews",
      method: "POST",
      body: { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" },
      token,
    });
    const before = await cluster.request(asked);
    await allowDevelopers(namespace);

    expect(whoami.body).toMatchObject({
      status: { userInfo: { username: "ann@example.com", groups: ["developers", "system:authenticated"] } },
    });
    expect(before.status).toBe(403);
    await eventually("the role counts", async () => (await cluster.request(asked)).status === 200 || undefined);
  });

  test("an unknown token is nobody's", async () => {
    const answer = await cluster.request({ path: "/api/v1/namespaces", token: "made-up" });

    expect(answer.status).toBe(401);
  });

  test("a service account's token is the server's own", async () => {
    const token = await cluster.serviceAccountToken("sallyport-test", "controller");

    const answer = await cluster.request({ path: "/api/v1/namespaces", token });

    expect(answer).toMatchObject({ status: 403 });
    expect(JSON.stringify(answer.body)).toContain("system:serviceaccount:sallyport-test:controller");
  });
});

describe("kubectl", () => {
  beforeEach(({ skip }) => skip(kubectlMissing() !== undefined, kubectlMissing()));

  test("runs as the administrator, and as whom a kubeconfig names", async () => {
    const kubeconfig = cluster.kubeconfigFor("bob@example.com");

    const admin = await cluster.kubectl(["auth", "whoami", "-o", "jsonpath={.status.userInfo.groups}"]);
    const bob = await cluster.kubectl(["auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"], { kubeconfig });

    expect(admin).toContain("system:masters");
    expect(bob).toBe("bob@example.com");
  });

  test("rejects with its code and words", async () => {
    const kubeconfig = cluster.kubeconfigFor("bob@example.com");

    const refused = cluster.kubectl(["get", "secrets", "-A"], { kubeconfig });

    await expect(refused).rejects.toThrow(KubectlFailed);
    await expect(refused).rejects.toThrow("Forbidden");
  });

  test("applies what it is given on its standard input, once the definitions are installed", async () => {
    await cluster.installCRDs();
    const namespace = await cluster.createNamespace();
    const stdin = "apiVersion: sallyport.dev/v1alpha1\nkind: Grant\nmetadata: { name: empty }\n";

    const refused = cluster.kubectl(["apply", "-n", namespace, "-f", "-"], { stdin });

    await expect(refused).rejects.toThrow("spec: Required value");
  });
});

describe("the processes", () => {
  test("a restart keeps address, authority and objects", async () => {
    const namespace = await cluster.createNamespace();
    const before = cluster.apiserverProcessID();

    await cluster.restart();

    const answer = await cluster.request({ path: `/api/v1/namespaces/${namespace}` });
    expect(answer).toMatchObject({ status: 200, body: { metadata: { name: namespace } } });
    expect(cluster.apiserverProcessID()).not.toBe(before);
  });

  test("a frozen server stands still until it is thawed", async () => {
    cluster.freeze();
    const frozen = await eventually(
      "it stands still",
      () => stateOf(cluster.apiserverProcessID()).startsWith("T") || undefined,
    );
    const answer = cluster.request({ path: "/readyz" });

    cluster.thaw();

    expect(frozen).toBe(true);
    expect(await answer).toMatchObject({ status: 200 });
  });

  test("closing leaves no process and no file behind", async () => {
    const other = await startControlPlane();
    const folder = path.dirname(other.kubeconfigFile);
    const running = commandsNaming(folder);

    await other.close();

    expect(running).not.toEqual([]);
    expect(commandsNaming(folder)).toEqual([]);
    expect(existsSync(folder)).toBe(false);
  });

  test("a test process that is killed leaves none either", async () => {
    const script =
      'const { startControlPlane } = await import("#test/harness/control-plane.ts");' +
      "const cluster = await startControlPlane(); console.log(cluster.kubeconfigFile);";
    const args = ["--input-type=module", "-e", script];
    const child = spawn(process.execPath, args, { cwd: repository, stdio: ["ignore", "pipe", "inherit"] });
    const [said] = (await once(child.stdout, "data")) as [Buffer];
    const folder = path.dirname(said.toString().trim());
    const running = commandsNaming(folder);

    child.kill("SIGKILL");

    expect(running).not.toEqual([]);
    await eventually("they are gone", () => (commandsNaming(folder).length === 0 && !existsSync(folder)) || undefined);
  });
});

/** How the system says that a process is: `T` for a stopped one. */
function stateOf(pid: number): string {
  return execFileSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" });
}

/** Command lines of this machine's processes that name a folder. */
function commandsNaming(folder: string): readonly string[] {
  const lines = execFileSync("ps", ["-eo", "args"], { encoding: "utf8" }).split("\n");
  return lines.filter((line) => line.includes(folder));
}

async function allowDevelopers(namespace: string): Promise<void> {
  const at = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
  const metadata = { name: "readers" };
  const rules = [{ apiGroups: [""], resources: ["configmaps"], verbs: ["list"] }];
  await cluster.request({ path: `${at}/roles`, method: "POST", body: { metadata, rules } });
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "readers" };
  const subjects = [{ apiGroup: "rbac.authorization.k8s.io", kind: "Group", name: "developers" }];
  await cluster.request({ path: `${at}/rolebindings`, method: "POST", body: { metadata, roleRef, subjects } });
}
