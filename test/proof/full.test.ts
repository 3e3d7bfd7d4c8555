import * as fs from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { decodeRecord } from "#audit/codec.ts";
import { type Journal, type JournalOptions, openJournal } from "#audit/journal.ts";
import type { AuditRecord } from "#audit/record.ts";
import { recordsAfter } from "#audit/testing/shipping.ts";
import { defaultSpoolLimits } from "#audit/spool/limits.ts";
import { AuditStore } from "#audit/store/store.ts";
import { systemClock } from "#lib/clock.ts";
import { RawClient, say } from "#proxy/testing/raw-client.ts";
import { grantFor, role, roleSQL, startStand, type Stand } from "#proxy/testing/stand.ts";
import { clearLog, loggingSettings, readLog } from "#test/compatibility/server-log.ts";
import { startPostgres, type TestPostgres } from "#test/harness/postgres.ts";
import { eventually } from "#test/harness/process.ts";
import { refusingDevice, type SmallDevice, smallDevice } from "./small-device.ts";

/*
 * No room for records: the controller is away until the spool's bound is reached, or the device is full. The server's log says what ran all
 * the same, and the trail must account for it: by refusing with `Deny`, by counting with `Gap`.
 */

const limits = { totalBytesMax: 60_000, reserveBytes: 12_000, segmentBytes: 8_000, recordBytesMax: 4_000 };
/** Far more than there is room for. */
const statements = 400;

let server: TestPostgres;
let folder: string;
let journal: Journal;
let stand: Stand;
let device: SmallDevice | undefined;

beforeAll(async () => {
  server = await startPostgres({ settings: loggingSettings, initSQL: roleSQL });
});
afterAll(() => server?.stop());
beforeEach(async () => {
  folder = fs.mkdtempSync(path.join(tmpdir(), "sallyport-full-"));
  await readLog(server);
  clearLog(server);
});
afterEach(async () => {
  await stand?.stop();
  journal.close();
  device?.remove();
  device = undefined;
  fs.rmSync(folder, { recursive: true, force: true });
});

async function begin(
  onFull: "Deny" | "Gap",
  directory: string,
  bounds: Pick<JournalOptions, "limits" | "files"> = { limits },
): Promise<RawClient> {
  const options = { directory, proxy: "default/main", task: "t1", clock: systemClock, linking: "here" } as const;
  journal = openJournal({ ...options, ...bounds });
  stand = await startStand(server, { journal });
  stand.grant = grantFor(server, { audit: { durability: "Written", onFull, parameters: "Record" } });
  return RawClient.start(stand.port, { user: role.username, database: server.database });
}

/** Runs one numbered statement; whether it was answered. */
async function run(client: RawClient, number: number): Promise<boolean> {
  client.send(say.query(`select ${number} as n, '${"x".repeat(800)}'`));
  return client.until("Z").then(
    () => true,
    () => false,
  );
}

/** The numbers of the statements that the server ran, as its log says. */
async function ranByLog(): Promise<number[]> {
  const log = await readLog(server);
  return log.flatMap(({ user, kind, text }) => {
    const number = /^select (\d+) as n/.exec(text)?.[1];
    return user === role.username && kind === "statement" && number !== undefined ? [Number(number)] : [];
  });
}

/** Ships everything to a real store, as when the controller is back, and gives what is there. */
async function ship(): Promise<AuditRecord[]> {
  const store = await AuditStore.open({ path: path.join(folder, "store", "audit.sqlite"), clock: systemClock });
  for (;;) {
    const batch = await recordsAfter(journal, journal.acknowledged, 20_000);
    if (batch.length === 0) {
      break;
    }
    const { ackSeq, findings } = await store.ingest(
      "default/main",
      "t1",
      batch.map(({ bytes }) => bytes),
    );
    expect(findings).toEqual([]);
    journal.acknowledge(ackSeq);
  }
  const records: AuditRecord[] = [];
  for await (const { bytes } of store.raw()) {
    records.push(decodeRecord(Buffer.from(bytes)));
  }
  await store.close();
  return records;
}

const numbersOf = (records: readonly AuditRecord[]): number[] =>
  records.flatMap((record) =>
    record.kind === "statement.start" ? [Number(/^select (\d+)/.exec(String(record.sql))?.[1])] : [],
  );
const countOf = (records: readonly AuditRecord[], kind: AuditRecord["kind"]): number =>
  records.filter((record) => record.kind === kind).length;

