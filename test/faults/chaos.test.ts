import { describe, expect, it, vi } from "vitest";
import { drawsFrom, type FaultRule, type FaultScript } from "#sandbox/fault-rules.ts";
import { fuzzSeed } from "../harness/fuzz-seed.ts";
import { type FaultWorld, accountIDs, faultTestMs, isOver, startFaultWorld } from "./world.ts";

vi.setConfig({ testTimeout: faultTestMs });

/** Runs with different seeds. `FUZZ_SEED` moves all of them; the one that failed is in the message. */
const runs = 3;
const grants = 6;

/** What may go wrong in a run: about half of these, each with a probability of its own. */
const candidates: readonly FaultRule[] = [
  { service: "sso", probability: 0.15, atMost: 40, fault: "throttled" },
  { service: "sso", mutating: true, probability: 0.2, atMost: 20, fault: "conflict" },
  { probability: 0.08, atMost: 20, fault: "internal" },
  { probability: 0.05, atMost: 10, fault: "reset" },
  { mutating: true, probability: 0.2, atMost: 12, fault: "lost-answer" },
  { probability: 0.04, atMost: 5, fault: "silent" },
  { service: "sso", from: 20, count: 15, fault: "gateway" },
  { service: "iam", accountID: accountIDs[1], from: 1, count: 4, fault: "denied" },
  { from: 35, count: 12, fault: "expired" },
  { service: "ssm", probability: 0.3, atMost: 10, fault: "internal" },
  { service: "identitystore", probability: 0.2, atMost: 10, fault: "reset" },
  { service: "sso", operation: "CreateAccountAssignment", probability: 0.2, atMost: 3, fault: "quota" },
];

/** One run: which faults, how far reads lag, and what becomes of each grant, all from the seed. */
interface Run {
  readonly script: FaultScript;
  readonly readLagMs: number;
  readonly fates: readonly ("expires" | "revoked" | "removed")[];
}

function runOf(seed: number): Run {
  const draw = drawsFrom(`chaos ${seed}`);
  const rules = candidates.filter(() => draw() < 0.5);
  const operations = draw() < 0.5 ? [{ probability: 0.3, atMost: 4, reason: "Received a 500 status error" }] : [];
  const fates = Array.from({ length: grants }, () => {
    const fate = draw();
    return fate < 0.3 ? "expires" : fate < 0.65 ? "revoked" : "removed";
  });
  return { script: { seed, rules, operations, holdMs: 300 }, readLagMs: draw() < 0.5 ? 0 : 500, fates };
}

/** Does to the grant what the seed says, when as many calls were made as it says. */
async function live(world: FaultWorld, name: string, fate: Run["fates"][number], afterCalls: number): Promise<void> {
  if (fate === "expires") {
    return;
  }
  await new Promise<void>((resolve) => {
    let left = afterCalls;
    const stop = world.sandbox.events.subscribe(({ kind }) => {
      left -= kind === "call" ? 1 : 0;
      if (left === 0 || world.source.list("Grant").every(({ object }) => isOver(object))) {
        stop();
        setImmediate(resolve);
      }
    });
  });
  world[fate === "revoked" ? "revoke" : "remove"](name);
}

describe.concurrent("whatever goes wrong, and whenever grants end", () => {
  it.each(Array.from({ length: runs }, (_, index) => fuzzSeed + index))(
    "the ledger balances and nothing is left (FUZZ_SEED=%i)",
    async (seed) => {
      await using world = await startFaultWorld();
      const { script, readLagMs, fates } = runOf(seed);
      const draw = drawsFrom(`when ${seed}`);
      world.sandbox.readLagMs = readLagMs;
      const faults = world.fault(script);
      const outage = world.ledger.outage("chaos");

      const lives = fates.map((fate, index) => {
        world.want(`g${index}`, { durationSeconds: fate === "expires" ? 2 : 600 }, index % accountIDs.length);
        return live(world, `g${index}`, fate, 20 + Math.floor(draw() * 60));
      });
      if (draw() < 0.5) {
        await world.restart();
      }
      await Promise.all(lives);
      await world.allOver();
      outage();

      world.ledger.assertNothingLeft(`FUZZ_SEED=${seed}\nfates: ${fates.join(", ")}\n${faults.struck.join("\n")}`);
      expect(faults.struck).not.toEqual([]);
    },
  );
});
