import * as fs from "node:fs";
import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fill, payload, put, range, readAll, SpoolBench, testLimits } from "../testing/spools.ts";
import type { SpoolFiles } from "./files.ts";
import { entryHeaderBytes, frameStartBytes } from "./frame.ts";
import { checkSpoolLimits, defaultSpoolLimits } from "./limits.ts";

let bench: SpoolBench;

beforeEach(() => {
  bench = new SpoolBench();
});

afterEach(() => bench.remove());

describe("Spool", () => {
  it("gives back what was written, in order, over many segments and restarts", async () => {
    const first = bench.start();
    await fill(first, 30);
    bench.stop(first);
    const second = bench.start();
    await fill(second, 20);

    expect(bench.segments().length).toBeGreaterThan(3);
    expect(readAll(second)).toEqual(range(1, 50));
  });

  it("writes all records of one turn with one write", async () => {
    let writes = 0;
    const files: SpoolFiles = {
      ...fs,
      writeSync: ((...args: Parameters<typeof fs.writeSync>) => (
        (writes += 1),
        fs.writeSync(...args)
      )) as typeof fs.writeSync,
    };
    const spool = bench.start({ files });
    await put(spool);
    writes = 0;

    await Promise.all(range(1, 5).map(() => put(spool)));

    expect(writes).toBe(1);
    expect(readAll(spool)).toEqual(range(1, 6));
  });

  it("gives back the space of what was acknowledged, remembers the position, and keeps the rest", async () => {
    const spool = bench.start();
    await fill(spool, 40);
    const before = spool.usedBytes;

    spool.acknowledge(35);
    bench.stop(spool);
    const next = bench.start();

    expect(next.usedBytes).toBeLessThan(before / 2);
    expect(next.acknowledged).toBe(35);
    expect(readAll(next).slice(-5)).toEqual(range(36, 40));
    expect(next.nextSeq).toBe(41);
  });

  it("says full at its limit, keeps the reserve for those who may use it, and takes records again after an acknowledgement", async () => {
    const spool = bench.start();
    let result = await put(spool);
    while (result === "written") {
      result = await put(spool);
    }

    const reserved = await put(spool, "Written", true);
    const used = spool.usedBytes;
    spool.acknowledge(spool.writtenSeq - 5);
    const after = await put(spool);

    expect([result, reserved, after]).toEqual(["full", "written", "written"]);
    expect(used).toBeLessThanOrEqual(testLimits.totalBytesMax);
    expect(readAll(spool).at(-1)).toBe(spool.writtenSeq);
  });

  it("never takes more than its limit, however appends and acknowledgements are mixed", async () => {
    const step = fc.oneof(
      { weight: 8, arbitrary: fc.constant("append" as const) },
      fc.constant("reserved" as const),
      fc.constant("acknowledge" as const),
      fc.constant("reopen" as const),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 400 }), async (steps) => {
        bench.clear();
        let spool = bench.start({ limits: { ...testLimits, totalBytesMax: 2_000, reserveBytes: 300 } });
        let expected: number[] = [];
        for (const what of steps) {
          if (what === "acknowledge") {
            spool.acknowledge(spool.writtenSeq - 3);
          } else if (what === "reopen") {
            bench.stop(spool);
            spool = bench.start({ limits: { ...testLimits, totalBytesMax: 2_000, reserveBytes: 300 } });
          } else {
            const seq = spool.nextSeq;
            if ((await put(spool, "Written", what === "reserved")) === "written") {
              expected = [...expected, seq];
            }
          }
          const onDisk = bench.segments().reduce((sum, name) => sum + statSync(`${bench.directory}/${name}`).size, 0);
          expect(onDisk).toBeLessThanOrEqual(2_000);
          expect(onDisk).toBe(spool.usedBytes);
        }
        const kept = readAll(spool);
        expect(kept).toEqual(expected.slice(expected.length - kept.length));
        expect(kept[0] ?? spool.acknowledged + 1).toBeLessThanOrEqual(spool.acknowledged + 1);
        bench.stop(spool);
      }),
      { numRuns: 40 },
    );
  });

  it("refuses a record beyond the limit and limits that contradict each other", async () => {
    const spool = bench.start();
    await put(spool);

    const accepted = spool.append(Buffer.alloc(301), { durability: "Written", reserved: true }, () => {});

    expect(accepted).toBe("too-large");
    expect(() => checkSpoolLimits({ ...defaultSpoolLimits, segmentBytes: defaultSpoolLimits.totalBytesMax })).toThrow(
      RangeError,
    );
    expect(() => checkSpoolLimits({ ...defaultSpoolLimits, reserveBytes: defaultSpoolLimits.totalBytesMax })).toThrow(
      RangeError,
    );
  });
});

