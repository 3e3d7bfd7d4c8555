import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { drawsFrom } from "#sandbox/fault-rules.ts";
import { controlPlaneMissing, kubectlMissing } from "../harness/control-plane.ts";
import { fuzzSeed } from "../harness/fuzz-seed.ts";
import { gone, type Match, resourceVersionTooLarge, tooManyRequests } from "../harness/kube-fault-proxy-faults.ts";
import type { KubeFaultProxy } from "../harness/kube-fault-proxy.ts";
import { type ClusterFaultWorld, startClusterFaultWorld } from "./world.ts";

const missing = controlPlaneMissing() ?? kubectlMissing();
let world: ClusterFaultWorld;
beforeAll(async () => {
  if (missing === undefined) {
    world = await startClusterFaultWorld();
    await world.addReplica();
    await world.addReplica();
  }
});
afterAll(() => world?.[Symbol.asyncDispose]());
beforeEach(({ skip }) => skip(missing !== undefined, missing));

/** What may happen between a replica and the API server. None of it lasts. */
const weather: readonly ((kube: KubeFaultProxy) => void)[] = [
  (kube) => kube.interrupt("end"),
  (kube) => kube.interrupt("reset"),
  (kube) => kube.interrupt("halfLine"),
  (kube) => kube.interrupt("goneEvent"),
  (kube) => kube.inject({ kind: "duplicateEvents" }, { verb: "watch" }, 2),
  (kube) => kube.inject({ kind: "holdEvents", until: soon(700) }, { verb: "watch" }, 2),
  (kube) => kube.inject({ kind: "errorEvent", afterEvents: 1, status: gone }, { verb: "watch" }, 2),
  (kube) => kube.inject({ kind: "cutLine", afterEvents: 1 }, { verb: "watch" }, 2),
  (kube) => kube.inject({ kind: "answer", status: resourceVersionTooLarge }, { verb: "watch" }, 3),
  (kube) => kube.inject({ kind: "answer", status: tooManyRequests(1) }, ours, 5),
  (kube) => kube.inject({ kind: "lostAnswer" }, { verb: "patch", path: "/grants" }, 2),
  (kube) => kube.inject({ kind: "reset" }, { verb: "patch", path: "/grants" }, 2),
  (kube) => kube.inject({ kind: "lostAnswer" }, { verb: "patch", path: "/configmaps" }, 1),
];
/** The Lease is left alone: a leader that loses it ends, which other tests are about. */
const ours: Match = { path: /\/(grants|configmaps|availabilities)/ };

function soon(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

it.each([fuzzSeed, fuzzSeed + 1])(
  "Grants that are asked for, revoked and deleted in bad weather end up as people want them (FUZZ_SEED=%i)",
  async (seed) => {
    const draw = drawsFrom(`weather ${seed}`);
    const pick = <T>(items: readonly T[]): T => items[Math.floor(draw() * items.length)] as T;
    /** What should be live. */
    const live = new Set<string>();
    const revoked = new Set<string>();
    const deleted = new Set<string>();
    let made = 0;
    const steps = {
      async want() {
        made += 1;
        const name = `w${seed}-${made}`;
        await world.want(name, { person: pick(["ada", "grace", "linus"]) });
        live.add(name);
      },
      async revoke() {
        const name = pick([...live]);
        if (name !== undefined) {
          await world.revoke(name);
          live.delete(name);
          revoked.add(name);
        }
      },
      async remove() {
        const name = pick([...live, ...revoked]);
        if (name !== undefined) {
          await world.kubectl("delete", "grant", name, "--wait=false");
          world.ledger.end(name, "shop");
          live.delete(name);
          revoked.delete(name);
          deleted.add(name);
        }
      },
    };

    const storm = world.ledger.outage("bad weather");
    for (let step = 0; step < 24; step += 1) {
      for (const { kube } of world.replicas.all) {
        if (draw() < 0.5) {
          pick(weather)(kube);
        }
      }
      const choice = draw();
      await (choice < 0.5 || live.size === 0 ? steps.want() : choice < 0.75 ? steps.revoke() : steps.remove());
    }
    await Promise.all(world.replicas.all.map(({ kube }) => kube.clear()));
    for (const name of live) {
      await world.active(name);
    }
    for (const name of revoked) {
      await world.until(name, "has ended", ({ status }) => status?.deprovisionTime !== undefined);
    }
    for (const name of deleted) {
      await world.gone(name);
    }
    storm();

    expect(world.ledger.setsHeld()).toHaveLength(live.size);
    world.ledger.assertHolds(`FUZZ_SEED=${seed}`);
    for (const name of live) {
      await world.remove(name);
    }
    for (const name of live) {
      await world.gone(name);
    }
    world.ledger.assertNothingLeft(`FUZZ_SEED=${seed}`);
  },
  180_000,
);
