import { setTimeout as sleep } from "node:timers/promises";
import { controlApi, type ControlApi } from "#test/harness/control-api.ts";
import { eventually } from "#test/harness/process.ts";
import type { GrantView } from "#wire/control-api.ts";
import type { BenchOptions } from "./options.ts";
import { cpuSecondsOf, memoryOf } from "./process-stat.ts";
import { say } from "./progress.ts";
import { type GrantFile, seedEnded, stateDigests } from "./scale-seed.ts";
import { cloud, grantManifests, startScaleWorld, type ScaleWorld } from "./scale-world.ts";
import { quantile } from "./statistics.ts";

/** How one convergence went. */
export interface Convergence {
  /** That became live. */
  readonly grants: number;
  /** Grants that there were in the end, ended ones included. */
  readonly objects: number;
  readonly seconds: number;
  /** Calls to Identity Center ÷ what AWS takes a second, or updates of one account × their time: whichever is more. */
  readonly boundSeconds: number;
  readonly ratio: number;
  /** Calls for each grant, by operation. */
  readonly callsPerGrant: Readonly<Record<string, number>>;
  readonly throttled: number;
  /** CPU time of the controller for each grant, in milliseconds. */
  readonly cpuMsPerGrant: number;
}

/** How a restart with everything in place went. */
export interface Restart {
  readonly objects: number;
  readonly idleSeconds: number;
  /** CPU time of the controller until then. */
  readonly cpuSeconds: number;
  /** Calls that change something in AWS until then. */
  readonly writes: number;
  /** Objects that are others in the state than before. */
  readonly statusWrites: number;
  /** Resident memory above that of a controller with the examples only, ÷ objects. */
  readonly bytesPerObject: number;
  /** One scrape of the metrics. */
  readonly scrapeMs: number;
}

/** What looking after live Grants takes. */
export interface Steady {
  readonly live: number;
  readonly seconds: number;
  /** Calls a minute to all of AWS's services, by operation. */
  readonly callsPerMinute: Readonly<Record<string, number>>;
  /** Of Identity Center's calls a second. */
  readonly shareOfLimit: number;
  /** Of one core. */
  readonly cpuShare: number;
}

/** From the request to end a grant until its proxy has confirmed that nothing of it is left, in milliseconds. */
export interface RevocationLag {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
}

export interface ScaleResult {
  readonly convergences: readonly Convergence[];
  readonly restart: Restart;
  readonly steady: Steady;
  readonly idleLag: RevocationLag;
  readonly busyLag: RevocationLag;
}

/** Grants that there are in the end. A run with as many as the goals name takes 25 minutes, nearly all of them AWS's own limits. */
const grantsDefault = { quick: 300, full: 10_000 } as const;

/** How long live Grants are only looked after, in milliseconds: a tenth more than the period of their checks, or just a look. */
const steadyMs = { quick: 15_000, full: 330_000 } as const;

/** How long the queue must have been empty, in milliseconds: the looks at live grants come one by one. */
const quietMs = 2_000;

/** Grants in one file, as people keep them. */
const perFile = 100;

/** Measures it, a fifth of the Grants live, the others ended. */
export async function runScale({ quick, grants }: BenchOptions): Promise<ScaleResult> {
  const total = grants ?? grantsDefault[quick ? "quick" : "full"];
  const live = total / 5;
  const world = await startScaleWorld();
  try {
    await world.installation.controller().line((line) => line.includes("proxy linked"));
    const emptyBytes = memoryOf(world.installation.controller().pid).nowBytes;
    const first = await converge(world, "first", live / 2, live / 2);
    await endOne(world);
    await stopController(world);
    say(`scale: ${total - live} grants that have ended`);
    seedEnded(world.installation, grantFiles("over", total - live, world.databases), "template-0");
    await world.installation.startController();
    await untilQuiet(world);
    const second = await converge(world, "second", live / 2, total);
    const restart = await measureRestart(world, total, emptyBytes);
    const steady = await measureSteady(world, live, steadyMs[quick ? "quick" : "full"]);
    const revoked = Math.min(100, Math.ceil(total / 50));
    const idleLag = await measureIdleLag(world, revoked);
    const busyLag = await measureBusyLag(world, revoked, total / 10);
    return { convergences: [first, second], restart, steady, idleLag, busyLag };
  } finally {
    await world.stop();
  }
}

function grantFiles(prefix: string, count: number, databases: readonly string[]): GrantFile[] {
  return Array.from({ length: Math.ceil(count / perFile) }, (_, index) => ({
    name: `grants/${prefix}-${index}.yaml`,
    text: grantManifests(prefix, index * perFile, Math.min(perFile, count - index * perFile), databases),
  }));
}

function writeGrants({ installation }: ScaleWorld, files: readonly GrantFile[]): void {
  for (const { name, text } of files) {
    installation.writeManifest(name, text);
  }
}

async function converge(world: ScaleWorld, prefix: string, grants: number, objects: number): Promise<Convergence> {
  say(`scale: ${grants} grants over ${cloud.accounts} accounts, ${objects} in all`);
  const { pid } = world.installation.controller();
  const cpuBefore = cpuSecondsOf(pid);
  world.takeCalls();
  const startMs = performance.now();
  writeGrants(world, grantFiles(prefix, grants, world.databases));
  await until(() => world.liveSets(`${prefix}-`) >= grants);
  const seconds = (performance.now() - startMs) / 1_000;
  const { operations, throttled } = world.takeCalls();
  const updates = (grants / cloud.accounts) * (cloud.roleUpdateMs / 1_000);
  const boundSeconds = Math.max(identityCenterCalls(operations) / cloud.callsPerSecond, updates);
  say(`scale: they are live after ${seconds.toFixed(0)} s, ${(seconds / boundSeconds).toFixed(2)} of what AWS allows`);
  return {
    grants,
    objects,
    seconds,
    boundSeconds,
    ratio: seconds / boundSeconds,
    callsPerGrant: shares(operations, grants),
    throttled,
    cpuMsPerGrant: ((cpuSecondsOf(pid) - cpuBefore) * 1_000) / grants,
  };
}

