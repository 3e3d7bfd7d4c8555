import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Part } from "./part.ts";

/**
 * A place of the same files that the account can read to which a server drops when set-up is root, whose own cache it cannot enter. The
 * files are linked, not copied. For anybody else it is the folder itself.
 */
export function reachable(folder: string): Part<{ readonly folder: string }> {
  const uid = process.getuid?.();
  if (uid !== 0) {
    return { folder };
  }
  const target = path.join(tmpdir(), `sallyport-${path.basename(folder)}-${uid}`);
  if (!existsSync(target)) {
    const staging = `${target}.${process.pid}`;
    try {
      link(folder, staging);
      renameSync(staging, target);
    } catch (error) {
      // Another process may have finished first; what it left is checked below.
      rmSync(staging, { recursive: true, force: true });
      if (!existsSync(target)) {
        return { missing: `${folder} could not be put where an unprivileged account can read it: ${String(error)}` };
      }
    }
  }
  const stat = statSync(target);
  return stat.uid === uid && (stat.mode & 0o022) === 0
    ? { folder: target }
    : { missing: `${target} belongs to somebody else or can be written by others: remove it and try again` };
}

function link(from: string, to: string): void {
  mkdirSync(to, { mode: 0o755 });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [path.join(from, entry.name), path.join(to, entry.name)];
    if (entry.isDirectory()) {
      link(source, target);
    } else if (entry.isSymbolicLink()) {
      symlinkSync(readlinkSync(source), target);
    } else {
      linkSync(source, target);
    }
  }
}
