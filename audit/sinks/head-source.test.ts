import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { fuzzSeed } from "#test/harness/fuzz-seed.ts";
import { type ChainHead, hashLine, isSigned, signHead } from "../head-line.ts";
import type { HeadReader } from "../head-place.ts";
import { memoryCursors } from "./cursor.ts";
import { deliveredHead } from "./delivered-head.ts";
import { headSource } from "./head-source.ts";
import type { RecordLine } from "./record-line.ts";
import { SinkRunner } from "./runner.ts";
import type { Sink } from "./sink.ts";
import { StoreWatch } from "./store-watch.ts";
import { settle, stand } from "./testing.ts";

const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const head: ChainHead = {
  v: 1,
  line: 3,
  prevLine: "ab",
  installation: "acme",
  proxy: "default/main",
  task: "t1",
  seq: 7,
  chainSeq: 2,
  chainHead: "cd",
  openSessions: [],
  time: "2026-03-01T00:00:00.000Z",
};

it("delivers a signed line so that its signature can be checked, and what it is about in front", () => {
  const text = signHead(head, privateKey);

  const { line, id, kind, timeMs } = deliveredHead(text, 3, "acme");

  const { head: found, ...front } = JSON.parse(line) as Record<string, unknown>;
  expect(isSigned(String(found), publicKey)).toBe(true);
  const [{ time }, proxy, task] = [head, "default/main", "t1"];
  expect(front).toEqual({ id, installation: "acme", kind: "head", time, headLine: 3, proxy, task, seq: 7 });
  expect({ id, kind, timeMs }).toEqual({ id: hashLine(text), kind: "head", timeMs: Date.parse(time) });
});

it("delivers a line that somebody made unreadable as it is", () => {
  expect(JSON.parse(deliveredHead('{"v":2', 4, "acme").line)).toMatchObject({ headLine: 4, head: '{"v":2' });
});

const step = fc.oneof(
  fc.record({ add: fc.integer({ min: 1, max: 4 }) }),
  fc.constant("sign" as const),
  fc.constantFrom("refused" as const, "lost-answer" as const, "half" as const),
  fc.constant("restart" as const),
  fc.record({ waitMs: fc.integer({ min: 100, max: 20_000 }) }),
);

it("brings every head, in order, and none before the last record that it vouches for, whatever fails and restarts", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
      const records = stand();
      const { clock, source, sink, cursors } = records;
      // A line is the number of the records that were stored when it was signed.
      const log: number[] = [];
      const heads: HeadReader = {
        newest: async () => log.length,
        read: async (after, limit) => log.slice(after, after + limit).map(String),
      };
      const [arrived, early]: [string[], string[]] = [[], []];
      const destination: Sink<RecordLine> = {
        async deliver(items) {
          const there = Math.max(0, ...sink.arrived.flat());
          for (const { value } of items) {
            const { head: text = "" } = JSON.parse(value.line) as { head?: string };
            arrived.push(text);
            early.push(...(Number(text) > there ? [text] : []));
          }
        },
        async close() {},
      };
      const begin = () => {
        const runner = new SinkRunner(records.options);
        const watch = new StoreWatch({ newest: () => heads.newest(), clock, log: silentLog });
        const name = "test#heads";
        const headRunner = new SinkRunner<RecordLine>({
          ...records.options,
          recorder: undefined,
          name,
          sink: destination,
          source: headSource({
            heads,
            watch,
            installation: "acme",
            newestRecord: () => source.newest(),
            confirmed: () => runner.status().position,
            cursor: () => cursors.read(name),
            clock,
          }),
        });
        watch.start();
        runner.start();
        headRunner.start();
        return { runner, headRunner, watch };
      };
      let running = begin();
      const advance = async (ms: number): Promise<void> => {
        clock.advance(ms);
        await settle();
      };
      const end = async (): Promise<void> => {
        const stopped = Promise.all([running.runner.stop(), running.headRunner.stop()]);
        await settle();
        await advance(5_000);
        await stopped;
        running.watch.stop();
      };
      for (const next of steps) {
        if (next === "sign") {
          log.push(source.latest());
        } else if (next === "restart") {
          await end();
          running = begin();
        } else if (typeof next === "string") {
          sink.faults.push(next);
        } else if ("add" in next) {
          source.add(next.add, clock.now());
        } else {
          await advance(next.waitMs);
        }
        await settle();
      }
      sink.faults.length = 0;
      for (let turn = 0; turn < 6; turn += 1) {
        await advance(300_000);
      }
      await end();

      expect(early).toEqual([]);
      expect([...new Set(arrived)]).toEqual([...new Set(log.map(String))]);
      expect(cursors.cursors.get("test#heads")?.position ?? 0).toBe(log.length);
    }),
    { seed: fuzzSeed, numRuns: 40 },
  );
});

it("goes on with a batch that a crash interrupted although the records' cursor is not known yet", async () => {
  const cursors = memoryCursors();
  await cursors.write("heads", { position: 1, pendingUpTo: 3, epoch: "e" });
  const lines = ["1", "2", "3", "4"];
  const clock = manualClock();
  const heads: HeadReader = { newest: async () => 4, read: async (after, limit) => lines.slice(after, after + limit) };

  const page = await headSource({
    heads,
    watch: new StoreWatch({ newest: () => heads.newest(), clock, log: silentLog }),
    installation: "acme",
    newestRecord: async () => 9,
    confirmed: () => undefined,
    cursor: () => cursors.read("heads"),
    clock,
  }).read(1, 10);

  expect(page.items.map(({ position }) => position)).toEqual([2, 3]);
  expect(page.more).toBe(false);
});