/** Calls that Identity Center counts, of all that were made. */
function identityCenterCalls(operations: ReadonlyMap<string, number>): number {
  return [...operations].reduce((sum, [name, count]) => sum + (name.startsWith("sso:") ? count : 0), 0);
}

function shares(operations: ReadonlyMap<string, number>, of: number): Record<string, number> {
  return Object.fromEntries([...operations].map(([name, count]) => [name, count / of]));
}

/** Gives and ends one Grant, whose record the others that have ended get. */
async function endOne(world: ScaleWorld): Promise<void> {
  writeGrants(world, grantFiles("template", 1, ["orders"]));
  const api = controlApi(world.installation, "grace");
  await until(() => world.liveSets("template-") === 1);
  const [{ grantID }] = await untilActive(api, "template-", 1);
  await api.post(`/v1/grants/${grantID}/revoke`, { reason: "the bench needs one that has ended" });
  await until(() => world.liveSets("template-") === 0);
  await untilQuiet(world);
}

async function stopController({ installation }: ScaleWorld): Promise<void> {
  installation.controller().kill("SIGTERM");
  await installation.controller().exited;
}

async function measureRestart(world: ScaleWorld, objects: number, emptyBytes: number): Promise<Restart> {
  const { installation } = world;
  await untilQuiet(world);
  await stopController(world);
  say(`scale: restart with ${objects} grants`);
  const before = stateDigests(installation);
  world.takeCalls();
  const startMs = performance.now();
  await installation.startController();
  const { pid } = installation.controller();
  const { idleMs, scrapeMs } = await untilQuiet(world);
  const cpuSeconds = cpuSecondsOf(pid);
  const bytes = memoryOf(pid).nowBytes - emptyBytes;
  const { mutations } = world.takeCalls();
  const statusWrites = [...stateDigests(installation)].filter(([key, digest]) => before.get(key) !== digest);
  return {
    objects,
    idleSeconds: (idleMs - startMs) / 1_000,
    cpuSeconds,
    writes: mutations,
    statusWrites: statusWrites.length,
    bytesPerObject: bytes / objects,
    scrapeMs,
  };
}

async function measureSteady(world: ScaleWorld, live: number, forMs: number): Promise<Steady> {
  say(`scale: ${live} live grants and nothing to do for ${forMs / 1_000} s`);
  const { pid } = world.installation.controller();
  const cpuBefore = cpuSecondsOf(pid);
  world.takeCalls();
  await sleep(forMs);
  const { operations } = world.takeCalls();
  const seconds = forMs / 1_000;
  return {
    live,
    seconds,
    callsPerMinute: shares(operations, seconds / 60),
    shareOfLimit: identityCenterCalls(operations) / seconds / cloud.callsPerSecond,
    cpuShare: (cpuSecondsOf(pid) - cpuBefore) / seconds,
  };
}

async function measureIdleLag(world: ScaleWorld, count: number): Promise<RevocationLag> {
  say(`scale: ${count} revocations with nothing else to do`);
  writeGrants(world, grantFiles("idle", count, ["orders"]));
  await until(() => world.liveSets("idle-") >= count);
  await untilQuiet(world);
  return revokeEach(world, "idle-", count);
}

async function measureBusyLag(world: ScaleWorld, count: number, queued: number): Promise<RevocationLag> {
  say(`scale: ${count} revocations while ${queued} grants are queued`);
  writeGrants(world, grantFiles("busy", count, ["orders"]));
  await until(() => world.liveSets("busy-") >= count);
  await untilQuiet(world);
  writeGrants(world, grantFiles("queued", queued, world.databases));
  await until(() => world.liveSets("queued-") > 0);
  return revokeEach(world, "busy-", count);
}

/** One after the other, so that each is measured by itself. */
async function revokeEach(world: ScaleWorld, prefix: string, count: number): Promise<RevocationLag> {
  const { installation } = world;
  const administrator: ControlApi = controlApi(installation, "grace");
  const lags: number[] = [];
  for (const { name, grantID } of await untilActive(administrator, prefix, count)) {
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

/** The Grants with such names, once the controller calls them all active. */
async function untilActive(api: ControlApi, prefix: string, count: number): Promise<[GrantView, ...GrantView[]]> {
  const look = async (): Promise<[GrantView, ...GrantView[]] | undefined> => {
    const { items } = await api.get<{ readonly items: readonly GrantView[] }>("/v1/grants?state=Active");
    const [first, ...others] = items.filter(({ name }) => name.startsWith(prefix));
    return first !== undefined && others.length + 1 >= count ? [first, ...others] : undefined;
  };
  return eventually(`${count} grants ${prefix} are active`, look, 60_000, 500);
}

/** Resolves once the queue has been empty for a while with nothing being worked on; answers when that began, and what a scrape takes. */
async function untilQuiet(world: ScaleWorld): Promise<{ readonly idleMs: number; readonly scrapeMs: number }> {
  let idleMs = performance.now();
  const scrapes: number[] = [];
  while (performance.now() - idleMs < quietMs) {
    await sleep(100);
    const { isQuiet, scrapeMs } = await world.look();
    scrapes.push(scrapeMs);
    if (!isQuiet) {
      idleMs = performance.now();
    }
  }
  return { idleMs, scrapeMs: quantile(scrapes.slice(-10), 0.5) };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) {
    await sleep(50);
  }
}