/** What a session that went on without room must have come to. */
async function accountOfGap(client: RawClient, answered: number): Promise<void> {
  expect(await run(client, answered + 1)).toBe(true);
  client.send(say.terminate());
  await client.untilClosed();
  await stand.quiet();
  await new Promise((resolve) => setImmediate(resolve));

  const records = await ship();
  const ran = await ranByLog();
  const gaps = records.filter((record) => record.kind === "gap");
  const missing = gaps.reduce((sum, { count }) => sum + count, 0);
  const starts = countOf(records, "statement.start");
  const ends = countOf(records, "statement.end");
  expect(ran).toHaveLength(answered + 1);
  expect(missing).toBe(2 * ran.length - starts - ends);
  expect(missing).toBeGreaterThan(100);
  expect(ran).toEqual(expect.arrayContaining(numbersOf(records)));
  // It tells again as soon as there is room.
  expect(numbersOf(records).at(-1)).toBe(answered + 1);
  expect(journal.metrics()).toMatchObject({ gaps: gaps.length, gapRecords: missing, owedRecords: 0 });
}

describe("a spool that has reached its bound while the controller is away", () => {
  it("Deny: nothing runs that has no record", async () => {
    const client = await begin("Deny", folder);
    let answered = 0;
    while (answered < statements && (await run(client, answered + 1))) {
      answered += 1;
    }
    client.socket.destroy();
    await stand.quiet();
    const second = await RawClient.start(stand.port, { user: role.username, database: server.database }).catch(
      (error: Error) => error.message,
    );

    const ran = await ranByLog();
    const records = await ship();
    expect(answered).toBeLessThan(statements);
    expect(second).toContain("audit record cannot be written");
    expect(ran).toEqual(Array.from({ length: answered }, (_, index) => index + 1));
    expect(numbersOf(records)).toEqual(ran);
    const outcomes = records.flatMap((record) => (record.kind === "statement.end" ? [record.outcome] : []));
    expect(outcomes).toEqual([...ran.map(() => "ok"), "not-executed"]);
    expect(records.filter((record) => record.kind === "session.close")).toMatchObject([{ reason: "audit-full" }]);
    expect(journal.metrics()).toMatchObject({ full: 2, denied: 2, gaps: 0, failedWrites: 0, owedRecords: 0 });
  });

  it("Gap: what ran beyond the trail is counted, exactly", async () => {
    const client = await begin("Gap", folder);
    for (let number = 1; number <= statements; number += 1) {
      expect(await run(client, number)).toBe(true);
    }
    await ship();

    expect(journal.metrics().full).toBeGreaterThan(0);
    expect(journal.metrics()).toMatchObject({ denied: 0, lastDenied: undefined });
    await accountOfGap(client, statements);
  });
});

/** Room of the device that becomes full: the lock takes some of it, and the statements of a test want more. */
const deviceBytes = 256 * 1024;

describe.each([
  ["that is full", smallDevice],
  ["whose files refuse to grow", (_directory: string, bytes: number) => refusingDevice(bytes)],
] as const)("a device %s", (_, make) => {
  let spool: string;
  let full: SmallDevice;

  beforeEach(() => {
    spool = path.join(folder, "spool");
    fs.mkdirSync(spool);
    full = make(spool, deviceBytes);
    device = full;
  });

  it("Deny: nothing runs that has no record, and what was open is closed once there is room", async () => {
    const client = await begin("Deny", spool, { limits: defaultSpoolLimits, files: full.files });
    let answered = 0;
    while (answered < statements && (await run(client, answered + 1))) {
      answered += 1;
    }
    client.socket.destroy();
    await stand.quiet();
    const ran = await ranByLog();
    expect(journal.metrics().failedWrites).toBeGreaterThan(0);
    full.grow();
    await eventually("what was owed is written", () => (journal.metrics().owedRecords === 0 ? true : undefined));

    const records = await ship();
    expect(answered).toBeLessThan(statements);
    expect(ran).toEqual(Array.from({ length: answered }, (_, index) => index + 1));
    expect(numbersOf(records)).toEqual(ran);
    const missing = records.reduce((sum, record) => sum + (record.kind === "gap" ? record.count : 0), 0);
    const ended = records.filter((record) => record.kind === "statement.end" && record.outcome === "ok");
    expect(ran.length - ended.length).toBe(missing);
    expect(countOf(records, "session.close")).toBe(1);
  });

  it("Gap: what ran beyond the trail is counted, exactly", async () => {
    const client = await begin("Gap", spool, { limits: defaultSpoolLimits, files: full.files });
    for (let number = 1; number <= statements; number += 1) {
      expect(await run(client, number)).toBe(true);
    }
    expect(journal.metrics().failedWrites).toBeGreaterThan(0);
    full.grow();

    await accountOfGap(client, statements);
  });
});
