import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import type { FaultEvent } from "#sandbox/faults.ts";
import { controlPlaneMissing, kubectlMissing } from "../harness/control-plane.ts";
import type { Match } from "../harness/kube-fault-proxy-faults.ts";
import { within } from "../harness/process.ts";
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

/** A write of the leader, to AWS or to the API server, and whether its effect has come when the leader is killed. */
interface KillPoint {
  readonly phase: "before" | "after";
  readonly what: string;
  /** AWS's operation. */
  readonly operation?: string;
  /** The API server's request. */
  readonly request?: Match;
  /** Of the requests that match, the one after so many others. */
  readonly skipped?: number;
}

/** Kills the leader with SIGKILL when it comes to this point; resolves when another one may lead. */
async function killAt(point: KillPoint): Promise<void> {
  const leader = await world.replicas.leader();
  const reached = Promise.withResolvers<void>();
  let nobodyLeads = (): void => {};
  const kill = async (): Promise<void> => {
    nobodyLeads = world.ledger.outage("the leader is killed");
    await leader.kill();
    reached.resolve();
  };
  if (point.operation !== undefined) {
    let isReached = false;
    world.sandbox.faults = async (event: FaultEvent) => {
      const isLeaders = event.callerARN?.endsWith(leader.user) === true;
      const isPoint = event.mutating && event.operation === point.operation && event.phase === point.phase;
      if (isReached || !isLeaders || !isPoint) {
        return "pass";
      }
      isReached = true;
      await kill();
      return "drop";
    };
  } else {
    const match = point.request ?? {};
    if (point.skipped !== undefined) {
      leader.kube.inject({ kind: "slowBody", bytes: 1 << 20, pauseMs: 0 }, match, point.skipped);
    }
    leader.kube.inject({ kind: point.phase === "before" ? "reset" : "lostAnswer", first: kill }, match, 1);
  }
  const told = (): string => `${world.ledger.history()}\n${world.replicas.lastWords()}`;
  await within(`the leader comes to ${point.phase} ${point.what}`, reached.promise, told);
  world.sandbox.faults = () => "pass";
  await world.freeLease();
  await world.replicas.leader();
  nobodyLeads();
}

const statusOf = (name: string): Match => ({ verb: "patch", path: new RegExp(`/grants/${name}/status$`) });
const metadataOf = (name: string): Match => ({ verb: "patch", path: new RegExp(`/grants/${name}$`) });
const tombstones: Match = { path: /\/configmaps\/sallyport-tombstones-/, verb: "patch" };

const phases = ["before", "after"] as const;
const granting = (name: string): Omit<KillPoint, "phase">[] => [
  { what: "finalizer", request: metadataOf(name) },
  { what: "first status", request: statusOf(name) },
  { what: "record of what was approved", request: statusOf(name), skipped: 1 },
  { what: "tombstone", request: tombstones },
  { what: "CreatePermissionSet", operation: "CreatePermissionSet" },
  { what: "ARN of the set", request: statusOf(name), skipped: 2 },
  { what: "PutInlinePolicyToPermissionSet", operation: "PutInlinePolicyToPermissionSet" },
  { what: "CreateAccountAssignment", operation: "CreateAccountAssignment" },
  { what: "operation", request: statusOf(name), skipped: 3 },
  { what: "TagResource", operation: "TagResource" },
  { what: "window", request: statusOf(name), skipped: 4 },
];
const revoking = (name: string): Omit<KillPoint, "phase">[] => [
  { what: "end", request: statusOf(name) },
  { what: "DeleteAccountAssignment", operation: "DeleteAccountAssignment" },
  { what: "deletion's operation", request: statusOf(name), skipped: 1 },
  { what: "TagResource", operation: "TagResource" },
  { what: "DeletePermissionSet", operation: "DeletePermissionSet" },
  { what: "record of nothing left", request: statusOf(name), skipped: 2 },
  { what: "finalizer", request: metadataOf(name) },
];

const walks = granting("").flatMap(({ what }, step) =>
  phases.map((phase, index) => {
    const number = 2 * step + index;
    const revokes = revoking("");
    const at = number % (2 * revokes.length);
    const revokeAt = { phase: phases[at % 2] ?? "before", step: Math.floor(at / 2) };
    return [
      `${phase} ${what}`,
      `${revokeAt.phase} ${revokes[revokeAt.step]?.what}`,
      { number, phase, step, revokeAt },
    ] as const;
  }),
);

/** Looks again and again: while AWS has something of a Grant, that has its finalizer. */
function watchFinalizer(name: string): { readonly violations: readonly string[]; stop(): void } {
  const violations: string[] = [];
  const look = async (): Promise<void> => {
    const grant = await world.get(name).catch(() => undefined);
    const isHeld = grant?.metadata.finalizers?.includes("sallyport.dev/revoke") === true;
    const [left] = world.setsOf(name);
    if (left !== undefined && grant !== undefined && !isHeld) {
      violations.push(`${left} is there, and the Grant has no finalizer`);
    }
  };
  const timer = setInterval(() => void look(), 20);
  return { violations, stop: () => clearInterval(timer) };
}

it.each(walks)(
  "a leader that is killed %s, and the next one %s, gives access once and leaves nothing behind",
  async (_granting, _revoking, { number, phase, step, revokeAt }) => {
    const name = `walk-${number}`;
    const finalizer = watchFinalizer(name);

    const killed = killAt({ ...(granting(name)[step] as KillPoint), phase });
    const wanted = world.want(name);
    await killed;
    await wanted;
    const third = world.addReplica();
    await world.active(name);
    await third;
    const killedAgain = killAt({ ...(revoking(name)[revokeAt.step] as KillPoint), phase: revokeAt.phase });
    await world.remove(name);
    await killedAgain;
    const fourth = world.addReplica();
    await world.gone(name);
    await fourth;
    finalizer.stop();

    expect(finalizer.violations).toEqual([]);
    world.ledger.assertNothingLeft();
  },
);
