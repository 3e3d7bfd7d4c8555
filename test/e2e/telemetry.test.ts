import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { controllerMetrics } from "#controller/metrics/definitions.ts";
import { promtool, promtoolMissing } from "#test/monitoring/promtool.ts";
import { type ControlApi, controlApi } from "../harness/control-api.ts";
import { type Installation, signInDirectly, startInstallation, untilProxyLinked } from "../harness/installation.ts";
import { freePort } from "../harness/postgres.ts";
import { eventually } from "../harness/process.ts";
import * as support from "./support.ts";

const lines: string[] = [];
let installation: Installation;
let api: ControlApi;
let metrics: string;
let probes: string;

beforeAll(async () => {
  const [metricsPort, probesPort] = [await freePort(), await freePort()];
  metrics = `http://127.0.0.1:${metricsPort}/metrics`;
  probes = `http://127.0.0.1:${probesPort}`;
  installation = await startInstallation({
    sandbox: { delays: { identityCenterMs: 30 } },
    flags: { "metrics-listen": `127.0.0.1:${metricsPort}`, "probe-listen": `127.0.0.1:${probesPort}` },
    logLevel: "debug",
    onControllerLine: (line) => void lines.push(line),
  });
  api = controlApi(installation, "margaret");
  await untilProxyLinked(installation);
  await signInDirectly(installation, "ada");
});
afterAll(() => installation?.stop());

async function scrape(): Promise<string> {
  return (await fetch(metrics)).text();
}

/** Waits until a series has a value that passes, and answers it. */
function reaches(series: string, passes: (value: number) => boolean): Promise<number> {
  return eventually(`${series} is as wanted`, async () => {
    const line = (await scrape()).split("\n").find((each) => each.startsWith(`${series} `));
    const value = Number(line?.slice(series.length));
    return line !== undefined && passes(value) ? value : undefined;
  });
}

const atLeast = (least: number) => (value: number) => value >= least;

describe("a controller that runs", () => {
  it("is alive and ready, check by check", async () => {
    const ready = await fetch(`${probes}/readyz?verbose`);
    const alive = await fetch(`${probes}/healthz?verbose`);

    expect([ready.status, await ready.text()]).toEqual([200, "[+]source-sync ok\nreadyz check passed\n"]);
    expect([alive.status, await alive.text()]).toEqual([
      200,
      "[+]clock ok\n[+]event-loop ok\n[+]reconcile-loop ok\nhealthz check passed\n",
    ]);
  });

  it("tells of a grant from its request until nothing is left of it", async () => {
    installation.writeManifest("grants/telemetry.yaml", support.grantManifest("telemetry", "ada"));
    await support.grantReaches(api, "telemetry", "Active");
    await reaches('sallyport_grants{state="live"}', atLeast(1));
    await reaches('sallyport_proxy_tasks{proxy="default/main"}', atLeast(1));
    const { url } = await support.connectAs(installation, "ada", "app_owner");
    const { client } = await support.connected(url);
    await client.query("select 1");
    await reaches('sallyport_proxy_sessions{proxy="default/main"}', atLeast(1));

    installation.deleteManifest("grants/telemetry.yaml");

    for (const step of ["proxy_cut", "assignment_removed", "permission_set_removed"]) {
      await reaches(`sallyport_grant_revocation_lag_seconds_count{step="${step}"}`, atLeast(1));
    }
    await reaches('sallyport_audit_records_total{proxy="default/main"}', atLeast(4));
    await reaches('sallyport_grants{state="live"}', (value) => value === 0);
    await reaches('controller_runtime_active_workers{controller="grant"}', (value) => value === 0);
  });

  it("tells of the proxy's audit spool, which holds records that are all stored by now, and of the folder", async () => {
    await reaches('sallyport_proxy_spool_bytes{proxy="default/main"}', atLeast(1));
    await reaches('sallyport_proxy_spool_records{proxy="default/main"}', (value) => value === 0);
    await reaches('sallyport_proxy_spool_oldest_seconds{proxy="default/main"}', (value) => value === 0);
    await reaches('sallyport_proxy_spool_used_ratio{proxy="default/main"}', (value) => value > 0 && value < 0.1);
    const files = await reaches('sallyport_folder_files{state="accepted"}', atLeast(1));
    installation.writeManifest("grants/broken.yaml", "kind: Grant\n  spec: [");
    await reaches('sallyport_folder_files{state="problem"}', (value) => value === 1);
    await reaches('sallyport_folder_files{state="accepted"}', (value) => value === files);
    installation.deleteManifest("grants/broken.yaml");
    const before = await reaches("sallyport_folder_last_read_timestamp_seconds", atLeast(1));

    await reaches("sallyport_folder_last_read_timestamp_seconds", (value) => value > before);
  });

  it("counts what AWS saw, and nothing else", async () => {
    const text = await scrape();

    const created = 'sallyport_aws_requests_total{service="sso",operation="CreatePermissionSet"} ';
    const counted = Number(
      text
        .split("\n")
        .find((line) => line.startsWith(created))
        ?.slice(created.length),
    );
    expect(counted).toBe(
      installation.sandbox.calls.filter(({ operation }) => operation === "CreatePermissionSet").length,
    );
  });

  it("shows what Prometheus reads, and no name of a person", async ({ skip }) => {
    const text = await scrape();

    expect(text).not.toMatch(/="[^"\n]*(ada|margaret)/);
    const shown = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
    // A folder's controller elects no leader, and this one delivers to no sink.
    const elsewhere = /^(leader_election_master_status|sallyport_sink_.+)$/;
    const missed = controllerMetrics.map(({ name }) => name).filter((name) => !shown.includes(name));
    expect(missed.filter((name) => !elsewhere.test(name))).toEqual([]);
    expect(shown).not.toContain("leader_election_master_status");
    const missing = promtoolMissing();
    skip(missing !== undefined, missing);
    const { output } = await promtool(["check", "metrics"], text);
    expect(output.split("\n").filter((line) => line !== "" && !/^(nodejs|process)_/.test(line))).toEqual([]);
  });

  it("logs nothing but lines of JSON, those of a run with whose it is", () => {
    const parsed = lines.map((line) => JSON.parse(line) as Record<string, unknown>);

    expect(parsed.length).toBeGreaterThan(50);
    for (const line of parsed) {
      expect(line).toMatchObject({ process: "controller", message: expect.any(String), level: expect.any(String) });
      expect(line["controller"] === undefined).toBe(line["reconcileID"] === undefined);
    }
    expect(new Set(parsed.map(({ controller }) => controller))).toContain("grant");
  });
});
