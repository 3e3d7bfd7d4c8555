import { beforeEach, expect, it } from "vitest";
import { auditBatchBytesMax, decodeAuditBatch } from "#wire/link.ts";
import { batchesInFlightMax, type ShippedJournal, Shipper } from "./shipper.ts";

let written: number;
let acknowledged: number;
let listeners: Set<() => void>;
let journal: ShippedJournal;
let sent: string[][];

const send = (batch: Buffer): void => void sent.push(decodeAuditBatch(batch).map(String));
const failures: string[] = [];
const ports = { sendBatch: send, onFailed: (error: Error): void => void failures.push(error.message) };
const write = (count: number): void => {
  written += count;
  for (const listener of listeners) {
    listener();
  }
};

beforeEach(() => {
  written = 0;
  acknowledged = 0;
  sent = [];
  failures.length = 0;
  listeners = new Set();
  journal = {
    get writtenSeq() {
      return written;
    },
    get acknowledged() {
      return acknowledged;
    },
    batchAfter(seq, bytesMax) {
      expect(bytesMax).toBe(auditBatchBytesMax);
      // Two records a batch.
      return Array.from({ length: Math.min(2, written - seq) }, (_, index) => ({
        seq: seq + index + 1,
        bytes: Buffer.from(String(seq + index + 1)),
      }));
    },
    acknowledge(seq) {
      acknowledged = Math.max(acknowledged, seq);
    },
    onWritten(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
});

it("ships in order after what the controller has, and goes on as records are written", () => {
  write(5);

  const shipper = new Shipper(journal, 3, ports);
  write(1);

  expect(sent).toEqual([["4", "5"], ["6"]]);
  shipper.acknowledged(6);
  expect(acknowledged).toBe(6);
});

it("keeps a bounded number of batches on their way", () => {
  write(100);

  const shipper = new Shipper(journal, 0, ports);
  const before = sent.length;
  shipper.acknowledged(2);

  expect([before, sent.length]).toEqual([batchesInFlightMax, batchesInFlightMax + 1]);
});

it("never drops a record on the word of a controller that claims more than it was sent", () => {
  write(10);

  const shipper = new Shipper(journal, 0, ports);
  shipper.acknowledged(1_000);

  expect(acknowledged).toBe(8);
  expect(sent.flat()).toEqual(["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
});

it("a controller that knows of records that were never written takes nothing away", () => {
  write(2);

  const shipper = new Shipper(journal, 50, ports);
  write(1);
  shipper.stop();

  expect(sent.flat()).toEqual(["3"]);
});

it("sends nothing once it is stopped", () => {
  const shipper = new Shipper(journal, 0, ports);

  shipper.stop();
  write(3);

  expect(sent).toEqual([]);
  expect(listeners.size).toBe(0);
});

it("records that cannot be read end the link, and never disturb who writes them", () => {
  const shipper = new Shipper({ ...journal, batchAfter: () => (written > 0 ? fail() : []) }, 0, ports);

  write(1);
  write(1);

  expect(failures).toEqual(["EMFILE"]);
  shipper.stop();
});

function fail(): never {
  throw new Error("EMFILE");
}
