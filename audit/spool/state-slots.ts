import { checksum } from "./checksum.ts";
import type { SpoolFiles } from "./files.ts";
import { writeAll } from "./segment.ts";

const names = ["state-0", "state-1"] as const;
/** Length and CRC-32 of the text, both 32-bit little-endian. */
const headerBytes = 8;

/** Made ahead: the state of some hundred sessions. What is larger needs room when it is saved. */
const preparedBytes = 32 * 1024;

/** One value that is in a slot. */
export interface Saved {
  readonly slot: number;
  readonly text: string;
}

/** Reads what `saveState` kept; a slot that is not intact is left out. */
export function loadStates(files: SpoolFiles, directory: string): Saved[] {
  return names.flatMap((name, slot) => {
    try {
      const bytes = files.readFileSync(`${directory}/${name}`);
      const end = headerBytes + bytes.readUInt32LE(0);
      const intact =
        end > headerBytes && end <= bytes.length && checksum(bytes, headerBytes, end) === bytes.readUInt32LE(4);
      return intact ? [{ slot, text: bytes.toString("utf8", headerBytes, end) }] : [];
    } catch {
      return [];
    }
  });
}

/** Makes the slots where they are missing, so that a device that is full later has room for them. A full one is passed over. */
export function prepareStates(files: SpoolFiles, directory: string): void {
  for (const name of names) {
    try {
      const fd = files.openSync(`${directory}/${name}`, "wx", 0o600);
      try {
        writeAll(files, fd, Buffer.alloc(preparedBytes), 0);
      } finally {
        files.closeSync(fd);
      }
    } catch {
      // It is there already, or there is no room.
    }
  }
}

/**
 * Keeps a text in one of two slots, over what was there: a full device has room for that, and the other slot stays whole until this
 * one is on the device. `done` is called once, with whether it is; never before this returns.
 */
export function saveState(
  files: SpoolFiles,
  directory: string,
  { slot, text }: Saved,
  done: (saved: boolean) => void,
): void {
  const payload = Buffer.from(text, "utf8");
  const bytes = Buffer.allocUnsafe(headerBytes + payload.length);
  payload.copy(bytes, headerBytes);
  bytes.writeUInt32LE(payload.length, 0);
  bytes.writeUInt32LE(checksum(bytes, headerBytes, bytes.length), 4);
  let fd: number | undefined;
  try {
    fd = openSlot(files, `${directory}/${names[slot % names.length]}`);
    const opened = fd;
    writeAll(files, opened, bytes, 0);
    files.fdatasync(opened, (error) => {
      files.closeSync(opened);
      done(error === null);
    });
  } catch {
    if (fd !== undefined) {
      files.closeSync(fd);
    }
    setImmediate(() => done(false));
  }
}

function openSlot(files: SpoolFiles, path: string): number {
  try {
    return files.openSync(path, "r+");
  } catch {
    return files.openSync(path, "w", 0o600);
  }
}
