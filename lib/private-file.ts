import { randomBytes } from "node:crypto";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

/** Nobody guesses the name of a file that is being written. */
const nameBytes = 8;

/**
 * Writes a file: readable by its owner only, and replaced in one step. What somebody put in its way (a link to another file, a file that
 * others may read) is neither followed nor filled. Makes its folder where there is none. Throws what the file system says.
 */
export function writePrivateFile(file: string, text: string): void {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const staging = `${file}.${randomBytes(nameBytes).toString("hex")}`;
  writeFileSync(staging, text, { mode: 0o600, flag: "wx" });
  try {
    renameSync(staging, file);
  } catch (error) {
    rmSync(staging, { force: true });
    throw error;
  }
}