describe("Spool after a crash", () => {
  it("ships again from the beginning when the acknowledged position is torn, and takes no wrong one", async () => {
    const spool = bench.start();
    await fill(spool, 8);
    spool.acknowledge(7);
    bench.stop(spool);
    const path = `${bench.directory}/acknowledged`;
    const whole = readFileSync(path, "latin1");

    for (const torn of ["", whole.slice(0, 20), whole.replace("7", "9"), "junk"]) {
      writeFileSync(path, torn);
      const reopened = bench.start();
      expect([reopened.acknowledged, reopened.nextSeq]).toEqual([0, 9]);
      bench.stop(reopened);
    }
    writeFileSync(path, whole);
    expect(bench.start().acknowledged).toBe(7);
  });

  it("keeps every whole record and drops a torn one, wherever the last write was cut", async () => {
    const spool = bench.start({ limits: { ...testLimits, segmentBytes: 2_000 } });
    await fill(spool, 8);
    bench.stop(spool);
    const path = `${bench.directory}/${bench.segments()[0]}`;
    const whole = readFileSync(path);
    const ends = range(1, 8).map((seq) => whole.indexOf(payload(seq)) + payload(seq).length);

    for (let size = ends[4]!; size <= whole.length; size += 1) {
      writeFileSync(path, whole.subarray(0, size));
      const reopened = bench.start({ limits: { ...testLimits, segmentBytes: 2_000 } });
      const kept = ends.filter((end) => end <= size).length;
      expect(readAll(reopened)).toEqual(range(1, kept));
      // Zeros at the end may be room that was never used.
      const torn = whole.subarray(ends[kept - 1]!, size).findLastIndex((byte) => byte !== 0) + 1;
      expect(reopened.recovery).toMatchObject({ tornBytes: torn, damage: [] });
      await fill(reopened, 1);
      expect(readAll(reopened)).toEqual(range(1, kept + 1));
      bench.stop(reopened);
    }
  });

  it("takes a tail of zeros, as preallocation and a power loss leave it, for room that was not used", async () => {
    const spool = bench.start();
    await fill(spool, 3);
    bench.stop(spool);
    appendFileSync(`${bench.directory}/${bench.segments()[0]}`, Buffer.alloc(100));

    const reopened = bench.start();

    expect(readAll(reopened)).toEqual([1, 2, 3]);
    expect(reopened.recovery).toMatchObject({ tornBytes: 0, damage: [] });
  });

  it("finds a changed byte anywhere, says so, keeps all other records, and reuses no number", async () => {
    const spool = bench.start();
    await fill(spool, 30);
    bench.stop(spool);
    const names = bench.segments();
    const path = `${bench.directory}/${names[1]}`;
    const whole = readFileSync(path);
    const firstSeq = Number(/\d+/.exec(names[1]!)![0]);
    const recordsAt = whole.indexOf(payload(firstSeq)) - frameStartBytes - entryHeaderBytes;

    for (let at = recordsAt; at < whole.length; at += 7) {
      const changed = Buffer.from(whole);
      changed[at]! ^= 0x41;
      writeFileSync(path, changed);
      const reopened = bench.start();
      const kept = readAll(reopened);
      expect(kept.length).toBe(29);
      expect(reopened.recovery.damage).toHaveLength(1);
      expect(reopened.nextSeq).toBe(31);
      bench.stop(reopened);
    }
  });

  it("sets a segment aside whose start cannot be read, and goes on behind what it held", async () => {
    const spool = bench.start();
    await fill(spool, 30);
    bench.stop(spool);
    const last = bench.segments().at(-1)!;
    truncateSync(`${bench.directory}/${last}`, 4);

    const reopened = bench.start();
    await fill(reopened, 1);

    expect(readdirSync(bench.directory)).toContain(`damaged-${last}`);
    expect(reopened.recovery.damage).toHaveLength(1);
    expect(readAll(reopened).at(-1)).toBeGreaterThan(Number(/\d+/.exec(last)![0]));
  });

  it("goes on behind what was acknowledged when the device has lost its tail", async () => {
    const spool = bench.start();
    await fill(spool, 10);
    const old = readFileSync(`${bench.directory}/${bench.segments().at(-1)}`).subarray(0, -20);
    spool.acknowledge(10);
    bench.stop(spool);
    writeFileSync(`${bench.directory}/${bench.segments().at(-1)}`, old);

    const reopened = bench.start();
    await fill(reopened, 1);

    expect(reopened.recovery.damage).toHaveLength(1);
    expect(reopened.writtenSeq).toBe(11);
    bench.stop(reopened);
    expect(bench.start().nextSeq).toBe(12);
  });

  it("shows every record to whoever opens it, oldest first, with its number", async () => {
    const spool = bench.start();
    await fill(spool, 30);
    bench.stop(spool);
    const seen: string[] = [];

    bench.start({ visit: (bytes, seq) => seen.push(`${seq} ${String(bytes)}`) });

    expect(seen).toEqual(range(1, 30).map((seq) => `${seq} ${String(payload(seq))}`));
  });
});

it("copies of a spool's files open as the spool did: nothing of it lies elsewhere", async () => {
  const spool = bench.start();
  await fill(spool, 30);
  spool.acknowledge(12);
  bench.stop(spool);
  const copy = mkdtempSync(`${tmpdir()}/spool-`);
  for (const name of readdirSync(bench.directory).filter((name) => name !== "lock")) {
    copyFileSync(`${bench.directory}/${name}`, `${copy}/${name}`);
  }

  const opened = bench.start({ directory: copy });

  expect(opened.acknowledged).toBe(12);
  expect(readAll(opened).at(-1)).toBe(30);
  bench.stop(opened);
  rmSync(copy, { recursive: true });
});
