import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";

/** Nobody guesses the name of a file that is being written. */
const nameBytes = 8;
/** Permission bits of everybody but the owner. */
const othersMask = 0o077;

/**
 * Writes a file: readable by its owner only, and replaced in one step. What somebody put in its way (a link to another file, a file that
 * others may read) is neither followed nor filled. Makes its folder where there is none. Throws what the file system says.
 */
export function writePrivateFile(file: string, text: string): void {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const staging = `${file}.${Buffer.from(crypto.getRandomValues(new Uint8Array(nameBytes))).toString("hex")}`;
  writeFileSync(staging, text, { mode: 0o600, flag: "wx" });
  try {
    renameSync(staging, file);
  } catch (error) {
    rmSync(staging, { force: true });
    throw error;
  }
}

/** What a file holds that only its owner can read, or why it is no such file. */
export type PrivateText = { readonly text: string } | { readonly exposed: string };

/**
 * Reads a file that `writePrivateFile` wrote; undefined where there is none, or none that can be read. One that is a link, that somebody
 * else owns or that others may read is not read: `exposed` says which, in words that follow the file's name.
 */
export function readPrivateFile(file: string): PrivateText | undefined {
  let handle: number | undefined;
  try {
    // Looked at once it is open: what is looked at by its name may be another file when it is read. Without waiting: a pipe may have nobody
    // at its other end.
    handle = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const exposed = exposureOf(handle);
    return exposed === undefined ? { text: readFileSync(handle, "utf8") } : { exposed };
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ELOOP" ? { exposed: "is a link" } : undefined;
  } finally {
    if (handle !== undefined) {
      closeSync(handle);
    }
  }
}

function exposureOf(handle: number): string | undefined {
  const stats = fstatSync(handle);
  if (!stats.isFile()) {
    return "is no file";
  }
  // Windows has neither; there the profile's folder is the person's own.
  const ownID = process.getuid?.();
  if (ownID !== undefined && stats.uid !== ownID) {
    return "belongs to another user of this computer";
  }
  return ownID !== undefined && (stats.mode & othersMask) !== 0
    ? "may be read by other users of this computer"
    : undefined;
}
