import { mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { decodeAuditBatch, encodeAuditBatch } from "#wire/link.ts";
import { openJournal, type Journal, type JournalOptions } from "../journal.ts";
import { endBody, openBody, startBody } from "../testing/bodies.ts";
import { promptFiles, recordsAfter } from "../testing/shipping.ts";
import { verify } from "../verify.ts";

let directory: string;
let journals: Journal[];

beforeEach(() => {
  directory = mkdtempSync(`${tmpdir()}/linking-`);
  journals = [];
});

afterEach(() => {
  stop();
  rmSync(directory, { recursive: true });
});

const limits = { totalBytesMax: 60_000, reserveBytes: 2_000, segmentBytes: 2_000, recordBytesMax: 3_000 };

function start(options: Partial<JournalOptions> = {}): Journal {
  const fixed = { directory, proxy: "default/main", task: "t1", limits, files: promptFiles, linking: "here" } as const;
  const journal = openJournal({ ...fixed, clock: manualClock(), ...options });
  journals.push(journal);
  return journal;
}

function stop(): void {
  for (const journal of journals.splice(0)) {
    journal.close();
  }
}

async function writeStatements(journal: Journal, from: number, to: number): Promise<void> {
  for (let statement = from; statement <= to; statement += 1) {
    await journal.write(startBody("a", statement));
    await journal.write(endBody("a", statement));
  }
}

const bytesAfter = async (journal: Journal, seq: number, bytesMax = 1e9): Promise<string[]> =>
  (await recordsAfter(journal, seq, bytesMax)).map(({ bytes }) => String(bytes));

describe("linking", () => {
  it("gives the same bytes in a thread of its own and here, in batches as the link carries them", async () => {
    const journal = start({ linking: "thread" });
    await journal.write(openBody("a"));
    await writeStatements(journal, 1, 40);

    const threaded: Buffer[] = [];
    for (let seq = 0, count = 1; count > 0;) {
      const batch = await journal.batchAfter(seq, 4_000);
      const records = decodeAuditBatch(batch.bytes);
      expect(Buffer.from(batch.bytes).equals(encodeAuditBatch(records))).toBe(true);
      expect(records.length).toBe(batch.count);
      threaded.push(...records);
      ({ lastSeq: seq, count } = batch);
    }
    stop();

    expect(await bytesAfter(start(), 0)).toEqual(threaded.map(String));
  });

  it("gives the same bytes again after a restart and when an older record is asked for again, whatever was given back", async () => {
    const first = start();
    await first.write(openBody("a"));
    await writeStatements(first, 1, 60);
    const all = await bytesAfter(first, 0);
    first.acknowledge(90);
    stop();

    const second = start();
    const rest = await bytesAfter(second, 90);
    const again = await bytesAfter(second, 100, 5_000);

    expect(rest).toEqual(all.slice(90));
    expect(again.length).toBeGreaterThan(5);
    expect(again).toEqual(all.slice(100, 100 + again.length));
    expect(readdirSync(directory).filter((name) => name.startsWith("records-")).length).toBeLessThan(6);
  });

  it("gives room back after a restart in which nothing new is written", async () => {
    const first = start();
    await first.write(openBody("a"));
    await writeStatements(first, 1, 60);
    stop();
    const second = start();
    second.acknowledge(second.writtenSeq);
    const before = second.metrics().segments;

    await second.batchAfter(second.acknowledged, 1e9);

    expect(before).toBeGreaterThan(3);
    expect(second.metrics().segments).toBe(1);
  });

  it("continues the chain over a restart without a finding", async () => {
    const first = start();
    await first.write(openBody("a"));
    await writeStatements(first, 1, 60);
    const kept = await recordsAfter(first, 0, 1e9);
    first.acknowledge(121);
    stop();

    const second = start();
    await second.closeCrashed();
    kept.push(...(await recordsAfter(second, 121, 1e9)));

    const report = await verify({ records: kept });
    expect(report).toMatchObject({ findings: [], counts: { records: 122, openSessions: 0 } });
  });

  it("says that the chains' state is lost, and still gives every record that is left", async () => {
    const first = start();
    await first.write(openBody("a"));
    await writeStatements(first, 1, 60);
    await first.batchAfter(0, 1e9);
    first.acknowledge(121);
    stop();
    for (const name of readdirSync(directory).filter((each) => each.startsWith("state-"))) {
      writeFileSync(`${directory}/${name}`, "torn");
    }

    const second = start();
    await second.closeCrashed();

    expect(second.recovery.damage).toEqual([expect.stringContaining("state of the chains")]);
    const kinds = (await recordsAfter(second, 121, 1e9)).map(({ record }) => record.kind);
    expect(kinds).toEqual(["gap", "session.close"]);
  });

  it("rejects when a segment cannot be read, and goes on when it can", async () => {
    const journal = start({ linking: "thread" });
    await journal.write(openBody("a"));
    const [name = ""] = readdirSync(directory).filter((each) => each.startsWith("records-"));
    renameSync(`${directory}/${name}`, `${directory}/away`);

    const failed = await journal.batchAfter(0, 1e9).catch((error: unknown) => String(error));
    renameSync(`${directory}/away`, `${directory}/${name}`);

    expect(failed).toContain("ENOENT");
    expect(await bytesAfter(journal, 0)).toHaveLength(1);
  });
});
