import { setTimeout as sleep } from "node:timers/promises";
import { controlApi, type ControlApi } from "#test/harness/control-api.ts";
import type { GrantView } from "#wire/control-api.ts";
import type { BenchOptions } from "./options.ts";
import { memoryOf } from "./process-stat.ts";
import { say } from "./progress.ts";
import { cloud, grantManifests, startScaleWorld, type ScaleWorld } from "./scale-world.ts";
import { quantile } from "./statistics.ts";

/** How one convergence went. */
export interface Convergence {
  readonly grants: number;
  readonly seconds: number;
  /** Calls to Identity Center ÷ what AWS takes a second, or updates of one account × their time: whichever is more. */
  readonly boundSeconds: number;
  readonly ratio: number;
  /** Calls for each grant, by operation. */
  readonly callsPerGrant: Readonly<Record<string, number>>;
  readonly throttled: number;
}

/** How a restart with everything in place went. */
export interface Restart {
  readonly objects: number;
  readonly idleSeconds: number;
  /** Calls that change something in AWS until then. */
  readonly writes: number;
  /** Resident memory above that of a controller with the examples only, ÷ objects. */
  readonly bytesPerObject: number;
}

/** From the request to end a grant until its proxy has confirmed that nothing of it is left, in milliseconds. */
export interface RevocationLag {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
}

export interface ScaleResult {
  readonly convergence: Convergence;
  readonly restart: Restart;
  readonly idleLag: RevocationLag;
  readonly busyLag: RevocationLag;
}

/** Grants by kind of run: live ones, ones that are over, those whose end is measured, those that queue meanwhile. */
const sizes = {
  quick: { live: 50, ended: 200, revoked: 10, queued: 50 },
  full: { live: 2_000, ended: 8_000, revoked: 100, queued: 1_000 },
} as const;

/** How long the queue must have been empty, in milliseconds: the looks at live grants come one by one. */
const quietMs = 2_000;

/** Grants in one file, as people keep them. */
const perFile = 100;

/** Measures it. The full run takes about half an hour, nearly all of it AWS's own limits. */
export async function runScale({ quick }: BenchOptions): Promise<ScaleResult> {
  const size = sizes[quick ? "quick" : "full"];
  const world = await startScaleWorld();
  try {
    await until(() => world.installation.controller().lines.some((line) => line.includes("proxy linked")));
    const emptyBytes = memoryOf(world.installation.controller().pid).nowBytes;
    const convergence = await converge(world, size.live);
    writeGrants(world, "over", size.ended, world.databases, new Date(Date.now() - 60_000));
    const restart = await measureRestart(world, size.live + size.ended, emptyBytes);
    const idleLag = await measureIdleLag(world, size.revoked);
    const busyLag = await measureBusyLag(world, size.revoked, size.queued);
    return { convergence, restart, idleLag, busyLag };
  } finally {
    await world.stop();
  }
}

function writeGrants(
  { installation }: ScaleWorld,
  prefix: string,
  count: number,
  databases: readonly string[],
  notAfter?: Date,
): void {
  for (let from = 0; from < count; from += perFile) {
    const here = Math.min(perFile, count - from);
    const text = grantManifests(`${prefix}-${from}`, here, databases, notAfter === undefined ? {} : { notAfter });
    installation.writeManifest(`grants/${prefix}-${from}.yaml`, text);
  }
}

async function converge(world: ScaleWorld, grants: number): Promise<Convergence> {
  say(`scale: ${grants} grants over ${cloud.accounts} accounts`);
  const before = world.liveSets();
  world.takeCalls();
  const startMs = performance.now();
  writeGrants(world, "live", grants, world.databases);
  await until(() => world.liveSets() - before >= grants);
  const seconds = (performance.now() - startMs) / 1_000;
  const { operations, throttled } = world.takeCalls();
  const limited = [...operations].reduce((sum, [name, count]) => sum + (name.startsWith("sso:") ? count : 0), 0);
  const updates = (grants / cloud.accounts) * (cloud.roleUpdateMs / 1_000);
  const boundSeconds = Math.max(limited / cloud.callsPerSecond, updates);
  return {
    grants,
    seconds,
    boundSeconds,
    ratio: seconds / boundSeconds,
    callsPerGrant: Object.fromEntries([...operations].map(([name, count]) => [name, count / grants])),
    throttled,
  };
}

async function measureRestart(world: ScaleWorld, objects: number, emptyBytes: number): Promise<Restart> {
  const { installation } = world;
  await untilQuiet(world);
  installation.controller().kill("SIGTERM");
  await installation.controller().exited;
  say(`scale: restart with ${objects} grants`);
  world.takeCalls();
  const startMs = performance.now();
  await installation.startController();
  const idleMs = await untilQuiet(world);
  const { mutations } = world.takeCalls();
  const bytes = memoryOf(installation.controller().pid).nowBytes - emptyBytes;
  return { objects, idleSeconds: (idleMs - startMs) / 1_000, writes: mutations, bytesPerObject: bytes / objects };
}

async function measureIdleLag(world: ScaleWorld, count: number): Promise<RevocationLag> {
  const before = world.liveSets();
  writeGrants(world, "idle", count, ["orders"]);
  await until(() => world.liveSets() - before >= count);
  await untilQuiet(world);
  say(`scale: ${count} revocations with nothing else to do`);
  return revokeEach(world, "idle-");
}

async function measureBusyLag(world: ScaleWorld, count: number, queued: number): Promise<RevocationLag> {
  const before = world.liveSets();
  writeGrants(world, "busy", count, ["orders"]);
  await until(() => world.liveSets() - before >= count);
  say(`scale: ${count} revocations while ${queued} grants are queued`);
  const already = world.liveSets();
  writeGrants(world, "queued", queued, world.databases);
  await until(() => world.liveSets() > already);
  return revokeEach(world, "busy-");
}

/** One after the other, so that each is measured by itself. */
async function revokeEach({ installation }: ScaleWorld, prefix: string): Promise<RevocationLag> {
  const administrator: ControlApi = controlApi(installation, "grace");
  const { items } = await administrator.get<{ readonly items: readonly GrantView[] }>("/v1/grants");
  const lags: number[] = [];
  for (const { name, grantID } of items.filter((grant) => grant.name.startsWith(prefix))) {
    const startMs = performance.now();
    const cut = installation
      .controller()
      .line((line) => line.includes("proxy cut a grant's sessions") && line.includes(grantID));
    await administrator.post(`/v1/grants/${grantID}/revoke`, { reason: `the bench is done with ${name}` });
    await cut;
    lags.push(performance.now() - startMs);
  }
  return { count: lags.length, p50: quantile(lags, 0.5), p99: quantile(lags, 0.99) };
}

/** Resolves once the queue has been empty for a while with nothing being worked on; answers when that began. */
async function untilQuiet(world: ScaleWorld): Promise<number> {
  let sinceMs = performance.now();
  while (performance.now() - sinceMs < quietMs) {
    await sleep(50);
    if (!(await world.isQuiet())) {
      sinceMs = performance.now();
    }
  }
  return sinceMs;
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) {
    await sleep(50);
  }
}
