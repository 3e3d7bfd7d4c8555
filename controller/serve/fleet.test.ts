import { expect, it } from "vitest";
import type { Grant } from "#kinds/index.ts";
import { adasGrant, condition, waitingGrant } from "#test/serve/api-stand.ts";
import { aDatabase, aGrant, aProxy, memorySource } from "../reconcile/testing.ts";
import { fleetOf, troubledMax } from "./fleet.ts";

const now = Date.parse("2026-01-02T00:00:00.000Z");
const task = { taskARN: "t1", version: "0.1.0", skewMs: 4, sessions: 2, audit: { bytes: 512 } as never };
const parts = (objects: Parameters<typeof memorySource>[0]) => ({
  source: memorySource(objects),
  linkedTasks: () => [task],
  problems: ["a.yaml:1: no"],
  now,
});
const ended = (name: string, end: string, gone: string): Grant =>
  aGrant({
    metadata: { name },
    status: {
      grantID: name,
      end: { reason: "Revoked", message: "", time: end },
      deprovisionTime: gone,
      conditions: [condition("Ready", "True", "Ended"), condition("Active", "False", "Ended")],
    } as never,
  });

it("shows proxies with their linked tasks, databases with their live grants, and the source's problems", () => {
  const fleet = fleetOf(parts([aProxy(), aDatabase(), adasGrant(), waitingGrant({ name: "waiting" }, "g2")]));

  expect(fleet.proxies[0]?.tasks).toEqual([
    { taskARN: "t1", version: "0.1.0", skewMs: 4, sessions: 2, spoolBytes: 512 },
  ]);
  expect(fleet.databases[0]).toMatchObject({ name: "orders", engine: "PostgreSQL", activeGrants: 1 });
  expect([fleet.grants, fleet.problems]).toEqual([{ Active: 1, PendingApproval: 1 }, ["a.yaml:1: no"]]);
});

it("names what is not well, and not what waits for people or has ended", () => {
  const unready = [condition("Ready", "False", "Provisioning"), condition("Active", "False", "Provisioning")];
  const stalled = [...unready, condition("Stalled", "True", "NotAvailable")];
  const sick = aProxy({ status: { conditions: [condition("Ready", "False", "TasksMissing")] } as never });
  const objects = [
    sick,
    adasGrant(),
    waitingGrant({ name: "waiting" }, "g2"),
    ended("over", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"),
    aGrant({ metadata: { name: "stuck" }, status: { grantID: "g3", conditions: unready } as never }),
    aGrant({ metadata: { name: "refused" }, status: { grantID: "g4", conditions: stalled } as never }),
  ];

  const { troubled } = fleetOf(parts(objects));

  expect(troubled.map(({ kind, name }) => `${kind}/${name}`)).toEqual(["Grant/stuck", "Grant/refused", "Proxy/main"]);
});

it("tells how fast access ended in the last day, and nothing where nothing ended", () => {
  const lags = [1, 2, 3, 90].map((seconds, index) =>
    ended(`g${index}`, "2026-01-01T12:00:00.000Z", new Date(Date.UTC(2026, 0, 1, 12, 0, seconds)).toISOString()),
  );
  const old = ended("old", "2025-12-01T00:00:00Z", "2025-12-01T01:00:00Z");

  expect(fleetOf(parts([...lags, old])).revocationLag).toEqual({
    p50Ms: 2_000,
    p99Ms: 90_000,
    maxMs: 90_000,
    count: 4,
  });
  expect(fleetOf(parts([old])).revocationLag).toBeUndefined();
});

it("counts the permission sets that are in use", () => {
  const external = { accountID: "111122223333", instanceARN: "arn:i", permissionSetARN: "arn:s" };
  const gone = adasGrant({ external, deprovisionTime: "2026-01-01T00:00:00Z" } as never);
  const objects = [adasGrant({ external } as never), { ...gone, metadata: { ...gone.metadata, name: "gone" } }];

  expect(fleetOf(parts(objects)).quotas).toEqual([
    { name: "permission sets of Sallyport in account 111122223333", used: 1, limit: 500 },
    { name: "permission sets of Sallyport in arn:i", used: 1, limit: 3_500 },
  ]);
});

it("names so many objects that are not well", () => {
  const unready = [condition("Ready", "False", "Provisioning"), condition("Active", "False", "Provisioning")];
  const stuck = Array.from({ length: troubledMax + 1 }, (_, index) =>
    aGrant({ metadata: { name: `g${index}` }, status: { grantID: `g${index}`, conditions: unready } as never }),
  );

  expect(fleetOf(parts(stuck)).troubled.length).toBe(troubledMax);
});
