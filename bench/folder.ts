import { chownSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { removeAtExit } from "./child.ts";

/** The account that servers run as when the bench runs as root, which they refuse to be: `nobody` on every Linux. */
const unprivilegedID = 65_534;

/** Options of a spawn that drop to an unprivileged account where needed. */
export const unprivileged: { readonly uid?: number; readonly gid?: number } =
  process.getuid?.() === 0 ? { uid: unprivilegedID, gid: unprivilegedID } : {};

/** A folder of a bench part, which belongs to the unprivileged account and is removed at the end. */
export function makeFolder(name: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), `sallyport-bench-${name}-`));
  removeAtExit(folder);
  give(folder);
  return folder;
}

/** Writes a file that only the servers' account reads. */
export function writeOwned(file: string, content: string): string {
  writeFileSync(file, content, { mode: 0o600 });
  give(file);
  return file;
}

function give(file: string): void {
  if (unprivileged.uid !== undefined && unprivileged.gid !== undefined) {
    chownSync(file, unprivileged.uid, unprivileged.gid);
  }
}
