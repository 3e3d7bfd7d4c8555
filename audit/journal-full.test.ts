import * as fs from "node:fs";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { manualClock, type ManualClock } from "#lib/clock.ts";
import { openJournal, type Journal } from "./journal.ts";
import { inlineCharactersMax } from "./large-text.ts";
import { owedRetryMs } from "./owed-records.ts";
import type { SpoolFiles } from "./spool/files.ts";
import { endBody, openBody, startBody } from "./testing/bodies.ts";
import { recordsAfter, shipAll, promptFiles } from "./testing/shipping.ts";
import { verify } from "./verify.ts";

let directory: string;
let clock: ManualClock;
let isFull: boolean;
let journals: Journal[];

/** A device that can be full: then no file can grow. */
const files: SpoolFiles = {
  ...promptFiles,
  writeSync: ((fd: number, bytes: Uint8Array, offset: number, length: number, position: number) => {
    if (isFull && position + length > fs.fstatSync(fd).size) {
      throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
    }
    return fs.writeSync(fd, bytes, offset, length, position);
  }) as typeof fs.writeSync,
};

beforeEach(() => {
  directory = mkdtempSync(`${tmpdir()}/journal-`);
  clock = manualClock();
  isFull = false;
  journals = [];
});

afterEach(() => {
  for (const journal of journals) {
    journal.close();
  }
  rmSync(directory, { recursive: true });
});

function start(limits?: Parameters<typeof openJournal>[0]["limits"]): Journal {
  const options = { directory, proxy: "default/main", task: "t1", clock, files, linking: "here" } as const;
  const journal = openJournal({ ...options, ...(limits === undefined ? {} : { limits }) });
  journals.push(journal);
  return journal;
}

const close = { kind: "session.close", session: "a", reason: "client-closed", backend: "gone" } as const;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
const kinds = async (journal: Journal) => (await recordsAfter(journal, 0, 1e9)).map(({ record }) => record.kind);

describe("a full device", () => {
  it("lets the next process start, refuses statements, and closes what the last one left once there is room", async () => {
    const first = start();
    await first.write(openBody("a"));
    await first.write(startBody("a", 1));
    first.close();
    journals = [];
    isFull = true;

    const journal = start();
    const crashed = await journal.closeCrashed();
    const refused = await journal.write(openBody("b"));
    const owed = journal.metrics().owedRecords;
    isFull = false;
    clock.advance(owedRetryMs);
    await turn();

    expect([crashed, refused, owed]).toEqual([1, "full", 2]);
    expect(journal.metrics().owedRecords).toBe(0);
    expect(await kinds(journal)).toEqual(["session.open", "statement.start", "statement.end", "session.close"]);
    expect((await verify({ records: await recordsAfter(journal, 0, 1e9) })).findings).toEqual([]);
  });

  it("does not lose the end of a session: it is written when there is room, in its order, once", async () => {
    const journal = start();
    await journal.write(openBody("a"));
    await journal.write(openBody("b"));
    isFull = true;

    const results = await Promise.all([journal.write(close), journal.write({ ...close, session: "b" })]);
    clock.advance(owedRetryMs);
    await turn();
    const owed = journal.metrics().owedRecords;
    isFull = false;
    await journal.write(openBody("c"));
    await turn();
    clock.advance(owedRetryMs);
    await turn();

    expect([results, owed]).toEqual([["full", "full"], 2]);
    const records = (await recordsAfter(journal, 0, 1e9)).map(({ record }) => `${record.kind} ${record.session}`);
    expect(records).toEqual([
      "session.open a",
      "session.open b",
      "session.open c",
      "session.close a",
      "session.close b",
    ]);
    expect([journal.hasSession("a"), journal.hasSession("b")]).toEqual([false, false]);
  });

  it("gives back what is acknowledged although no file can grow, from the first segment on", async () => {
    const limits = { totalBytesMax: 20_000, reserveBytes: 2_000, segmentBytes: 2_000, recordBytesMax: 3_000 };
    const journal = start(limits);
    await journal.write(openBody("a"));
    for (let statement = 1; statement <= 40; statement += 1) {
      await journal.write(startBody("a", statement));
      await journal.write(endBody("a", statement));
    }
    const before = journal.metrics().segments;
    isFull = true;

    await shipAll(journal);
    const refused = await journal.write(startBody("a", 41));

    expect([before > 3, journal.metrics().segments, refused]).toEqual([true, 1, "full"]);
  });
});

