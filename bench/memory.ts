import { setTimeout as sleep } from "node:timers/promises";
import { floodLogin, stall } from "./bulk.ts";
import { startHelper } from "./child.ts";
import { emptyAnswer } from "./flood.ts";
import type { FloodTalk } from "./flood-process.ts";
import { grantsFor } from "./grants.ts";
import type { BenchOptions } from "./options.ts";
import { sharedPostgres } from "./postgres-server.ts";
import { memoryOf, resetPeak } from "./process-stat.ts";
import { say } from "./progress.ts";
import { RawSession } from "./raw-session.ts";
import { type Sallyport, startSallyport } from "./sallyport.ts";
import { median } from "./statistics.ts";

/** What sessions cost that do nothing. */
export interface IdleMemory {
  readonly sessions: number;
  /**
   * Growth of resident memory for each session, bytes: after a full collection that gives free pages back, before the sessions and with
   * them, so that neither the garbage of logging in nor the size that the heap happens to have is counted as theirs.
   */
  readonly bytesPerSession: number;
  /** The same growth while that garbage is still there. */
  readonly beforeCollection: number;
}

/** What readers cost that do not read, and what they do to another session. */
export interface StalledMemory {
  readonly sessions: number;
  readonly bytesEach: number;
  /** Growth of resident memory at its peak, bytes, all sessions together. */
  readonly peakGrowthBytes: number;
  /** Statements a second of another session while they stall ÷ before and after. */
  readonly otherSession: number;
}

export interface MemoryResult {
  readonly idle: IdleMemory;
  /** With TLS to the server; not in a quick run. */
  readonly idleTLS?: IdleMemory;
  readonly stalled?: StalledMemory;
}

const idleSessions = { full: 1_000, quick: 200 } as const;
/** Sessions that are there before memory is looked at: what the first ones load is not what each one costs. */
const firstSessions = 50;
/** Logins at once. */
const loginsAtOnce = 16;
const settleMs = 1_000;
const stalledSessions = 100;
const stalledBytes = 100e6;
/** Rates that are taken before, during and after. */
const ratesEach = 5;

/** Measures memory. */
export async function runMemory({ quick }: BenchOptions): Promise<MemoryResult> {
  say("memory: idle sessions");
  const idle = await measureIdle(quick ? idleSessions.quick : idleSessions.full, true);
  if (quick) {
    return { idle };
  }
  say("memory: idle sessions, TLS to the server");
  const idleTLS = await measureIdle(idleSessions.full, false);
  say("memory: stalled readers");
  return { idle, idleTLS, stalled: await measureStalled() };
}

async function measureIdle(count: number, plain: boolean): Promise<IdleMemory> {
  const server = await sharedPostgres();
  const { caFile, password, user, database } = server;
  const grants = grantsFor({ engine: "PostgreSQL", port: server.port, databaseName: database, username: user });
  const ours = await startSallyport({ grants, caFile, password, controller: "forget", plain });
  try {
    const target = { port: ours.ports.written, user, database };
    const first = await openMany(target, firstSessions);
    await settled(ours);
    await ours.ask("collect");
    const beforeBytes = memoryOf(ours.pid).nowBytes;
    const sessions = await openMany(target, count);
    await settled(ours);
    const beforeCollection = (memoryOf(ours.pid).nowBytes - beforeBytes) / count;
    await ours.ask("collect");
    const bytesPerSession = (memoryOf(ours.pid).nowBytes - beforeBytes) / count;
    for (const session of [...first, ...sessions]) {
      session.close();
    }
    return {
      sessions: count,
      bytesPerSession: Math.round(bytesPerSession),
      beforeCollection: Math.round(beforeCollection),
    };
  } finally {
    await ours.stop();
  }
}

async function settled(ours: Sallyport): Promise<void> {
  await ours.ask("drain");
  await sleep(settleMs);
}

/** Opens sessions, some at a time. */
export async function openMany(
  target: Parameters<typeof RawSession.open>[0],
  count: number,
): Promise<readonly RawSession[]> {
  const sessions: RawSession[] = [];
  let begun = 0;
  const worker = async (): Promise<void> => {
    while (begun < count) {
      begun += 1;
      sessions.push(await RawSession.open(target));
    }
  };
  await Promise.all(Array.from({ length: loginsAtOnce }, worker));
  return sessions;
}

async function measureStalled(): Promise<StalledMemory> {
  const flood = await startHelper<FloodTalk>("flood-process.ts", {});
  const { port } = flood.ready;
  const grants = grantsFor({
    engine: "PostgreSQL",
    port,
    databaseName: floodLogin.database,
    username: floodLogin.user,
  });
  const ours = await startSallyport({ grants, password: "none", controller: "forget", plain: true });
  const target = { ...floodLogin, port: ours.ports.written };
  try {
    const other = await RawSession.open(target);
    await statementsPerSecond(other);
    const sessions = await openMany(target, stalledSessions);
    const without = await someRates(other);
    const beforeBytes = resetPeak(ours.pid);
    for (const session of sessions) {
      stall(session, stalledBytes);
    }
    // Until nothing moves any more: every buffer on the way is full.
    await sleep(settleMs);
    const during = await someRates(other);
    const peakGrowthBytes = memoryOf(ours.pid).peakBytes - beforeBytes;
    for (const session of sessions) {
      session.close();
    }
    await settled(ours);
    without.push(...(await someRates(other)));
    other.close();
    return {
      sessions: stalledSessions,
      bytesEach: stalledBytes,
      peakGrowthBytes,
      otherSession: median(during) / median(without),
    };
  } finally {
    await ours.stop();
    await flood.stop();
  }
}

/** Several rates, so that one disturbance of the machine does not decide. */
async function someRates(session: RawSession): Promise<number[]> {
  const rates: number[] = [];
  for (let count = 0; count < ratesEach; count += 1) {
    rates.push(await statementsPerSecond(session));
  }
  return rates;
}

/** One statement after the other for a while. */
async function statementsPerSecond(session: RawSession): Promise<number> {
  const forMs = 500;
  const startMs = performance.now();
  let count = 0;
  while (performance.now() - startMs < forMs) {
    await session.query("select 1", emptyAnswer.length);
    count += 1;
  }
  return (count * 1_000) / (performance.now() - startMs);
}
