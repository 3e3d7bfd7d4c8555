import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

/** How long a process that waits for another's lock sleeps between looks. */
const lookEveryMs = 500;

/**
 * Runs `work` while no other process does so under the same file, which names the process that holds it; one that died gives it up. It
 * saves work only: two processes that judge a dead one's lock at the same instant may both go on, and what they make is moved into place
 * whole.
 */
export function alone<T>(file: string, work: () => T): T {
  mkdirSync(path.dirname(file), { recursive: true });
  while (!taken(file)) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, lookEveryMs);
  }
  try {
    return work();
  } finally {
    rmSync(file, { force: true });
  }
}

function taken(file: string): boolean {
  try {
    writeFileSync(file, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
      throw error;
    }
  }
  if (!isHeld(file)) {
    rmSync(file, { force: true });
  }
  return false;
}

function isHeld(file: string): boolean {
  try {
    // Signal 0 only asks whether the process is there.
    process.kill(Number(readFileSync(file, "utf8")), 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
