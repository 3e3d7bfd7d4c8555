import { describe, expect, it } from "vitest";
import type { AnyObject, Condition } from "#kinds/index.ts";
import { manualClock } from "#lib/clock.ts";
import { MetricRegistry } from "#lib/metrics/registry.ts";
import { aDatabase, aGrant, aProxy, memorySource } from "../reconcile/testing.ts";
import { countDrift } from "./drift.ts";
import { showState, type ObservedState } from "./state.ts";
import { linesOf, valueOf } from "./testing.ts";

const now = "2026-01-01T00:00:00.000Z";
const external = {
  instanceARN: "arn:aws:sso:::instance/1",
  identityStoreID: "d-1",
  region: "eu-west-1",
  accountID: "111122223333",
  principalID: "p",
} as const;

function condition(type: string, status: Condition["status"], reason: string): Condition {
  return { type, status, reason, message: "For a reason.", observedGeneration: 1, lastTransitionTime: now };
}

function setUp(objects: readonly AnyObject[], rest: Partial<ObservedState> = {}) {
  const clock = manualClock(Date.parse(now));
  const registry = new MetricRegistry();
  const memory = memorySource(objects);
  const source = countDrift(registry, memory);
  showState(registry, { source, isSynced: () => true, linked: () => [], ...rest }, clock);
  return { registry, memory, source, clock };
}

/** A Grant of that name with that status. */
function grantOf(name: string, status: object) {
  return aGrant({ metadata: { name }, status: { grantID: `g${name}`, ...status } });
}

describe("gauges of what is", () => {
  it("count Grants by state, and one that waits for a person apart from one that waits for its approval", async () => {
    const end = { reason: "Expired", message: "", time: now };
    const { registry } = setUp([
      aGrant({ metadata: { name: "new" } }),
      grantOf("pending", {}),
      grantOf("denied", { conditions: [condition("Stalled", "True", "Denied")] }),
      grantOf("setting-up", { external }),
      grantOf("live", { external, activationTime: now }),
      grantOf("revoking", { external, end }),
      grantOf("not-owned", { external, end, conditions: [condition("Stalled", "True", "NotOwned")] }),
      grantOf("ended", { external, end, deprovisionTime: now }),
    ]);

    const lines = await linesOf(registry, "sallyport_grants{");

    expect(lines).toEqual([
      'sallyport_grants{state="new"} 1',
      'sallyport_grants{state="pending"} 1',
      'sallyport_grants{state="refused"} 1',
      'sallyport_grants{state="provisioning"} 1',
      'sallyport_grants{state="live"} 1',
      'sallyport_grants{state="revoking"} 2',
      'sallyport_grants{state="ended"} 1',
    ]);
  });

  it("say how long the oldest Grant has been in a state that should pass", async () => {
    const end = { reason: "Expired", message: "", time: now };
    const scheduled = aGrant({
      metadata: { name: "scheduled" },
      spec: { startTime: "2026-01-01T00:01:00.000Z" },
      status: { grantID: "gs", external, approvalTime: "2025-12-01T00:00:00.000Z" },
    });
    const { registry, clock } = setUp([grantOf("a", { external, end }), scheduled]);

    clock.advance(90_000);

    expect(await valueOf(registry, 'sallyport_grant_oldest_seconds{state="revoking"}')).toBe(90);
    expect(await valueOf(registry, 'sallyport_grant_oldest_seconds{state="provisioning"}')).toBe(30);
  });

  it("show each condition of what administrators write, and end with the object", async () => {
    const database = aDatabase({ status: { conditions: [condition("Ready", "False", "SecretUnreadable")] } });
    const { registry, memory } = setUp([database]);
    const series = 'sallyport_condition{kind="Database",namespace="default",name="orders",type="Ready",status=';

    expect(await linesOf(registry, series)).toEqual([
      `${series}"True"} 0`,
      `${series}"False"} 1`,
      `${series}"Unknown"} 0`,
    ]);
    memory.remove({ kind: "Database", namespace: "default", name: "orders" }, now);

    expect(await linesOf(registry, series)).toEqual([]);
  });

  it("name no person and no Grant", async () => {
    const { registry } = setUp([
      aGrant({ status: { grantID: "gabc", conditions: [condition("Ready", "False", "PendingApproval")] } }),
    ]);

    const text = await registry.expose();

    expect(text).not.toContain("ada");
    expect(text).not.toContain("gabc");
    expect(text).toContain('sallyport_grant_conditions{type="Ready",status="False",reason="PendingApproval"} 1');
  });

  it("tell when the folder was last read, in wall time, and what it has; 0 where it never was", async () => {
    let folder = { lastReadMs: undefined as number | undefined, files: 0, filesWithProblems: 0 };
    const { registry, clock } = setUp([], { folder: () => folder });
    const never = await valueOf(registry, "sallyport_folder_last_read_timestamp_seconds");

    folder = { lastReadMs: 2_000, files: 5, filesWithProblems: 1 };
    clock.advance(9_000);

    expect(never).toBe(0);
    expect(await valueOf(registry, "sallyport_folder_last_read_timestamp_seconds")).toBe(Date.parse(now) / 1_000 + 2);
    expect(await linesOf(registry, "sallyport_folder_files{")).toEqual([
      'sallyport_folder_files{state="accepted"} 4',
      'sallyport_folder_files{state="problem"} 1',
    ]);
  });

  it("count orphans that wait for a person", async () => {
    const { registry } = setUp([], { orphans: () => 12 });

    expect(await valueOf(registry, "sallyport_orphans_held")).toBe(12);
    expect(await linesOf(registry, "sallyport_folder")).toEqual([]);
  });

  it("tell when a reflector last heard anything, in wall time", async () => {
    const views = [{ name: "grants", lastListMs: 1_000, lastEventMs: undefined }];
    const { registry, clock } = setUp([], { reflectors: () => views });

    clock.advance(5_000);

    expect(await valueOf(registry, 'sallyport_reflector_last_list_timestamp_seconds{reflector="grants"}')).toBe(
      Date.parse(now) / 1_000 + 1,
    );
    expect(await linesOf(registry, "sallyport_reflector_last_event_timestamp_seconds{")).toEqual([]);
  });

  it("count drift once, when it goes on record, and again after it was repaired", async () => {
    const { registry, source } = setUp([aProxy()]);
    const write = (reason: string) =>
      source.writeStatus(source.get("Proxy", "default", "main")?.object ?? aProxy(), (status) => ({
        ...status,
        conditions: [condition("Ready", "False", reason)],
      }));

    await write("DriftDetected");
    await write("DriftDetected");
    expect(await valueOf(registry, 'sallyport_drift_detected_total{kind="Proxy"}')).toBe(1);
    await write("Progressing");
    await write("DriftDetected");

    expect(await valueOf(registry, 'sallyport_drift_detected_total{kind="Proxy"}')).toBe(2);
    expect(await valueOf(registry, 'sallyport_drift_detected_total{kind="Grant"}')).toBe(0);
  });
});
