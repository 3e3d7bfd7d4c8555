import { beforeEach, expect, it } from "vitest";
import { manualClock, type ManualClock } from "#lib/clock.ts";
import { auditBatchBytesMax, decodeAuditBatch, encodeAuditBatch } from "#wire/link.ts";
import { batchesInFlightMax, gatherMs, type ShippedJournal, Shipper, type ShipperPorts } from "./shipper.ts";

let written: number;
let acknowledged: number;
let isRemoteWaiting: boolean;
let isUnreadable: boolean;
let reads: number;
let listeners: Set<() => void>;
let sent: string[][];
let failures: string[];
let clock: ManualClock;
let ports: ShipperPorts;

/** Two records a batch. */
const journal: ShippedJournal = {
  get writtenSeq() {
    return written;
  },
  get takenSeq() {
    return written;
  },
  get acknowledged() {
    return acknowledged;
  },
  get isRemoteWaiting() {
    return isRemoteWaiting;
  },
  batchAfter(seq, bytesMax) {
    expect(bytesMax).toBe(auditBatchBytesMax);
    reads += 1;
    if (isUnreadable) {
      return Promise.reject(new Error("EMFILE"));
    }
    const count = Math.max(0, Math.min(2, written - seq));
    const records = Array.from({ length: count }, (_, index) => Buffer.from(String(seq + index + 1)));
    const bytes = Uint8Array.from(encodeAuditBatch(records));
    return Promise.resolve({ bytes, count, lastSeq: seq + count, boundaries: [] });
  },
  acknowledge(seq) {
    acknowledged = Math.max(acknowledged, seq);
  },
  onWritten(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};

const write = (count: number): void => {
  written += count;
  for (const listener of listeners) {
    listener();
  }
};

/** Everything that is asked for already has been answered. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function gathered(): Promise<void> {
  clock.advance(gatherMs);
  await settled();
}

beforeEach(() => {
  written = 0;
  acknowledged = 0;
  isRemoteWaiting = false;
  isUnreadable = false;
  reads = 0;
  listeners = new Set();
  sent = [];
  failures = [];
  clock = manualClock();
  ports = {
    sendBatch: (batch) => void sent.push(decodeAuditBatch(batch).map(String)),
    onFailed: (error) => void failures.push(error.message),
    clock,
  };
});

it("ships in order after what the controller has, and goes on as records are written", async () => {
  write(5);

  const shipper = new Shipper(journal, 3, ports);
  await settled();
  write(1);
  await gathered();

  expect(sent).toEqual([["4", "5"], ["6"]]);
  shipper.acknowledged(6);
  expect(acknowledged).toBe(6);
});

it("reads once for all that is written in a short while, and at once when a write waits for the controller", async () => {
  const shipper = new Shipper(journal, 0, ports);
  await settled();
  reads = 0;

  write(1);
  write(1);
  await settled();
  const readsEarly = reads;
  await gathered();
  isRemoteWaiting = true;
  write(1);
  await settled();

  expect(readsEarly).toBe(0);
  expect(sent).toEqual([["1", "2"], ["3"]]);
  shipper.stop();
});

it("gathers again what is written while a batch is read, so that load makes batches larger and not more", async () => {
  const shipper = new Shipper(journal, 0, ports);
  await settled();
  write(1);
  clock.advance(gatherMs);
  write(1);
  await settled();
  const sentFirst = sent.flat();
  await gathered();

  expect([sentFirst, sent.flat()]).toEqual([["1"], ["1", "2"]]);
  shipper.stop();
});

it("keeps a bounded number of batches on their way", async () => {
  write(100);

  const shipper = new Shipper(journal, 0, ports);
  await settled();
  const before = sent.length;
  shipper.acknowledged(2);
  await settled();

  expect([before, sent.length]).toEqual([batchesInFlightMax, batchesInFlightMax + 1]);
});

it("never drops a record on the word of a controller that claims more than it was sent", async () => {
  write(10);

  const shipper = new Shipper(journal, 0, ports);
  await settled();
  shipper.acknowledged(1_000);
  expect(acknowledged).toBe(8);
  await settled();

  expect(sent.flat()).toEqual(["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
});

it("a controller that knows of records that were never written takes nothing away", async () => {
  write(2);

  const shipper = new Shipper(journal, 50, ports);
  write(1);
  await gathered();
  shipper.stop();

  expect(sent.flat()).toEqual(["3"]);
});

it("sends nothing once it is stopped, not even what was being read", async () => {
  write(1);
  const shipper = new Shipper(journal, 0, ports);

  shipper.stop();
  write(3);
  await gathered();

  expect(sent).toEqual([]);
  expect(listeners.size).toBe(0);
});

it("records that cannot be read end the link, and never disturb who writes them", async () => {
  const shipper = new Shipper(journal, 0, ports);
  await settled();
  isUnreadable = true;

  write(1);
  write(1);
  await gathered();

  expect(failures).toEqual(["EMFILE"]);
  shipper.stop();
});
