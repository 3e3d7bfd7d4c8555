import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it } from "vitest";
import { type ManualClock, manualClock } from "#lib/clock.ts";
import { FileSink, type FileOptions } from "./file.ts";
import type { RecordLine } from "./record-line.ts";
import type { DeliveryContext, SinkItem } from "./sink.ts";

function item(position: number, text = "x"): SinkItem<RecordLine> {
  const line = JSON.stringify({ id: `id-${position}`, storeSeq: position, record: { text } });
  const value = { id: `id-${position}`, line, kind: "gap", timeMs: 0, storeSeq: position, proxy: "default/main" };
  return { position, id: value.id, receivedMs: 0, bytes: line.length, value };
}

const items = (from: number, to: number): SinkItem<RecordLine>[] =>
  Array.from({ length: to - from + 1 }, (_, index) => item(from + index));

const context = (epoch = "e1"): DeliveryContext => ({
  signal: new AbortController().signal,
  epoch,
  confirmed: () => {},
});

function stand(changes: Partial<FileOptions> = {}) {
  const directory = mkdtempSync(path.join(tmpdir(), "sallyport-file-sink-"));
  const clock: ManualClock = manualClock();
  const open = (): FileSink => new FileSink({ directory, maxBytes: 1_000_000, maxAgeMs: 3_600_000, clock, ...changes });
  return {
    directory,
    clock,
    open,
    names: () => readdirSync(directory).toSorted(),
    positions: () =>
      readdirSync(directory)
        .toSorted()
        .flatMap((name) => readFileSync(path.join(directory, name), "utf8").trimEnd().split("\n"))
        .map((line) => (JSON.parse(line) as { storeSeq: number }).storeSeq),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  };
}

it("writes one line for each record, into a file that only its owner may read", async () => {
  using stage = stand();
  const sink = stage.open();

  await sink.deliver(items(1, 3), context());
  await sink.deliver(items(4, 5), context());
  await sink.close();

  expect(stage.positions()).toEqual([1, 2, 3, 4, 5]);
  expect(stage.names()).toEqual(["audit-e1-0000000000000001.jsonl.open"]);
  expect(statSync(path.join(stage.directory, stage.names()[0] ?? "")).mode & 0o777).toBe(0o600);
});

it("gives a file its final name when it is large enough", async () => {
  using stage = stand({ maxBytes: 100 });
  const sink = stage.open();

  await sink.deliver(items(1, 3), context());
  await sink.deliver(items(4, 4), context());
  await sink.close();

  expect(stage.names()).toEqual([
    "audit-e1-0000000000000001-0000000000000003.jsonl",
    "audit-e1-0000000000000004.jsonl.open",
  ]);
});

it("gives a file its final name when it is old enough, without another record", async () => {
  using stage = stand();
  const sink = stage.open();
  await sink.deliver(items(1, 3), context());

  stage.clock.advance(3_600_000);
  await sink.close();

  expect(stage.names()).toEqual(["audit-e1-0000000000000001-0000000000000003.jsonl"]);
});

it("goes on behind the last whole line after a crash, and repeats none of them", async () => {
  using stage = stand();
  await stage.open().deliver(items(1, 3), context());
  const name = path.join(stage.directory, stage.names()[0] ?? "");
  // A line that was being written when the process died; longer than what is looked at in one read.
  writeFileSync(name, `${readFileSync(name, "utf8")}{"id":"id-4","storeSeq":4,"record":"${"y".repeat(200_000)}`);

  const sink = stage.open();
  await sink.deliver(items(2, 6), context());
  await sink.close();

  expect(stage.positions()).toEqual([1, 2, 3, 4, 5, 6]);
});

it("repeats nothing that is in a complete file, when the process died before its cursor moved", async () => {
  using stage = stand({ maxBytes: 1 });
  await stage.open().deliver(items(1, 3), context());

  const sink = stage.open();
  await sink.deliver(items(1, 3), context());
  await sink.deliver(items(4, 4), context());
  await sink.close();

  expect(stage.positions()).toEqual([1, 2, 3, 4]);
});

it("keeps apart what has the same positions in another epoch", async () => {
  using stage = stand();
  await stage.open().deliver(items(1, 3), context("e1"));

  const sink = stage.open();
  await sink.deliver(items(1, 2), context("e2"));
  await sink.close();

  expect(stage.positions()).toEqual([1, 2, 3, 1, 2]);
});

it("does not write behind what it has not written", async () => {
  using stage = stand();
  writeFileSync(path.join(stage.directory, "audit-e1-0000000000000001.jsonl.open"), "somebody's notes\n");

  const delivered = stage.open().deliver(items(1, 3), context());

  await expect(delivered).rejects.toMatchObject({ kind: "refused" });
});

it("says that a person must act where the directory is none, and goes on when that was done", async () => {
  using stage = stand();
  const file = path.join(stage.directory, "taken");
  writeFileSync(file, "");
  const sink = new FileSink({ directory: file, maxBytes: 100, maxAgeMs: 1_000, clock: stage.clock });

  await expect(sink.deliver(items(1, 3), context())).rejects.toMatchObject({ kind: "refused" });
  rmSync(file);
  await sink.deliver(items(1, 3), context());
  await sink.close();

  chmodSync(file, 0o700);
  expect(readdirSync(file)).toHaveLength(1);
});
