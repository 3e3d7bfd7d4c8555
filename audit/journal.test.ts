import * as fs from "node:fs";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { hashRecord } from "./codec.ts";
import { openJournal, type Journal, type JournalOptions } from "./journal.ts";
import type { SpoolLimits } from "./spool/limits.ts";
import { verify } from "./verify.ts";
import { endBody, openBody, startBody } from "./testing/bodies.ts";
import { promptFiles, recordsAfter, shipAll } from "./testing/shipping.ts";

let directory: string;
let open: Journal[] = [];

beforeEach(() => {
  directory = mkdtempSync(`${tmpdir()}/journal-`);
});

afterEach(() => {
  for (const journal of open.splice(0)) {
    journal.close();
  }
  rmSync(directory, { recursive: true });
});

function start(options: Partial<JournalOptions> = {}): Journal {
  const journal = openJournal({
    directory,
    proxy: "default/main",
    task: "t1",
    clock: manualClock(),
    linking: "here",
    ...options,
  });
  open.push(journal);
  return journal;
}

function stop(journal: Journal): void {
  open = open.filter((other) => other !== journal);
  journal.close();
}

const allRecords = (journal: Journal) => recordsAfter(journal, 0, 1e9);

const tiny: SpoolLimits = { totalBytesMax: 8_000, reserveBytes: 2_000, segmentBytes: 2_000, recordBytesMax: 3_000 };

