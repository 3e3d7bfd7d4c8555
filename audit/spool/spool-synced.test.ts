import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fill, payload, put, range, readAll, SpoolBench, testLimits } from "../testing/spools.ts";
import type { SpoolFiles } from "./files.ts";
import type { SpoolOptions } from "./spool.ts";

let bench: SpoolBench;
/** What reached the device, in order: `pool` and `here` are flushes, `dsync N` a write through O_DSYNC of N bytes. */
let calls: string[];
let flushMs: number;
let nowMs: number;
let failWith: string | undefined;
let spares: (() => void)[];

beforeEach(() => {
  bench = new SpoolBench();
  calls = [];
  flushMs = 0.1;
  nowMs = 0;
  failWith = undefined;
  spares = [];
});

afterEach(() => bench.remove());

function device(): void {
  nowMs += flushMs;
  if (failWith !== undefined) {
    throw Object.assign(new Error("device"), { code: failWith });
  }
}

/** A device whose flushes take `flushMs`, and which makes spare segments when it is told to. */
const files: SpoolFiles = {
  ...fs,
  fdatasync: ((fd: number, done: (error: Error | null) => void) => {
    calls.push("pool");
    nowMs += flushMs;
    fs.fdatasyncSync(fd);
    setImmediate(() => done(failWith === undefined ? null : new Error("device")));
  }) as typeof fs.fdatasync,
  fdatasyncSync: (fd) => {
    calls.push("here");
    device();
    fs.fdatasyncSync(fd);
  },
  writevSync: ((fd: number, parts: readonly Uint8Array[], position: number) => {
    calls.push(`dsync ${parts.reduce((sum, part) => sum + part.length, 0)}`);
    device();
    return fs.writevSync(fd, parts, position);
  }) as typeof fs.writevSync,
  writeFile: ((path: string, data: Uint8Array, _options: object, done: (error: Error | null) => void) => {
    spares.push(() => {
      fs.writeFileSync(path, data);
      done(null);
    });
  }) as typeof fs.writeFile,
};

const start = (options: Partial<SpoolOptions> = {}) => bench.start({ files, monotonicMs: () => nowMs, ...options });
const large = { ...testLimits, segmentBytes: 2_000 };

describe("Synced", () => {
  it("goes through the thread pool until the device is known to be fast, then one call brings a turn to it", async () => {
    const spool = start({ limits: large });

    await put(spool, "Synced");
    await put(spool, "Synced");
    const known = calls.splice(0);
    await put(spool, "Synced");

    expect(known).toEqual(["pool", "here"]);
    expect(calls).toEqual([`dsync ${payload(3).length + 20}`]);
    expect(spool.metrics).toMatchObject({
      flushes: { count: 3, maxMs: expect.closeTo(0.1) as number },
      flushPlace: "event-loop",
    });
    expect(readAll(spool)).toEqual([1, 2, 3]);
  });

  it("brings what was only written before to the device too, and each byte of it once", async () => {
    const spool = start({ limits: large });
    await put(spool, "Synced");
    await put(spool, "Synced");
    calls.length = 0;

    await put(spool, "Written");
    await put(spool, "Synced");
    await put(spool, "Synced");

    const bytesOf = (seq: number): number => payload(seq).length + 20;
    expect(calls).toEqual([`dsync ${bytesOf(3) + bytesOf(4)}`, `dsync ${bytesOf(5)}`]);
    expect(readAll(spool)).toEqual(range(1, 5));
  });

  it("flushes the whole file when more was written before than it remembers", async () => {
    const limits = { ...testLimits, totalBytesMax: 1_000_000, segmentBytes: 200_000, recordBytesMax: 70_000 };
    const spool = start({ limits });
    await put(spool, "Synced");
    await put(spool, "Synced");
    calls.length = 0;

    await new Promise((resolve) => {
      spool.append(Buffer.alloc(66_000, "x"), { durability: "Written", reserved: false }, resolve);
    });
    await put(spool, "Synced");

    expect(calls).toEqual(["here"]);
  });

  it("leaves the event loop when the device becomes slow", async () => {
    const spool = start({ limits: large });
    await put(spool, "Synced");
    flushMs = 20;
    await put(spool, "Synced");
    calls.length = 0;

    await put(spool, "Synced");

    expect(calls).toEqual(["pool"]);
    expect(spool.metrics.flushPlace).toBe("thread-pool");
  });

  it("keeps nothing of a turn for which the device has no room, and goes on when it has", async () => {
    const spool = start({ limits: large });
    await put(spool, "Synced");
    await put(spool, "Synced");
    failWith = "ENOSPC";

    const during = await Promise.all([put(spool, "Synced"), put(spool)]);
    failWith = undefined;
    const after = await put(spool, "Synced");

    expect([during, after]).toEqual([["full", "full"], "written"]);
    expect(readAll(spool)).toEqual([1, 2, 3]);
    expect(spool.metrics.failedWrites).toBe(1);
  });

  it("never calls a record synced again after a flush on the event loop has failed", async () => {
    const spool = start({ limits: large });
    await put(spool, "Synced");
    await put(spool, "Synced");
    failWith = "EIO";
    const during = await put(spool, "Synced");
    failWith = undefined;

    expect([during, await put(spool, "Synced"), await put(spool)]).toEqual(["full", "full", "written"]);
  });

  it("flushes the end of a segment before anything is flushed in the next one", async () => {
    const spool = start();
    await put(spool, "Synced");
    while (bench.segments().length < 2) {
      calls.length = 0;
      await put(spool, "Written");
    }

    expect(calls).toEqual(["here"]);
  });
});

