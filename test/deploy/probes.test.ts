import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createAuthority } from "#sandbox/certificates.ts";
import { startSandbox } from "#sandbox/main.ts";
import type { Sandbox } from "#sandbox/sandbox.ts";
import { type ControlPlane, kubectlMissing } from "#test/harness/control-plane.ts";
import { writeKubeconfig } from "#test/harness/control-plane-client.ts";
import { givenControlPlane } from "#test/harness/given-control-plane.ts";
import { freePort } from "#test/harness/postgres.ts";
import { ended, eventually, eventuallyWorks, type SallyportProcess, startSallyport } from "#test/harness/process.ts";
import { kustomize, type Manifest, objectsOf } from "./render.ts";

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
  readonly periodSeconds: number;
  readonly timeoutSeconds: number;
  readonly failureThreshold: number;
}
type ProbeName = "startupProbe" | "readinessProbe" | "livenessProbe";
interface Container extends Readonly<Record<ProbeName, Probe>> {
  readonly args: readonly string[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
}

/** A pod's container as a process on this machine. */
interface Pod {
  readonly process: SallyportProcess;
  /** What a port of the container, by its name, answers. */
  get(port: string, path: string): Promise<{ status: number; body: string }>;
  /** The status that a probe of the manifest gets. */
  probe(name: ProbeName): Promise<number>;
}

const scratch = mkdtempSync(path.join(tmpdir(), "sallyport-probes-"));
const pods: Pod[] = [];
let cluster: ControlPlane;
let sandbox: Sandbox;
let objects: Manifest[];
let container: Container;

givenControlPlane(async (started) => {
  cluster = started;
  sandbox = await startSandbox();
  const manifest = await kustomize("high-availability");
  objects = objectsOf(manifest);
  const workload = objects.find(({ kind }) => kind === "StatefulSet") as unknown as {
    spec: { template: { spec: { containers: [Container] } } };
  };
  [container] = workload.spec.template.spec.containers;
  await cluster.kubectl(["apply", "--server-side", "--filename", "-"], { stdin: manifest });
  await cluster.kubectl(["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"]);
}, kubectlMissing());
afterAll(async () => {
  for (const { process } of pods) {
    process.kill("SIGKILL");
    await process.exited;
  }
  await sandbox?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

/** Starts what the manifest says, on loopback, as its service account and with its own volume. */
async function startPod(servers: ControlPlane): Promise<Pod> {
  const folder = path.join(scratch, `pod-${pods.length}`);
  mkdirSync(folder);
  const pair = await (await createAuthority("probes", Date.now())).issue(["127.0.0.1"]);
  writeFileSync(path.join(folder, "tls.crt"), pair.certificate);
  writeFileSync(path.join(folder, "tls.key"), pair.privateKey);
  const token = await cluster.serviceAccountToken("sallyport-system", "sallyport-controller");
  const kubeconfig = writeKubeconfig(path.join(folder, "kubeconfig"), servers, "sallyport-controller", token);
  const ports = new Map<number, number>();
  for (const { containerPort } of container.ports) {
    ports.set(containerPort, await freePort());
  }
  const map = objects.find(({ kind, metadata }) => kind === "ConfigMap" && metadata.name.startsWith("sallyport-cont"));
  const environment: Record<string, string> = { ...(map?.["data"] as Record<string, string>), POD_IP: "127.0.0.1" };
  const args = container.args.map((arg) =>
    arg
      .replaceAll(/\$\((\w+)\)/g, (_, name: string) => environment[name] ?? "")
      .replace(/=(?:0\.0\.0\.0|127\.0\.0\.1):(\d+)$/, (_, port) => `=127.0.0.1:${ports.get(Number(port))}`)
      .replace("/etc/sallyport/tls", folder)
      .replace("/var/lib/sallyport", path.join(folder, "state")),
  );
  const { accessKeyID, secretAccessKey } = sandbox.controllerCredentials;
  const process = startSallyport([...args, "--kubeconfig", kubeconfig, "--controller-namespace", "sallyport-system"], {
    ...environment,
    HOME: folder,
    AWS_ENDPOINT_URL: sandbox.url,
    AWS_REGION: sandbox.region,
    AWS_ACCESS_KEY_ID: accessKeyID,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_EC2_METADATA_DISABLED: "true",
  });
  const get = async (port: string, where: string): Promise<{ status: number; body: string }> => {
    const inside = container.ports.find(({ name }) => name === port)?.containerPort ?? 0;
    const answer = await fetch(`http://127.0.0.1:${ports.get(inside)}${where}`);
    return { status: answer.status, body: await answer.text() };
  };
  const pod = {
    process,
    get,
    probe: async (name: ProbeName) => (await get(container[name].httpGet.port, container[name].httpGet.path)).status,
  };
  pods.push(pod);
  return pod;
}

function passes(pod: Pod, name: ProbeName): Promise<true> {
  return eventuallyWorks(
    () => `${name} passes; it said ${pod.process.lines.slice(-5).join("\n")}`,
    async () => ((await pod.probe(name)) === 200 ? true : undefined),
  );
}

async function isLeader(pod: Pod): Promise<boolean> {
  const { body } = await pod.get("metrics", "/metrics");
  return /^leader_election_master_status\{[^}]*\} 1$/m.test(body);
}

describe("a pod, started as the manifest says", () => {
  it("is live and ready, whether it leads or stands by; one leads, and the other takes over when it goes", async () => {
    const first = await startPod(cluster);
    await passes(first, "startupProbe");
    await passes(first, "readinessProbe");
    const second = await startPod(cluster);
    await passes(second, "startupProbe");
    await passes(second, "readinessProbe");

    expect([await isLeader(first), await isLeader(second)]).toEqual([true, false]);
    expect([await first.probe("livenessProbe"), await second.probe("livenessProbe")]).toEqual([200, 200]);
    const { body } = await second.get("probes", "/healthz?verbose");
    expect([...body.matchAll(/^\[\+\]([\w-]+) ok$/gm)].map(([, check]) => check)).toEqual([
      "clock",
      "event-loop",
      "reconcile-loop",
      "reflectors",
      "leader-election",
    ]);

    first.process.kill("SIGTERM");
    expect(await ended(first.process)).toBe(0);
    await eventually("the other leads", async () => ((await isLeader(second)) ? true : undefined));
    expect([await second.probe("livenessProbe"), await second.probe("readinessProbe")]).toEqual([200, 200]);
  });

  it("is live and not ready while it cannot get to know the objects: a restart would not help", async () => {
    // A server that takes connections and never answers.
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as AddressInfo;
    const pod = await startPod({ ...cluster, url: `https://127.0.0.1:${port}` });

    await passes(pod, "startupProbe");

    expect([await pod.probe("livenessProbe"), await pod.probe("readinessProbe")]).toEqual([200, 500]);
    pod.process.kill("SIGKILL");
    await pod.process.exited;
    silent.close();
  });
});

describe("the thresholds", () => {
  const seconds = ({ periodSeconds, failureThreshold }: Probe): number => periodSeconds * failureThreshold;

  it("take a pod out of service before they end it, and end none for one late answer", () => {
    const { livenessProbe, readinessProbe, startupProbe } = container;

    expect(seconds(readinessProbe)).toBeLessThan(seconds(livenessProbe));
    expect(livenessProbe.failureThreshold).toBeGreaterThanOrEqual(3);
    for (const { timeoutSeconds } of [livenessProbe, readinessProbe, startupProbe]) {
      expect(timeoutSeconds).toBeGreaterThanOrEqual(5);
    }
    expect(seconds(startupProbe)).toBeGreaterThanOrEqual(120);
  });

  it("ask the port of the probes for health and for readiness", () => {
    const { livenessProbe, readinessProbe, startupProbe } = container;

    expect([livenessProbe, readinessProbe, startupProbe].map(({ httpGet }) => httpGet)).toEqual([
      { path: "/healthz", port: "probes" },
      { path: "/readyz", port: "probes" },
      { path: "/healthz", port: "probes" },
    ]);
  });
});
