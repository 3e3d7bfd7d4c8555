import type { SpoolFiles } from "./files.ts";
import { writeAll } from "./segment.ts";

/** Reads the position that `saveAcknowledged` kept; 0 when there is none or it cannot be read. */
export function loadAcknowledged(files: SpoolFiles, directory: string): number {
  try {
    const value: unknown = JSON.parse(files.readFileSync(`${directory}/acknowledged`).toString("utf8"));
    return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : 0;
  } catch {
    return 0;
  }
}

/**
 * Keeps the highest sequence number that the controller has stored. A lost or old value does no harm: records are then
 * shipped again, and the store recognises them. So nothing is flushed, and a full disk is passed over.
 */
export function saveAcknowledged(files: SpoolFiles, directory: string, seq: number): void {
  try {
    const temporary = `${directory}/new-acknowledged`;
    const fd = files.openSync(temporary, "w", 0o600);
    try {
      writeAll(files, fd, Buffer.from(String(seq)), 0);
    } finally {
      files.closeSync(fd);
    }
    files.renameSync(temporary, `${directory}/acknowledged`);
  } catch {
    // Kept in memory; the next acknowledgement tries again.
  }
}
