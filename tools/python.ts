import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { cacheDirectory } from "./node24.mjs";
import { type Part, reasonFor } from "./parts/part.ts";

const botocore = path.join(import.meta.dirname, "python", "requirements.txt");

/** The Python with the packages that tests compare us with. */
export function preparePython(report: (text: string) => void): { python: string } | { missing: string } {
  return prepareVenv(botocore, () => report("bringing botocore from PyPI (about 15 MB, once)"));
}

/** Where the interpreter for a `requirements.txt` is; undefined while it was not prepared. */
function findVenv(requirements: string): string | undefined {
  const target = folderFor(requirements);
  return existsSync(path.join(target, "ready")) ? path.join(target, "bin", "python3") : undefined;
}

/** A program of the Python that was prepared for a `requirements.txt`; where there is none, what set-up remembered for `part`. */
export function venvProgram(requirements: string, program: string, part: string): Part<{ readonly file: string }> {
  const python = findVenv(requirements);
  return python === undefined ? { missing: reasonFor(part) } : { file: path.join(path.dirname(python), program) };
}

function folderFor(requirements: string): string {
  const key = createHash("sha256").update(readFileSync(requirements)).digest("hex").slice(0, 12);
  return path.join(cacheDirectory(), `python-${key}`);
}

/**
 * Prepares a Python with what a `requirements.txt` names, once per such file: pip checks every hash. Returns
 * its interpreter, or why this machine has none; the tests that need it then skip with that reason.
 */
export function prepareVenv(requirements: string, onWork: () => void): { python: string } | { missing: string } {
  const found = findVenv(requirements);
  if (found !== undefined) {
    return { python: found };
  }
  const target = folderFor(requirements);
  const python = path.join(target, "bin", "python3");
  onWork();
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
      return { missing: `a Python with these packages could not be prepared: ${why}` };
    }
  }
  // Marked last: a folder without the mark is an installation that was interrupted.
  writeFileSync(path.join(target, "ready"), "");
  return { python };
}
