import { expect, it } from "vitest";
import { aDatabase, aProxy } from "../testing.ts";
import { decideDatabase, rdsMissingLookMs, type DatabaseInput } from "./decide.ts";

const now = Date.UTC(2026, 0, 1);
const { endpoint: _endpoint, ...spec } = aDatabase().spec;
const inRds = { ...aDatabase(), spec: { ...spec, rds: { instanceIdentifier: "orders-prod" } } };
const rds = { host: "orders.eu-west-1.rds.amazonaws.com", port: 5432, engine: "postgres", engineVersion: "18.4" };
const decide = (more: Partial<DatabaseInput> = {}) =>
  decideDatabase({ now, database: inRds, proxy: aProxy(), rds, reports: [], ...more });
const condition = (decision: ReturnType<typeof decide>, type: string) => {
  const found = decision.conditions.find((other) => other.type === type);
  return found === undefined ? undefined : `${found.status} ${found.reason}`;
};

it("takes its address from RDS, and lets waiting Grants know when it is new", () => {
  const first = decide();
  const endpoint = { host: rds.host, port: rds.port };
  const again = decide({ database: { ...inRds, status: { endpoint, observedGeneration: 1 } } });
  const changed = decide({ database: { ...inRds, status: { endpoint, observedGeneration: 0 } } });

  expect(first.patch.endpoint).toEqual({ host: rds.host, port: 5432 });
  expect(condition(first, "Ready")).toBe("True Resolved");
  expect(first.notify).toBe(true);
  expect(again.notify).toBe(false);
  expect(changed.notify).toBe(true);
});

it("keeps the last address while RDS does not know the database, since live grants were approved for it", () => {
  const decision = decide({ rds: undefined });

  expect(decision.patch).toEqual({});
  expect(condition(decision, "Ready")).toBe("False DatabaseNotFound");
  expect(decision.next).toMatchObject({ kind: "waiting", untilMs: now + rdsMissingLookMs });
});

it("refuses an engine that is another one", () => {
  expect(condition(decide({ rds: { ...rds, engine: "mysql" } }), "Stalled")).toBe("True EngineMismatch");
});

it("knows Aurora's engines", () => {
  expect(condition(decide({ rds: { ...rds, engine: "aurora-postgresql" } }), "Ready")).toBe("True Resolved");
});

it("takes a written address as it is", () => {
  const decision = decide({ database: aDatabase(), rds: undefined });

  expect(decision.patch.endpoint).toEqual({ host: "orders.example.com", port: 5432 });
  expect(decision.next.kind).toBe("settled");
});

it("waits for its Proxy", () => {
  expect(condition(decide({ proxy: undefined }), "Ready")).toBe("False ReferenceNotFound");
});

it("shows what proxies see of it, apart from Ready", () => {
  const report = { role: "read_only", health: "Reachable" as const, detail: "", serverVersion: "18.5" };
  const denied = { role: "app_owner", health: "AuthenticationFailed" as const, detail: "password refused" };

  expect(condition(decide(), "Reachable")).toBe("Unknown NotTried");
  expect(decide({ reports: [report] }).patch.engineVersion).toBe("18.5");
  const bad = decide({ reports: [report, denied] });
  expect(condition(bad, "Reachable")).toBe("False AuthenticationFailed");
  expect(condition(bad, "Ready")).toBe("True Resolved");
});

it("says with a problem what to do about it, in bounded length", () => {
  const detail = "the database at orders did not answer in time".repeat(100);
  const report = { role: "read_only", health: "Unreachable" as const, detail, problem: "connect-timeout" as const };
  const decision = decide({ rds: { ...rds, securityGroupIDs: ["sg-00000001"] }, reports: [report] });

  const message = decision.conditions.find(({ type }) => type === "Reachable")?.message ?? "";
  expect(message).toContain("--group-id sg-00000001 --protocol tcp --port 5432");
  expect(message.length).toBeLessThanOrEqual(2_000);
});

it("has Grants looked at when the address changes: live ones were approved for another", () => {
  const status = { endpoint: { host: "old", port: 5432 }, observedGeneration: 1 };

  expect(decide({ database: { ...inRds, status } }).notify).toBe(true);
});
