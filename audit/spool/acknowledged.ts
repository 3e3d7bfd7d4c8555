import { checksum } from "./checksum.ts";
import type { SpoolFiles } from "./files.ts";

const fileName = "acknowledged";
/** The number in 16 digits, a space, and the CRC-32 of the digits in 8: always the same bytes are written over. */
const pattern = /^(\d{16}) ([0-9a-f]{8})$/;

/**
 * The highest sequence number that the controller has stored, kept over restarts. A lost or old value does no harm: records are then
 * shipped again, and the store recognises them. So nothing is flushed and a full disk is passed over, and a change costs one small
 * write into an open file: it happens with every batch, on the event loop.
 */
export class AcknowledgedFile {
  readonly #files: SpoolFiles;
  readonly #path: string;
  #fd: number | undefined;

  constructor(files: SpoolFiles, directory: string) {
    this.#files = files;
    this.#path = `${directory}/${fileName}`;
  }

  /** What was saved last; 0 when there is nothing or it cannot be read. */
  load(): number {
    try {
      const [, digits = "", sum = ""] = pattern.exec(this.#files.readFileSync(this.#path).toString("latin1")) ?? [];
      return digits !== "" && sum === sumOf(digits) ? Number(digits) : 0;
    } catch {
      return 0;
    }
  }

  save(seq: number): void {
    const digits = String(seq).padStart(16, "0");
    const text = Buffer.from(`${digits} ${sumOf(digits)}`, "latin1");
    try {
      this.#fd ??= this.#open();
      this.#files.writeSync(this.#fd, text, 0, text.length, 0);
    } catch {
      // Kept in memory; the next acknowledgement tries again.
    }
  }

  close(): void {
    if (this.#fd !== undefined) {
      this.#files.closeSync(this.#fd);
      this.#fd = undefined;
    }
  }

  #open(): number {
    try {
      return this.#files.openSync(this.#path, "r+");
    } catch {
      return this.#files.openSync(this.#path, "w", 0o600);
    }
  }
}

function sumOf(digits: string): string {
  const bytes = Buffer.from(digits, "latin1");
  return checksum(bytes, 0, bytes.length).toString(16).padStart(8, "0");
}
