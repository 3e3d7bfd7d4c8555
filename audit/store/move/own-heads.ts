import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { UserError } from "#lib/errors.ts";
import { headsPath } from "../../head-place.ts";
import { trailPaths } from "../../trail-directory.ts";

/**
 * Writes the lines of the head log down where a replica keeps its lines of a shared one: who can change the store cannot cut them off
 * unnoticed. The directory's lock is held. Throws a `UserError` where lines of another log are there.
 */
export function keepOwnHeads(state: string, heads: readonly string[]): void {
  const { sharedHeads } = trailPaths(state);
  const file = headsPath(sharedHeads);
  const known = new Set(heads);
  if (linesIn(file).some((line) => !known.has(line))) {
    throw new UserError("HeadsOfAnother", `${sharedHeads} holds heads of another shared trail`, {
      why: "They would be missed in the moved one each time that it is verified.",
      next: "Where that trail is not this replica's any more, move that directory away, and run this again.",
    });
  }
  const staging = `${file}.new`;
  writeFileSync(staging, heads.map((line) => `${line}\n`).join(""), { mode: 0o600, flush: true });
  renameSync(staging, file);
}

function linesIn(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n").slice(0, -1);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      return [];
    }
    throw error;
  }
}
