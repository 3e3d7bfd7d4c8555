import { describe, expect, it, vi } from "vitest";
import type { FaultScript } from "#sandbox/fault-rules.ts";
import { has } from "../controller/harness.ts";
import { fuzzSeed } from "../harness/fuzz-seed.ts";
import { faultTestMs, startFaultWorld } from "./world.ts";

vi.setConfig({ testTimeout: faultTestMs });

/** Each class of faults by itself. Every script gives way in the end; how often it strikes is part of it. */
const scripts: readonly [string, Omit<FaultScript, "seed">][] = [
  ["nothing at all", {}],
  [
    "throttling of every third call",
    { rules: [{ service: "sso", probability: 0.33, atMost: 40, fault: "throttled" }] },
  ],
  ["conflicts", { rules: [{ service: "sso", mutating: true, probability: 0.4, atMost: 20, fault: "conflict" }] }],
  [
    "operations that end FAILED",
    { operations: [{ probability: 0.6, atMost: 4, reason: "Received a 500 status error: internal" }] },
  ],
  ["errors of AWS", { rules: [{ probability: 0.25, atMost: 30, fault: "internal" }] }],
  ["a gateway that fails", { rules: [{ probability: 0.25, atMost: 30, fault: "gateway" }] }],
  ["connections that are reset", { rules: [{ probability: 0.25, atMost: 30, fault: "reset" }] }],
  ["answers that are lost", { rules: [{ mutating: true, probability: 0.5, atMost: 20, fault: "lost-answer" }] }],
  [
    "calls that are held and never answered",
    { rules: [{ probability: 0.2, atMost: 8, fault: "silent" }], holdMs: 300 },
  ],
  ["an outage of Identity Center", { rules: [{ service: "sso", from: 6, count: 25, fault: "gateway" }] }],
  ["an outage of one account's IAM", { rules: [{ service: "iam", from: 0, count: 6, fault: "internal" }] }],
  ["an outage of Session Manager", { rules: [{ service: "ssm", from: 0, count: 8, fault: "internal" }] }],
  ["an outage of the identity store", { rules: [{ service: "identitystore", from: 1, count: 8, fault: "reset" }] }],
  ["credentials that have expired", { rules: [{ service: "sso", from: 5, count: 20, fault: "expired" }] }],
  ["access that is denied for a while", { rules: [{ service: "sso", from: 5, count: 20, fault: "denied" }] }],
];

/** One lives to its end, one is revoked, one is deleted while it is set up, one is deleted when it is live. */
describe.concurrent("grants of every fate converge, and the ledger balances at every instant, under", () => {
  it.each(scripts)("%s", async (title, script) => {
    await using world = await startFaultWorld();
    const { ledger } = world;
    const faults = world.fault({ ...script, seed: fuzzSeed });
    const outage = ledger.outage(title);

    world.want("expires", { durationSeconds: 3 });
    world.want("revoked", {}, 1);
    world.want("deleted", {}, 2);
    world.want("abandoned", {}, 0);
    world.want("revoked-early", {}, 1);
    await world.until("abandoned", ({ status }) => status?.external !== undefined);
    world.remove("abandoned");
    await world.until("revoked-early", ({ status }) => status?.external?.permissionSetARN !== undefined);
    world.revoke("revoked-early");
    await world.until("revoked", (grant) => has(grant, "Active", "True"));
    world.revoke("revoked");
    await world.until("deleted", (grant) => has(grant, "Active", "True"));
    world.remove("deleted");
    await world.allOver();
    outage();

    ledger.assertNothingLeft(`FUZZ_SEED=${fuzzSeed}, ${title}:\n${faults.struck.join("\n")}`);
    expect(faults.struck.length > 0).toBe(script.rules !== undefined || script.operations !== undefined);
  });
});

describe.concurrent("reads that lag behind writes", () => {
  it.each([300, 2_000])("by %i ms: nothing is given twice, and nothing stays", async (readLagMs) => {
    await using world = await startFaultWorld();
    world.sandbox.readLagMs = readLagMs;

    world.want("expires", { durationSeconds: 2 });
    world.want("revoked", {}, 1);
    world.want("abandoned", {}, 2);
    await world.until("abandoned", ({ status }) => status?.external?.permissionSetARN !== undefined);
    world.remove("abandoned");
    await world.until("revoked", (grant) => has(grant, "Active", "True"));
    world.revoke("revoked");
    await world.allOver();

    world.ledger.assertNothingLeft(`with reads ${readLagMs} ms behind`);
  });
});
