import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ChainLinker } from "#audit/chain.ts";
import type { RecordBody } from "#audit/record.ts";
import { AuditStore } from "#audit/store/store.ts";
import { systemClock } from "#lib/clock.ts";
import { Secret } from "#lib/secret.ts";
import { startPostgres } from "#test/harness/postgres.ts";
import { removeAtExit } from "./child.ts";
import type { BenchOptions } from "./options.ts";
import { say } from "./progress.ts";
import { median, quantile } from "./statistics.ts";

/** What one kind of store does. */
export interface AuditStoreResult {
  readonly store: "SQLite" | "Postgres";
  /** Records a second that it takes, for each size of batch. */
  readonly ingest: readonly { readonly batch: number; readonly perSecond: number }[];
  /** CPU time of the controller's side for a record, microseconds, in the largest batches. */
  readonly cpuMicroseconds: number;
  /** From the moment at which a batch is given to the store to the one at which a tail shows the record, milliseconds. */
  readonly tail: { readonly perSecond: number; readonly p50: number; readonly p99: number };
}

/** A busy proxy ships some hundred records at a time, one that catches up ships 4 MiB (`proxy/link/shipper.ts`): some thousand. */
const batchSizes = [200, 1_000, 5_000] as const;
const records = { full: 200_000, quick: 20_000 } as const;
const rounds = { full: 5, quick: 1 } as const;
/** The link gathers for 20 ms (docs/decisions/0010-deferred-linking.md). */
const shipEveryMs = 20;
const tailPerSecond = 1_000;
const tailSeconds = { full: 20, quick: 3 } as const;
const origin = { proxy: "default/main", sessions: 20 } as const;

/** Measures both stores, one after the other. Postgres flushes to its device, as it is delivered, and has the same cores. */
export async function runAudit({ quick }: BenchOptions): Promise<AuditStoreResult[]> {
  const folder = mkdtempSync(path.join(tmpdir(), "sallyport-bench-audit-"));
  removeAtExit(folder);
  const size = quick ? "quick" : "full";
  say("audit: SQLite");
  const file = await AuditStore.open({ path: path.join(folder, "audit.db"), clock: systemClock });
  const sqlite = await measure("SQLite", file, size).finally(() => file.close());
  say("audit: Postgres");
  const server = await startPostgres({ settings: { fsync: "on" } });
  try {
    const { host, port, database, superuser: user, password, caFile } = server;
    const address = { host, port, database, user, password: new Secret(password), tls: { caFile } };
    const shared = await AuditStore.open({ postgres: address, clock: systemClock });
    await shared.claim("bench");
    return [sqlite, await measure("Postgres", shared, size).finally(() => shared.close())];
  } finally {
    await server.stop();
  }
}

async function measure(
  kind: AuditStoreResult["store"],
  store: AuditStore,
  size: "full" | "quick",
): Promise<AuditStoreResult> {
  const ingest: { batch: number; perSecond: number }[] = [];
  let cpuMicroseconds = 0;
  for (const batch of batchSizes) {
    const rates: number[] = [];
    for (let round = 0; round < rounds[size]; round += 1) {
      const { perSecond, cpu } = await ingestAll(store, `${batch}-${round}`, batch, records[size] / rounds[size]);
      rates.push(perSecond);
      cpuMicroseconds = cpu;
    }
    ingest.push({ batch, perSecond: Math.round(median(rates)) });
  }
  return { store: kind, ingest, cpuMicroseconds, tail: await tailLag(store, tailSeconds[size]) };
}

/** A task's records: statements of some sessions in turn, each with its end. */
class Statements {
  readonly #linker: ChainLinker;
  #at = 0;

  constructor(task: string) {
    this.#linker = new ChainLinker(origin.proxy, task);
  }

  next(): Buffer {
    const at = this.#at;
    this.#at += 1;
    const { sessions } = origin;
    const session = `${at % sessions}`;
    const statement = Math.floor((at - sessions) / (2 * sessions)) + 1;
    const isStart = Math.floor((at - sessions) / sessions) % 2 === 0;
    const body = at < sessions ? open(session) : isStart ? start(session, statement) : end(session, statement);
    return this.#linker.link(body, Date.now(), this.#linker.seq + 1);
  }

  take(count: number): Buffer[] {
    return Array.from({ length: count }, () => this.next());
  }
}

async function ingestAll(
  store: AuditStore,
  task: string,
  batch: number,
  count: number,
): Promise<{ readonly perSecond: number; readonly cpu: number }> {
  const statements = new Statements(task);
  const batches = Array.from({ length: Math.ceil(count / batch) }, () => statements.take(batch));
  const before = process.cpuUsage();
  const startMs = performance.now();
  for (const one of batches) {
    await store.ingest(origin.proxy, task, one);
  }
  const seconds = (performance.now() - startMs) / 1_000;
  const { user, system } = process.cpuUsage(before);
  const stored = batches.length * batch;
  return { perSecond: stored / seconds, cpu: (user + system) / stored };
}

async function tailLag(store: AuditStore, seconds: number): Promise<AuditStoreResult["tail"]> {
  const statements = new Statements("tail");
  const wanted = tailPerSecond * seconds;
  const after = await store.newest();
  const shippedMs: number[] = [];
  const lags: number[] = [];
  const reading = (async () => {
    for await (const _entry of store.tail({ after })) {
      lags.push(performance.now() - (shippedMs[lags.length] ?? Number.NaN));
      if (lags.length === wanted) {
        return;
      }
    }
  })();
  const each = (tailPerSecond * shipEveryMs) / 1_000;
  const startMs = performance.now();
  for (let turn = 0; shippedMs.length < wanted; turn += 1) {
    await sleep(Math.max(0, startMs + turn * shipEveryMs - performance.now()));
    const batch = statements.take(each);
    const now = performance.now();
    shippedMs.push(...batch.map(() => now));
    await store.ingest(origin.proxy, "tail", batch);
  }
  await reading;
  return { perSecond: tailPerSecond, p50: quantile(lags, 0.5), p99: quantile(lags, 0.99) };
}

function open(session: string): RecordBody {
  return {
    kind: "session.open",
    session,
    grantID: "gmztgmztgmztgmztgmztgmztgmy",
    person: { userName: "ada", userID: "u-1" },
    database: "default/orders",
    engine: "PostgreSQL",
    databaseName: "orders",
    roleName: "read_only",
    username: "ro",
    taskARN: "arn:aws:ecs:eu-west-1:111122223333:task/main/t1",
  };
}

function start(session: string, statement: number): RecordBody {
  return {
    kind: "statement.start",
    session,
    statement,
    protocol: "extended",
    sql: "SELECT o.id, o.total, c.name FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.id = $1 AND o.created > $2",
    parameters: [{ type: 23, format: "text", value: String(statement) }],
    transaction: "idle",
  };
}

function end(session: string, statement: number): RecordBody {
  return {
    kind: "statement.end",
    session,
    statement,
    outcome: "ok",
    tag: "SELECT 1",
    rows: 1,
    bytesToClient: 120,
    bytesFromClient: 60,
    durationMs: 1.25,
    transaction: "idle",
  };
}
