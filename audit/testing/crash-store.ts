import { appendFileSync, existsSync, readFileSync, truncateSync } from "node:fs";
import { decodeRecord } from "../codec.ts";
import type { Journal } from "../journal.ts";
import type { KeptRecord } from "../verify.ts";

/** Journals of crash tests: small, so that segments are given back many times. */
export const crashLimits = {
  totalBytesMax: 8 * 1024 * 1024,
  reserveBytes: 512 * 1024,
  segmentBytes: 128 * 1024,
  recordBytesMax: 2 * 1024 * 1024,
};

/** Stands in for the controller's store: a file of shipped batches. A batch that a death has cut short is cut off. */
export class CrashStore {
  readonly #path: string;
  #lastSeq = 0;

  constructor(path: string) {
    this.#path = path;
    this.#lastSeq = this.records().at(-1)?.storeSeq ?? 0;
  }

  /** Number of the last record that is stored. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Everything stored, in order; `storeSeq` is the record's own number. */
  records(): KeptRecord[] {
    const all = existsSync(this.#path) ? readFileSync(this.#path) : Buffer.alloc(0);
    const records: KeptRecord[] = [];
    let at = 0;
    while (at + 4 <= all.length && at + 4 + all.readUInt32BE(at) <= all.length) {
      const end = at + 4 + all.readUInt32BE(at);
      const bytes = all.subarray(at + 4, end);
      records.push({ bytes, storeSeq: decodeRecord(bytes).seq });
      at = end;
    }
    if (at < all.length) {
      truncateSync(this.#path, at);
    }
    return records;
  }

  /** Stores the next batch and acknowledges it. False when there is none. */
  async takeFrom(journal: Journal, bytesMax: number): Promise<boolean> {
    const batch = await journal.batchAfter(this.#lastSeq, bytesMax);
    appendFileSync(this.#path, batch.bytes);
    this.#lastSeq = batch.lastSeq;
    journal.acknowledge(batch.lastSeq);
    return batch.count > 0;
  }
}
