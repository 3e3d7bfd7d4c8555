import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { SegmentReader } from "../linking/reader.ts";
import type { SpoolLimits } from "../spool/limits.ts";
import { Spool, type AppendResult, type SpoolOptions } from "../spool/spool.ts";

/** Small enough that a test reaches every limit. */
export const testLimits: SpoolLimits = {
  totalBytesMax: 10_000,
  reserveBytes: 1_000,
  segmentBytes: 400,
  recordBytesMax: 300,
};

/** A record that says its own number, as ours do. */
export const payload = (seq: number): Buffer => Buffer.from(`{"seq":${seq},"pad":"${"p".repeat(seq % 40)}"}`);

/** Numbers from `from` to `to`, both included. */
export const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** A directory for spools, and the spools opened in it. */
export class SpoolBench {
  readonly directory: string = mkdtempSync(`${tmpdir()}/spool-`);
  #open: Spool[] = [];

  /** Opens a spool; it is closed by `stop` or `remove`. */
  start(options: Partial<SpoolOptions> = {}): Spool {
    const spool = Spool.open({ directory: this.directory, limits: testLimits, ...options });
    this.#open.push(spool);
    return spool;
  }

  stop(spool: Spool): void {
    this.#open = this.#open.filter((other) => other !== spool);
    spool.close();
  }

  /** Empties the directory. */
  clear(): void {
    for (const spool of this.#open.splice(0)) {
      spool.close();
    }
    for (const name of readdirSync(this.directory)) {
      rmSync(`${this.directory}/${name}`);
    }
  }

  /** Closes what is open and removes the directory. */
  remove(): void {
    this.clear();
    rmSync(this.directory, { recursive: true });
  }

  /** Names of the segment files, oldest first. */
  segments(): string[] {
    return readdirSync(this.directory)
      .filter((name) => name.startsWith("records-"))
      .toSorted();
  }
}

/** Appends the next record. */
export function put(
  spool: Spool,
  durability: "Written" | "Synced" = "Written",
  reserved = false,
): Promise<AppendResult> {
  return new Promise((resolve) => {
    const accepted = spool.append(payload(spool.nextSeq), { durability, reserved }, resolve);
    if (accepted !== "accepted") {
      resolve("full");
    }
  });
}

/** Appends `count` records; throws when one is not taken. */
export async function fill(spool: Spool, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    if ((await put(spool)) !== "written") {
      throw new Error("the spool did not take the record");
    }
  }
}

/** Numbers of all records, read from the segments; throws when one does not hold what was written. */
export function readAll(spool: Spool): number[] {
  const seqs: number[] = [];
  for (const segment of spool.segments) {
    const reader = new SegmentReader(segment.path);
    for (let entries = reader.next(segment); entries !== undefined; entries = reader.next(segment)) {
      for (
        let seq = entries.seq, bytes = entries.next();
        bytes !== undefined;
        seq = entries.seq, bytes = entries.next()
      ) {
        if (!bytes.equals(payload(seq))) {
          throw new Error(`record ${seq} is not what was written`);
        }
        seqs.push(seq);
      }
    }
    reader.close();
  }
  return seqs;
}
