import * as fs from "node:fs";
import { decodeRecord } from "../codec.ts";
import type { Journal } from "../journal.ts";
import type { AuditRecord } from "../record.ts";
import type { SpoolFiles } from "../spool/files.ts";

/** A record as it is shipped. */
export interface ShippedRecord {
  readonly seq: number;
  readonly bytes: Buffer;
  readonly record: AuditRecord;
}

/** The next batch, taken apart. */
export async function recordsAfter(journal: Journal, seq: number, bytesMax: number): Promise<ShippedRecord[]> {
  const batch = await journal.batchAfter(seq, bytesMax);
  const all = Buffer.from(batch.bytes);
  const records: ShippedRecord[] = [];
  for (let at = 0; at < all.length;) {
    const end = at + 4 + all.readUInt32BE(at);
    const bytes = all.subarray(at + 4, end);
    const record = decodeRecord(bytes);
    records.push({ seq: record.seq, bytes, record });
    at = end;
  }
  return records;
}

/** A file system whose flushes are done when they return: what waits for one happens at once. */
export const promptFiles: SpoolFiles = {
  ...fs,
  fdatasync: ((fd: number, done: (error: Error | null) => void) => {
    fs.fdatasyncSync(fd);
    done(null);
  }) as typeof fs.fdatasync,
};

/** Ships and acknowledges everything. */
export async function shipAll(journal: Journal): Promise<void> {
  const batch = await journal.batchAfter(journal.acknowledged, 1e9);
  journal.acknowledge(batch.lastSeq);
}
