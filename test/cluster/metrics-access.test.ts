import { request } from "node:https";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { systemClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { clusterAccess } from "#controller/metrics/access.ts";
import { createTelemetry, type Telemetry } from "#controller/metrics/telemetry.ts";
import { createKubeTransport } from "#controller/kube/https-transport.ts";
import type { KubeTransport } from "#controller/kube/transport.ts";
import { createAuthority } from "#sandbox/certificates.ts";
import { type ControlPlane, kubectlMissing } from "#test/harness/control-plane.ts";
import { givenControlPlane } from "#test/harness/given-control-plane.ts";

const manifest = path.join(import.meta.dirname, "../../manifests/monitoring/secure/rbac/rbac.yaml");
let plane: ControlPlane;
let controllerToken: string;
const open: { telemetry: Telemetry; transport: KubeTransport }[] = [];

givenControlPlane(async (started) => {
  plane = started;
  controllerToken = await plane.serviceAccountToken("sallyport-system", "sallyport-controller");
  await plane.kubectl(["apply", "-f", manifest]);
}, kubectlMissing());
afterAll(async () => {
  for (const { telemetry, transport } of open) {
    await telemetry.close();
    transport.close();
  }
});

/** Protected metrics of a controller that speaks to the API server under `token`; answers the status that a bearer gets. */
async function setUp(token: string) {
  const authority = await createAuthority("metrics", Date.now());
  const { certificate: cert, privateKey: key } = await authority.issue(["127.0.0.1"]);
  const identity = { version: "0.1.0", installation: "test", clock: systemClock, log: silentLog };
  const telemetry = createTelemetry({ ...identity, processMetrics: false });
  const { metrics: port = 0 } = await telemetry.listen({
    metrics: { address: { host: "127.0.0.1", port: 0 }, tls: { cert, key } },
  });
  const { url, caPEM } = plane;
  const transport = createKubeTransport({
    access: {
      server: new URL(url),
      namespace: "sallyport-system",
      credentials: async () => ({ headers: { authorization: `Bearer ${token}` }, tls: { ca: caPEM } }),
      refresh: async () => {},
    },
    version: "0.1.0",
    clock: systemClock,
    onRequest: telemetry.kube,
  });
  open.push({ telemetry, transport });
  const scrape = (bearer: string | undefined): Promise<{ status: number; text: string }> =>
    new Promise((resolve, reject) => {
      const headers = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
      const options = { host: "127.0.0.1", port, path: "/metrics", ca: authority.certificate, headers, agent: false };
      const sent = request(options, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (part: string) => (text += part));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      });
      sent.on("error", reject);
      sent.end();
    });
  const protect = (): void => telemetry.protect(clusterAccess(transport, systemClock));
  return { scrape, protect };
}

describe("protected metrics", () => {
  it("are read by whom the cluster allows to, and by nobody else", async () => {
    const { scrape, protect } = await setUp(controllerToken);
    const reader = await plane.serviceAccountToken("monitoring", "prometheus");
    const other = await plane.serviceAccountToken("monitoring", "other");
    await plane.kubectl([
      "create",
      "clusterrolebinding",
      "prometheus-reads",
      "--clusterrole=sallyport-metrics-reader",
      "--serviceaccount=monitoring:prometheus",
    ]);
    expect((await scrape(reader)).status, "before it is said who may").toBe(401);
    protect();

    const { status, text } = await scrape(reader);

    expect(status).toBe(200);
    expect(text).toMatch(/^rest_client_requests_total\{code="201",method="POST",host="127\.0\.0\.1:\d+"\} 2$/m);
    expect((await scrape(other)).status).toBe(403);
    expect((await scrape("not.a.token")).status).toBe(401);
    expect((await scrape(undefined)).status).toBe(401);
  });

  it("are read by nobody where the controller itself may not ask", async () => {
    const { scrape, protect } = await setUp(plane.tokenFor("somebody"));
    protect();

    expect((await scrape(plane.adminToken)).status).toBe(500);
  });
});
