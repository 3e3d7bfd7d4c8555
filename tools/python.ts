import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { cacheDirectory } from "./node24.mjs";

const requirements = path.join(import.meta.dirname, "python", "requirements.txt");

/**
 * Prepares a Python with the packages that tests compare us with, once per `requirements.txt`: pip checks every hash. Returns
 * its interpreter, or why this machine has none; the tests that need it then skip with that reason.
 */
export function preparePython(report: (text: string) => void): { python: string } | { missing: string } {
  const key = createHash("sha256").update(readFileSync(requirements)).digest("hex").slice(0, 12);
  const target = path.join(cacheDirectory(), `python-${key}`);
  const python = path.join(target, "bin", "python3");
  if (existsSync(path.join(target, "ready"))) {
    return { python };
  }
  report("bringing botocore from PyPI (about 15 MB, once)");
  rmSync(target, { recursive: true, force: true });
  const steps: readonly (readonly [string, ...string[]])[] = [
    ["python3", "-m", "venv", target],
    [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", requirements],
  ];
  for (const [file, ...args] of steps) {
    const done = spawnSync(file, args, { encoding: "utf8" });
    if (done.status !== 0) {
      rmSync(target, { recursive: true, force: true });
      const why = (done.error?.message ?? done.stderr).trim().split("\n").at(-1) ?? "";
      return { missing: `python3 with botocore could not be prepared: ${why}` };
    }
  }
  // Marked last: a folder without the mark is an installation that was interrupted.
  writeFileSync(path.join(target, "ready"), "");
  return { python };
}
