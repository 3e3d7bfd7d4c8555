import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Cursor, memoryCursors } from "#audit/sinks/cursor.ts";
import type { RecordLine } from "#audit/sinks/record-line.ts";
import { recordSource } from "#audit/sinks/record-source.ts";
import { type RunnerOptions, SinkRunner } from "#audit/sinks/runner.ts";
import type { Sink } from "#audit/sinks/sink.ts";
import { StoreWatch } from "#audit/sinks/store-watch.ts";
import { AuditStore } from "#audit/store/store.ts";
import { testChain, wholeSession } from "#audit/testing/chains.ts";
import { systemClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { eventually } from "#test/harness/process.ts";

/** A real audit store with sessions of one task, and runners on it. */
export interface TrailStand {
  readonly store: AuditStore;
  readonly cursors: Map<string, Cursor>;
  readonly clock: typeof systemClock;
  /** Stores one more session with that many statements. */
  add(session: string, statements: number): Promise<void>;
  /** The store's own export: what must arrive, whatever way it takes. */
  exported(): Promise<string[]>;
  runner(sink: Sink<RecordLine>, changes?: Partial<RunnerOptions<RecordLine>>): SinkRunner<RecordLine>;
  /** Resolves when the runner has delivered everything that is stored. */
  delivered(runner: SinkRunner<RecordLine>): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Opens an empty store in a folder of its own. */
export async function openTrail(): Promise<TrailStand> {
  const folder = mkdtempSync(path.join(tmpdir(), "sallyport-sinks-"));
  const clock = systemClock;
  const store = await AuditStore.open({ path: path.join(folder, "audit.db"), clock });
  const chain = testChain();
  const watch = new StoreWatch({ newest: () => store.newest(), clock, log: silentLog });
  watch.start();
  const kept = memoryCursors();
  const started: SinkRunner<RecordLine>[] = [];
  return {
    store,
    cursors: kept.cursors,
    clock,
    async add(session, statements) {
      await store.ingest("default/main", "t1", chain.write(...wholeSession(session, statements)));
    },
    exported: () => collect(store.export()),
    runner(sink, changes = {}) {
      const runner = new SinkRunner<RecordLine>({
        name: "test",
        source: recordSource({ store, watch, installation: "acme" }),
        sink,
        cursors: kept,
        limits: { items: 50, bytes: 1_000_000, ageMs: 0 },
        from: "beginning",
        clock,
        // The pause after a failure is a few milliseconds, so that tests do not wait.
        random: () => 0.005,
        newID: () => "e0",
        log: silentLog,
        ...changes,
      });
      started.push(runner);
      runner.start();
      return runner;
    },
    async delivered(runner) {
      const newest = await store.newest();
      await eventually(
        () => `not all was delivered: ${JSON.stringify(runner.status())}`,
        () => ((runner.status().position ?? 0) >= newest ? true : undefined),
      );
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(started.map((runner) => runner.stop()));
      watch.stop();
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The part of a delivered line that the store's export has too. */
export function asExported(line: string): string {
  return `{${line.slice(line.indexOf('"storeSeq":'))}`;
}

/** Everything of an iteration. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) {
    all.push(item);
  }
  return all;
}