describe("a segment made ahead", () => {
  it("is made when somebody flushes, becomes the next segment, and counts as used from the beginning", async () => {
    const spool = start();
    await put(spool, "Synced");
    const before = spool.usedBytes;
    spares.shift()!();
    const [first] = bench.segments();
    const onDisk = (): number =>
      fs
        .readdirSync(bench.directory)
        .filter((name) => /^(records|spare)-/.test(name))
        .reduce((sum, name) => sum + fs.statSync(`${bench.directory}/${name}`).size, 0);
    expect(spool.usedBytes).toBe(before);
    expect(spool.usedBytes).toBe(onDisk());

    while (bench.segments().length < 2) {
      await put(spool, "Written");
    }

    const second = bench.segments()[1]!;
    expect(fs.statSync(`${bench.directory}/${second}`).size).toBe(testLimits.segmentBytes);
    expect(spool.usedBytes).toBe(onDisk());
    expect(readAll(spool)).toEqual(range(1, spool.writtenSeq));
    bench.stop(spool);
    const reopened = start();
    await fill(reopened, 3);
    expect(reopened.recovery).toMatchObject({ tornBytes: 0, damage: [] });
    expect(readAll(reopened)).toEqual(range(1, reopened.writtenSeq));
    expect(first).not.toBe(second);
  });

  it("is not made where the limit leaves no room for it, and never makes the spool larger than its limit", async () => {
    const limits = { ...testLimits, totalBytesMax: 2_000, reserveBytes: 300 };
    const spool = start({ limits });
    let result = "written";
    while (result === "written") {
      result = await put(spool, "Synced");
      spares.shift()?.();
      expect(spool.usedBytes).toBeLessThanOrEqual(2_000);
    }

    expect(fs.readdirSync(bench.directory)).not.toContain("spare-segment");
    expect(await put(spool, "Written", true)).toBe("written");
  });

  it("is taken away when the spool is closed, also while it is being made, and when a process left it", async () => {
    const spool = start();
    await put(spool, "Synced");
    bench.stop(spool);
    spares.shift()!();
    const afterClose = fs.readdirSync(bench.directory);
    fs.writeFileSync(`${bench.directory}/spare-segment`, "half");

    start();

    expect(afterClose).not.toContain("spare-segment");
    expect(fs.readdirSync(bench.directory)).not.toContain("spare-segment");
  });
});
