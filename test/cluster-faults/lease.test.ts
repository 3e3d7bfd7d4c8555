import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { controlPlaneMissing, kubectlMissing } from "../harness/control-plane.ts";
import { ended, eventually } from "../harness/process.ts";
import type { Replica } from "./replicas.ts";
import { type ClusterFaultWorld, ownNamespace, startClusterFaultWorld } from "./world.ts";

const missing = controlPlaneMissing() ?? kubectlMissing();
let world: ClusterFaultWorld | undefined;
let leader: Replica;
let other: Replica;
beforeEach(async ({ skip }) => {
  skip(missing !== undefined, missing);
  world = await startClusterFaultWorld();
  leader = await world.addReplica();
  other = await world.addReplica();
});
afterEach(() => world?.[Symbol.asyncDispose]());

const here = (): ClusterFaultWorld => world as ClusterFaultWorld;
const otherLeads = (): Promise<true> =>
  eventually("the other one leads", () => (other.hasLed() ? true : undefined), 60_000);

/** How many calls that change something a replica has made so far. */
function writesOf({ user }: Replica): number {
  const isWrite = (event: (typeof list)[number]): boolean => event.kind === "call" && event.mutating;
  const { list } = here().sandbox.events;
  return list.filter((event) => event.by?.endsWith(user) === true && isWrite(event)).length;
}

describe("a leader that is stopped for longer than its lease while a call is on its way", () => {
  it("writes nothing more to AWS when it goes on, ends, and the call has done no harm", async () => {
    const held = Promise.withResolvers<void>();
    const arrived = Promise.withResolvers<void>();
    here().sandbox.faults = async ({ operation, phase, callerARN = "" }): Promise<"pass"> => {
      if (operation === "CreateAccountAssignment" && phase === "before" && callerARN.endsWith(leader.user)) {
        arrived.resolve();
        await held.promise;
      }
      return "pass";
    };
    await here().want("in-flight");
    await arrived.promise;

    const nobodyLeads = here().ledger.outage("the leader is stopped");
    leader.process.kill("SIGSTOP");
    await otherLeads();
    nobodyLeads();
    await here().active("in-flight");
    const writes = writesOf(leader);
    held.resolve();
    leader.process.kill("SIGCONT");

    expect(await ended(leader.process)).toBe(1);
    expect(writesOf(leader)).toBe(writes);
    expect(here().setsOf("in-flight")).toHaveLength(1);
    await here().remove("in-flight");
    await here().gone("in-flight");
    here().ledger.assertNothingLeft();
  });
});

describe("a leader that the API server does not answer, and it alone", () => {
  it.each(["silent", "refuse", "reset"] as const)(
    "(%s) hands over: it writes nothing to AWS once another one leads, which ends what it gave",
    async (how) => {
      await here().want("before");
      await here().active("before");

      const nobodyLeads = here().ledger.outage("the leader is cut off");
      await leader.kube.setConnectivity(how);
      await otherLeads();
      const code = await ended(leader.process);
      nobodyLeads();
      const writes = writesOf(leader);
      await here().remove("before");
      await here().want("after", { person: "grace" });
      await here().gone("before");
      await here().active("after");

      expect(code).toBe(1);
      expect(writesOf(leader)).toBe(writes);
      await here().remove("after");
      await here().gone("after");
      here().ledger.assertNothingLeft();
    },
  );
});

describe("replicas whose watches have died without a sign", () => {
  it("are not believed by whoever takes over: what was deleted meanwhile is taken away", async () => {
    await here().want("stale");
    await here().active("stale");

    expect(leader.kube.interrupt("silence")).toBeGreaterThan(0);
    expect(other.kube.interrupt("silence")).toBeGreaterThan(0);
    const unseen = here().ledger.outage("no watch tells of the deletion");
    await here().remove("stale");
    await leader.kill();
    await here().freeLease();
    await otherLeads();
    unseen();
    await here().gone("stale");

    here().ledger.assertNothingLeft();
  });
});

describe("a Lease that somebody changes by hand", () => {
  const lease = ["--namespace", ownNamespace];

  it("deleted: nothing is given twice, and one leads", async () => {
    await here().want("one");
    await here().active("one");

    await here().plane.kubectl([...lease, "delete", "lease", "sallyport"]);
    await here().want("two", { person: "grace" });
    await here().active("two");

    await Promise.all(["one", "two"].map((name) => here().remove(name)));
    await Promise.all(["one", "two"].map((name) => here().gone(name)));
    here().ledger.assertNothingLeft();
  });

  it("given to nobody while its holder lives: the former holder ends or goes on, and never both write", async () => {
    await here().want("one");
    await here().active("one");

    await here().freeLease();
    await here().want("two", { person: "grace" });
    const nobodyLeads = here().ledger.outage("the lease moves, or not");
    await here().active("two");
    nobodyLeads();

    await Promise.all(["one", "two"].map((name) => here().remove(name)));
    await Promise.all(["one", "two"].map((name) => here().gone(name)));
    here().ledger.assertNothingLeft();
  });

  it("filled with nonsense: one leads as soon as its time is over", async () => {
    const nonsense = {
      spec: { holderIdentity: "nobody", leaseDurationSeconds: 1, renewTime: "2099-01-01T00:00:00.000000Z" },
    };

    await here().plane.kubectl([
      ...lease,
      "patch",
      "lease",
      "sallyport",
      "--type=merge",
      "-p",
      JSON.stringify(nonsense),
    ]);
    expect(await ended(leader.process)).toBe(1);
    await otherLeads();
    await here().want("one");
    await here().active("one");

    await here().remove("one");
    await here().gone("one");
    here().ledger.assertNothingLeft();
  });
});
