import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { UserError } from "#lib/errors.ts";
import { loadKubeAccess } from "./kubeconfig.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "sallyport-kubeconfig-"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true, force: true });
});

/** Writes a kubeconfig (JSON is YAML) for one user and gives its path. */
function write(user: object, more: { readonly cluster?: object; readonly context?: string } = {}): string {
  const file = path.join(directory, "config");
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "here", cluster: { server: "https://kube.example:6443/k8s", ...more.cluster } }],
    users: [{ name: "someone", user }],
    contexts: [
      { name: "main", context: { cluster: "here", user: "someone", namespace: "team" } },
      { name: "broken", context: { cluster: "nowhere", user: "someone" } },
    ],
    "current-context": more.context ?? "main",
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}

const load = (file: string | undefined, context?: string) => loadKubeAccess({ file, context, environment: {} });

it("gives server, namespace and token of the context", async () => {
  const access = await load(write({ token: "abc" }));

  expect(access.server.href).toBe("https://kube.example:6443/k8s");
  expect(access.namespace).toBe("team");
  expect(await access.credentials()).toEqual({ headers: { Authorization: "Bearer abc" }, tls: {} });
});

it("gives authorities and client certificates to TLS, and never turns verification off by itself", async () => {
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  const user = { "client-certificate-data": base64("cert"), "client-key-data": base64("key") };
  const cluster = { "certificate-authority-data": base64("ca"), "tls-server-name": "other.example" };

  const { tls, headers } = await (await load(write(user, { cluster }))).credentials();

  expect(Object.fromEntries(Object.entries(tls).map(([name, value]) => [name, String(value)]))).toEqual({
    ca: "ca",
    cert: "cert",
    key: "key",
    servername: "other.example",
  });
  expect(headers).toEqual({});
});

it("reads a token from its file, without the newline, and again when it is told to", async () => {
  const tokenFile = path.join(directory, "token");
  writeFileSync(tokenFile, "first\n");
  const access = await load(write({ tokenFile: "token" }));
  expect((await access.credentials()).headers).toEqual({ Authorization: "Bearer first" });

  writeFileSync(tokenFile, "second\n");
  await access.refresh();

  expect((await access.credentials()).headers).toEqual({ Authorization: "Bearer second" });
});

it("asks a plugin for credentials, and says what it said where it fails", async () => {
  const apiVersion = "client.authentication.k8s.io/v1";
  const credential = JSON.stringify({ apiVersion, kind: "ExecCredential", status: { token: "from-plugin" } });
  const exec = (script: string) => ({ exec: { apiVersion, command: process.execPath, args: ["-e", script] } });

  const access = await load(write(exec(`process.stdout.write(${JSON.stringify(credential)})`)));
  expect((await access.credentials()).headers).toEqual({ Authorization: "Bearer from-plugin" });

  const failing = await load(write(exec(`process.stderr.write("sign in first"); process.exit(1)`)));
  await expect(failing.credentials()).rejects.toThrow("sign in first");
});

it("takes the pod's service account where it runs in one", async () => {
  vi.stubEnv("KUBERNETES_SERVICE_HOST", "10.0.0.1");
  vi.stubEnv("KUBERNETES_SERVICE_PORT", "443");

  const access = await loadKubeAccess({ environment: process.env });

  expect(access.server.href).toBe("https://10.0.0.1/");
});

it.each([
  ["a file that is not there", () => load(path.join(directory, "none"))],
  ["a context that is not there", () => load(write({ token: "abc" }), "other")],
  ["a context whose cluster is not there", () => load(write({ token: "abc" }, { context: "broken" }))],
  ["no context", () => load(write({ token: "abc" }, { context: "" }))],
  ["an address that is none", () => load(write({ token: "abc" }, { cluster: { server: "kube example" } }))],
])("says what is wrong, and what to do: %s", async (_, loading) => {
  const failure = await loading().catch((thrown: unknown) => thrown);

  expect(failure).toBeInstanceOf(UserError);
  expect(failure).toMatchObject({
    code: "KubeconfigUnusable",
    next: expect.stringContaining("--kubeconfig") as string,
  });
  expect(String(failure)).not.toContain("abc");
});
