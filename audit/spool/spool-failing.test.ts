import * as fs from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fill, put, range, readAll, SpoolBench } from "../testing/spools.ts";
import type { SpoolFiles } from "./files.ts";

let bench: SpoolBench;

beforeEach(() => {
  bench = new SpoolBench();
});

afterEach(() => bench.remove());

describe("Spool on a failing device", () => {
  /** A device that takes `left.bytes` more bytes and writes what fits before it fails. */
  function smallDevice(left: { bytes: number }): SpoolFiles {
    const writeSync = (fd: number, bytes: Uint8Array, offset: number, length: number, position: number): number => {
      if (left.bytes === 0) {
        throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
      }
      const count = Math.min(length, left.bytes);
      left.bytes -= count;
      return fs.writeSync(fd, bytes, offset, count, position);
    };
    return { ...fs, writeSync: writeSync as typeof fs.writeSync };
  }

  it("says full when the device is, keeps nothing of the turn that failed, and goes on when there is room", async () => {
    for (let room = 0; room < 200; room += 3) {
      bench.clear();
      const left = { bytes: 1_000 };
      let failed = 0;
      const spool = bench.start({ files: smallDevice(left), onFailed: () => (failed += 1) });
      await fill(spool, 3);
      left.bytes = room;

      const results = await Promise.all([put(spool), put(spool), put(spool)]);
      left.bytes = 10_000;
      await fill(spool, 2);
      bench.stop(spool);

      const kept = results[0] === "written" ? 8 : 5;
      expect(new Set(results).size).toBe(1);
      expect(failed).toBe(results[0] === "full" ? 1 : 0);
      const reopened = bench.start();
      expect(readAll(reopened)).toEqual(range(1, kept));
      expect(reopened.recovery).toMatchObject({ tornBytes: 0, damage: [] });
      bench.stop(reopened);
    }
  });

  it("takes nothing more when a failed write cannot be taken back", async () => {
    const left = { bytes: 1_000 };
    const broken: SpoolFiles = {
      ...smallDevice(left),
      ftruncateSync: () => {
        throw new Error("input/output error");
      },
    };
    const spool = bench.start({ files: broken });
    await fill(spool, 1);
    left.bytes = 5;

    const failed = await put(spool);
    left.bytes = 10_000;

    expect([failed, await put(spool)]).toEqual(["full", "full"]);
  });

  it("never calls a record synced again after one flush has failed", async () => {
    let fail = false;
    const fdatasync = (fd: number, done: (error: Error | null) => void): void =>
      fail ? done(new Error("input/output error")) : fs.fdatasync(fd, done);
    const spool = bench.start({ files: { ...fs, fdatasync: fdatasync as typeof fs.fdatasync } });
    const before = await put(spool, "Synced");

    fail = true;
    const during = await put(spool, "Synced");
    fail = false;
    const after = await put(spool, "Synced");

    expect([before, during, after, await put(spool)]).toEqual(["written", "full", "full", "written"]);
  });

  it("shares one flush among all who come while another is under way", async () => {
    const pending: (() => void)[] = [];
    let flushes = 0;
    const fdatasync = (fd: number, done: (error: Error | null) => void): void => {
      flushes += 1;
      pending.push(() => fs.fdatasync(fd, done));
    };
    const spool = bench.start({ files: { ...fs, fdatasync: fdatasync as typeof fs.fdatasync } });
    const first = put(spool, "Synced");
    await put(spool);

    const others = [put(spool, "Synced"), put(spool, "Synced")];
    await put(spool);
    others.push(put(spool, "Synced"));
    await put(spool);
    pending.shift()!();
    await first;
    pending.shift()!();

    expect(await Promise.all(others)).toEqual(["written", "written", "written"]);
    expect(flushes).toBe(2);
  });
});