describe("openJournal", () => {
  it("links records within their session and opens and closes within the task", async () => {
    const journal = start();

    await Promise.all([
      journal.write(openBody("a")),
      journal.write(openBody("b")),
      journal.write(startBody("a", 1)),
      journal.write(endBody("a", 1)),
      journal.write({ kind: "session.close", session: "a", reason: "client-closed", backend: "gone" }),
    ]);

    const records = await allRecords(journal);
    expect(records.map(({ record }) => [record.seq, record.session, record.sessionSeq, record.chainSeq])).toEqual([
      [1, "a", 1, 1],
      [2, "b", 1, 2],
      [3, "a", 2, undefined],
      [4, "a", 3, undefined],
      [5, "a", 4, 3],
    ]);
    expect(records[4]?.record.prev).toBe(hashRecord(records[3]!.bytes));
    expect(records[4]?.record.chainPrev).toBe(hashRecord(records[1]!.bytes));
    expect(records[4]?.record).toMatchObject({ counts: { started: 1, ok: 1, error: 0 }, lastSessionSeq: 3 });
  });

  it("goes on after a restart, and closes what the last process left open as proxy-crashed", async () => {
    const first = start();
    await first.write(openBody("a"));
    await first.write(startBody("a", 7));
    stop(first);

    const second = start();
    const closed = await second.closeCrashed();

    expect(closed).toBe(1);
    expect((await allRecords(second)).map(({ record }) => record)).toMatchObject([
      { seq: 1, kind: "session.open" },
      { seq: 2, kind: "statement.start" },
      { seq: 3, kind: "statement.end", statement: 7, outcome: "unknown" },
      { seq: 4, kind: "session.close", reason: "proxy-crashed", inFlight: 7, counts: { started: 1, unknown: 1 } },
    ]);
    expect(second.hasSession("a")).toBe(false);
  });

  it("remembers open sessions whose records were acknowledged and given back", async () => {
    const first = start({ limits: tiny, files: promptFiles });
    await first.write(openBody("a"));
    for (let statement = 1; statement <= 40; statement += 1) {
      expect(await first.write(startBody("a", statement))).toBe("written");
      expect(await first.write(endBody("a", statement))).toBe("written");
      await shipAll(first);
    }
    stop(first);

    const second = start({ limits: tiny });

    expect(readdirSync(directory).filter((name) => name.startsWith("records-")).length).toBeLessThan(4);
    expect((await allRecords(second))[0]?.seq).toBeGreaterThan(1);
    expect(second.recovery.openSessions).toMatchObject([
      { session: "a", sessionSeq: 81, counts: { started: 40, ok: 40 } },
    ]);
    expect(second.acknowledged).toBe(81);
  });

  it("refuses a statement when the spool is full, still takes ends and closes, and leaves no hole", async () => {
    const journal = start({ limits: tiny });
    await journal.write(openBody("a"));
    let statement = 0;
    let result = "written";
    while (result === "written") {
      statement += 1;
      result = await journal.write(startBody("a", statement));
    }

    const end = await journal.write(endBody("a", 1));
    const close = await journal.write({ kind: "session.close", session: "a", reason: "audit-full", backend: "gone" });

    expect([result, end, close]).toEqual(["full", "written", "written"]);
    const seqs: number[] = [];
    for (;;) {
      const batch = await recordsAfter(journal, seqs.at(-1) ?? 0, 500);
      if (batch.length === 0) {
        break;
      }
      seqs.push(...batch.map(({ seq }) => seq));
    }
    expect(seqs).toEqual(Array.from({ length: statement + 2 }, (_, index) => index + 1));
    expect(journal.metrics().usedBytes).toBeLessThanOrEqual(tiny.totalBytesMax);
  });

  it("says too-large for a record beyond the limit and writes none of it", async () => {
    const journal = start({ limits: tiny });
    await journal.write(openBody("a"));

    const result = await journal.write({ ...startBody("a", 1), sql: "x".repeat(3_000) });

    expect(result).toBe("too-large");
    expect(journal.writtenSeq).toBe(1);
  });

  it("settles a Remote write only when the controller has it, and a Synced one when the device has it", async () => {
    const journal = start();
    const settled: string[] = [];
    const remote = journal.write(openBody("a"), { durability: "Remote" }).then(() => settled.push("remote"));

    await journal.write(startBody("a", 1), { durability: "Synced" }).then(() => settled.push("synced"));
    journal.acknowledge(1);
    await remote;

    expect(settled).toEqual(["synced", "remote"]);
  });

  it("links the next record to the last one that is kept when the device was full in between", async () => {
    let full = false;
    const writeSync = (...args: Parameters<typeof fs.writeSync>): number => {
      if (full) {
        throw new Error("no space left on device");
      }
      return fs.writeSync(...args);
    };
    const journal = start({ files: { ...fs, writeSync: writeSync as typeof fs.writeSync } });
    await journal.write(openBody("a"));
    full = true;
    const lost = await Promise.all([journal.write(startBody("a", 1)), journal.write(openBody("b"))]);
    full = false;

    const gap = await journal.write({ kind: "gap", session: "a", count: 1, reason: "spool-full" });
    const next = await journal.write(startBody("a", 2));

    expect([lost, gap, next]).toEqual([["full", "full"], "written", "written"]);
    expect(journal.hasSession("b")).toBe(false);
    const report = await verify({ records: await allRecords(journal) });
    expect(report.findings.map(({ kind }) => kind)).toEqual(["gap"]);
    expect(report.counts.records).toBe(3);
  });

  it("tells those who ship that something is there, until they have heard enough", async () => {
    const journal = start();
    let told = 0;
    const stopListening = journal.onWritten(() => (told += 1));
    await Promise.all([journal.write(openBody("a")), journal.write(startBody("a", 1))]);

    stopListening();
    await journal.write(endBody("a", 1));

    expect(told).toBe(1);
  });

  it("tells those who ship, as soon as it is written, that a record waits for the controller, until it does not", async () => {
    const journal = start();
    await journal.write(openBody("a"));
    const waits: boolean[] = [];
    journal.onWritten(() => waits.push(journal.isRemoteWaiting));

    const remote = journal.write(startBody("a", 1), { durability: "Remote" });
    await journal.write(endBody("a", 1));
    journal.acknowledge(3);
    await remote;
    await journal.write(startBody("a", 2));

    expect(waits).toEqual([true, false]);
  });

  it("ends writes that wait for the controller as full when it is closed", async () => {
    const journal = start();
    const remote = journal.write(openBody("a"), { durability: "Remote" });
    await journal.write(startBody("a", 1));

    stop(journal);

    expect(await remote).toBe("full");
  });

  it("lets one process at a time write to a directory", () => {
    start();

    expect(() => start()).toThrow("in use");
  });

  it("refuses a record of a session that is not open", () => {
    const journal = start();

    expect(() => journal.writeThen(startBody("nobody", 1), "Written", () => {})).toThrow("not open");
  });
});
