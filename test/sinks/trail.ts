import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type ArchiveReport, verifyArchive } from "#audit/archive/verify.ts";
import { HeadFile } from "#audit/head-place.ts";
import { HeadLog } from "#audit/heads.ts";
import { localSigner } from "#audit/signing-key.ts";
import { type Cursor, memoryCursors } from "#audit/sinks/cursor.ts";
import { headSource, headsName } from "#audit/sinks/head-source.ts";
import type { RecordLine } from "#audit/sinks/record-line.ts";
import { recordSource } from "#audit/sinks/record-source.ts";
import { type RunnerOptions, SinkRunner } from "#audit/sinks/runner.ts";
import type { Sink } from "#audit/sinks/sink.ts";
import { StoreWatch } from "#audit/sinks/store-watch.ts";
import { AuditStore } from "#audit/store/store.ts";
import type { TaskHead } from "#audit/store/types.ts";
import { testChain, wholeSession } from "#audit/testing/chains.ts";
import { systemClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { eventually } from "#test/harness/process.ts";

/** A real audit store with sessions of one task, and runners on it. */
export interface TrailStand {
  readonly store: AuditStore;
  readonly cursors: Map<string, Cursor>;
  readonly clock: typeof systemClock;
  /** Verifies lines of an archive by the public key. */
  verified(lines: AsyncIterable<string> | Iterable<string>): Promise<ArchiveReport>;
  /** Stores one more session with that many statements, and signs where the chains stand. */
  add(session: string, statements: number): Promise<void>;
  /** The store's own export: what must arrive, whatever way it takes. */
  exported(): Promise<string[]>;
  runner(sink: Sink<RecordLine>, changes?: Partial<RunnerOptions<RecordLine>>): SinkRunner<RecordLine>;
  /** Delivers the signed heads, after the records that the other runner delivers. */
  headRunner(
    sink: Sink<RecordLine>,
    records: SinkRunner<RecordLine>,
    changes?: Partial<RunnerOptions<RecordLine>>,
  ): SinkRunner<RecordLine>;
  /** Resolves when the runner has delivered everything that is stored, or signed. */
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
  const heads = await HeadFile.open(path.join(folder, "heads"));
  const headWatch = new StoreWatch({ newest: () => heads.newest(), clock, log: silentLog });
  headWatch.start();
  const log = await openLog(heads);
  const kept = memoryCursors();
  const started: SinkRunner<RecordLine>[] = [];
  const headRunners = new Set<SinkRunner<RecordLine>>();
  const start = (changes: Partial<RunnerOptions<RecordLine>> & Pick<RunnerOptions<RecordLine>, "source" | "sink">) => {
    const runner = new SinkRunner<RecordLine>({
      name: "test",
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
  };
  return {
    store,
    cursors: kept.cursors,
    clock,
    verified: (lines) => verifyArchive(lines, { publicKey: testKey }),
    async add(session, statements) {
      const { head } = await store.ingest("default/main", "t1", chain.write(...wholeSession(session, statements)));
      log.note(head);
      await log.flush();
    },
    exported: () => collect(store.export()),
    runner: (sink, changes = {}) =>
      start({ source: recordSource({ store, watch, installation: "acme" }), sink, ...changes }),
    headRunner(sink, records, changes = {}) {
      const name = headsName("test");
      const source = headSource({
        heads,
        watch: headWatch,
        installation: "acme",
        newestRecord: () => store.newest(),
        confirmed: () => records.status().position,
        cursor: () => kept.read(name),
        clock,
      });
      const runner = start({ name, source, sink, newID: () => "headse0", ...changes });
      headRunners.add(runner);
      return runner;
    },
    async delivered(runner) {
      const newest = await (headRunners.has(runner) ? heads : store).newest();
      await eventually(
        () => `not all was delivered: ${JSON.stringify(runner.status())}`,
        () => ((runner.status().position ?? 0) >= newest ? true : undefined),
      );
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(started.map((runner) => runner.stop()));
      watch.stop();
      headWatch.stop();
      await log.close();
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const signer = localSigner(generateKeyPairSync("ed25519").privateKey);
/** What proves the heads of these tests, PEM. */
export const testKey = signer.publicKeyPEM;

function openLog(place: HeadFile): Promise<HeadLog> {
  const onFailed = (error: Error): never => {
    throw error;
  };
  return HeadLog.open({ place, signer, installation: "acme", clock: systemClock, onFailed });
}

/** Writes a head log of that many lines: where a task's chains stand, and then that it says so again. Answers the lines. */
export async function* keptHeads(directory: string, tasks: readonly TaskHead[], lines: number): AsyncGenerator<string> {
  const place = await HeadFile.open(directory);
  const log = await openLog(place);
  for (const head of tasks) {
    log.note(head);
    await log.flush();
  }
  const { proxy = "", task = "", chainSeq = 0, chainHead = null } = tasks[0] ?? {};
  const removed = { seq: 0, chainSeq, chainHead, sessions: [], before: "2026-01-01T00:00:00Z" };
  for (let line = tasks.length; line < lines; line += 1) {
    await log.noteRemoved(proxy, task, removed);
  }
  yield* place.lines();
  await log.close();
}

/** Of delivered lines: the records, as the store's export has them. */
export function recordsIn(lines: readonly string[]): string[] {
  return lines.filter((line) => line.includes('"storeSeq":')).map(asExported);
}

/** Of delivered lines: the signed heads, as the head log has them. */
export function headsIn(lines: readonly string[]): string[] {
  return lines.flatMap((line) => {
    const { head } = JSON.parse(line) as { readonly head?: string };
    return head === undefined ? [] : [head];
  });
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