describe("metrics", () => {
  it("tell how long the oldest record has waited, also one that the last process left", async () => {
    const first = start();
    await first.write(openBody("a"));
    clock.advance(5_000);
    await first.write(startBody("a", 1));
    const told = first.metrics().oldestWaitingMs;
    first.acknowledge(1);
    const second = first.metrics().oldestWaitingMs;
    first.close();
    journals = [];
    clock.advance(30_000);

    const journal = start();

    expect([told, second, journal.metrics().oldestWaitingMs]).toEqual([5_000, 0, 30_000]);
    await shipAll(journal);
    expect(journal.metrics().oldestWaitingMs).toBe(0);
  });

  it("tell what was refused to people, when the last time, and how much there is room for", () => {
    const journal = start({ totalBytesMax: 6_000, reserveBytes: 2_000, segmentBytes: 2_000, recordBytesMax: 3_000 });
    const before = journal.metrics();
    journal.denied();
    clock.advance(1_000);
    journal.denied();

    expect(before).toMatchObject({ denied: 0, lastDenied: undefined, capacityBytes: 4_000 });
    expect(journal.metrics()).toMatchObject({ denied: 2, lastDenied: clock.now() });
  });

  it("count what was taken, refused, missed and too large", async () => {
    const journal = start({ totalBytesMax: 6_000, reserveBytes: 2_000, segmentBytes: 2_000, recordBytesMax: 3_000 });
    await journal.write(openBody("a"));
    await journal.write({ ...startBody("a", 1), sql: "x".repeat(3_000) });
    await journal.write({ kind: "gap", session: "a", count: 3, reason: "spool-full" });
    for (let statement = 1; journal.metrics().full === 0; statement += 1) {
      await journal.write(startBody("a", statement));
    }
    isFull = true;
    await journal.write(close);

    expect(journal.metrics()).toMatchObject({
      tooLarge: 1,
      gaps: 1,
      gapRecords: 3,
      full: 1,
      failedWrites: 1,
      openSessions: 1,
      owedRecords: 1,
      remoteWaiting: 0,
    });
    expect(journal.metrics().usedBytes).toBeLessThanOrEqual(4_000);
    expect(structuredClone(journal.metrics())).toEqual(journal.metrics());
  });
});

describe("a statement of any size", () => {
  const sql = "s".repeat(3 * inlineCharactersMax);

  it("is on record whole, once for all its executions, and verifies", async () => {
    const journal = start();
    await journal.write(openBody("a"));

    const results = await Promise.all([
      journal.write(startBody("a", 1, { sql })),
      journal.write(endBody("a", 1)),
      journal.write(startBody("a", 2, { sql }), { durability: "Synced" }),
    ]);

    expect(results).toEqual(["written", "written", "written"]);
    const records = await recordsAfter(journal, 0, 1e9);
    const texts = records.flatMap(({ record }) => (record.kind === "statement.text" ? [record.data] : []));
    const starts = records.flatMap(({ record }) => (record.kind === "statement.start" ? [record.sqlText] : []));
    expect(texts.join("")).toBe(sql);
    expect(starts).toEqual([
      { text: 1, bytes: sql.length },
      { text: 1, bytes: sql.length },
    ]);
    expect((await verify({ records })).findings).toEqual([]);
    expect(journal.metrics().textPieces).toBe(6);
  });

  it("is refused as a whole when it does not fit, and leaves the reserve to those who end something", async () => {
    const limits = {
      totalBytesMax: 1_000_000,
      reserveBytes: 400_000,
      segmentBytes: 300_000,
      recordBytesMax: 15_000_000,
    };
    const journal = start(limits);
    await journal.write(openBody("a"));

    const result = await journal.write(startBody("a", 1, { sql }));
    const end = await journal.write(close);

    expect([result, end]).toEqual(["full", "written"]);
    expect(journal.metrics().usedBytes).toBeLessThanOrEqual(600_000);
    expect(await kinds(journal)).not.toContain("statement.start");
  });

  it("is recorded again when the turn that held it was lost", async () => {
    const journal = start();
    await journal.write(openBody("a"));
    isFull = true;
    const lost = await journal.write(startBody("a", 1, { sql }));
    isFull = false;

    const kept = await journal.write(startBody("a", 2, { sql }));

    expect([lost, kept]).toEqual(["full", "written"]);
    const records = await recordsAfter(journal, 0, 1e9);
    expect(records.filter(({ record }) => record.kind === "statement.text")).toHaveLength(6);
    expect((await verify({ records })).findings).toEqual([]);
  });
});
