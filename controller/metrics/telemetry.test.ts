import { afterEach, describe, expect, it } from "vitest";
import { manualClock, type ManualClock } from "#lib/clock.ts";
import { silentLog, type Log } from "#lib/log.ts";
import { memorySource } from "../reconcile/testing.ts";
import { showRetention } from "./audit.ts";
import { controllerMetrics } from "./definitions.ts";
import { createTelemetry, type ObservedController, type Telemetry, type TelemetryListeners } from "./telemetry.ts";

const anywhere = { host: "127.0.0.1", port: 0 };
let telemetry: Telemetry | undefined;
afterEach(() => telemetry?.close());

async function setUp(listeners: Partial<TelemetryListeners> = {}, log: Log = silentLog) {
  const clock: ManualClock = manualClock();
  telemetry = createTelemetry({ version: "0.1.0", installation: "test", clock, log, processMetrics: false });
  const ports = await telemetry.listen({ probes: anywhere, metrics: { address: anywhere }, ...listeners });
  const get = async (port: number | undefined, path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
    return { status: response.status, text: await response.text(), type: response.headers.get("content-type") };
  };
  const probe = (path: string) => get(ports.probes, path);
  const metrics = (path = "/metrics", headers = {}) => get(ports.metrics, path, headers);
  return { telemetry, clock, probe, metrics };
}

function observed(change: Partial<ObservedController> = {}): ObservedController {
  const stats = { stuck: false, oldestRunMs: 0 } as ReturnType<ObservedController["loop"]["stats"]>;
  return { source: memorySource(), isSynced: () => true, linked: () => [], loop: { stats: () => stats }, ...change };
}

describe("a controller's telemetry", () => {
  it("is alive and not ready before the parts are there, and ready when everything is known", async () => {
    const started = await setUp();
    expect(await started.probe("/healthz")).toMatchObject({ status: 200, text: "ok" });
    expect(await started.probe("/readyz")).toMatchObject({ status: 500 });

    let isSynced = false;
    started.telemetry.observe(observed({ isSynced: () => isSynced }));
    expect((await started.probe("/readyz")).status).toBe(500);
    isSynced = true;

    expect(await started.probe("/readyz?verbose")).toMatchObject({
      status: 200,
      text: "[+]source-sync ok\nreadyz check passed\n",
    });
  });

  it("is not alive when the loop is stuck, says which check fails and not why, and logs why once", async () => {
    const lines: unknown[] = [];
    const log: Log = { ...silentLog, warn: (message, fields) => lines.push([message, fields]) };
    const { telemetry: started, probe } = await setUp({}, log);
    const stats = { stuck: true, oldestRunMs: 300_000 } as ReturnType<ObservedController["loop"]["stats"]>;
    started.observe(observed({ loop: { stats: () => stats } }));

    const { status, text } = await probe("/healthz");
    await probe("/healthz");

    expect(status).toBe(500);
    expect(text).toContain("[-]reconcile-loop failed: reason withheld");
    expect(lines).toEqual([
      [
        "a health check fails",
        { probe: "healthz", check: "reconcile-loop", why: "every worker is stuck, the oldest for 300 s" },
      ],
    ]);
    expect((await probe("/healthz/reconcile-loop")).status).toBe(500);
    expect((await probe("/healthz/clock")).status).toBe(200);
    expect((await probe("/healthz?exclude=reconcile-loop")).status).toBe(200);
  });

  it("answers nothing else, and only to GET", async () => {
    const { probe, metrics } = await setUp();

    expect((await probe("/")).status).toBe(404);
    expect((await probe("/metrics")).status).toBe(404);
    expect((await metrics("/healthz")).status).toBe(404);
    expect((await probe("/healthz/none")).status).toBe(404);
  });

  it("exposes every metric that is defined, and none that is not", async () => {
    const { telemetry: started, metrics } = await setUp();
    const leadership = { isLeading: () => true, onChange: () => () => {}, lastRenewedMs: () => 0 };
    started.countDrift(memorySource());
    started.observeSinks(() => []);
    showRetention(started.registry, { value: 0 });
    started.observe(observed({ reflectors: () => [], lease: { name: "sallyport", leadership, durationMs: 15_000 } }));

    const { type, text } = await metrics();

    expect(type).toBe("text/plain; version=0.0.4; charset=utf-8");
    const names = text.split("\n").flatMap((line) => /^# TYPE (\S+)/.exec(line)?.slice(1) ?? []);
    expect(names.toSorted()).toEqual(controllerMetrics.map(({ name }) => name).toSorted());
    expect(text).toContain('leader_election_master_status{name="sallyport"} 1');
  });

  it("names the flag where an address is taken", async () => {
    const { telemetry: started } = await setUp();
    const { probes = 0 } = await started.listen({ probes: anywhere });

    const again = started.listen({ probes: { host: "127.0.0.1", port: probes } });

    await expect(again).rejects.toMatchObject({ code: "CannotListen" });
  });
});
