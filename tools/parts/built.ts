import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Part } from "./part.ts";

/** A folder that set-up filled, if it is whole. */
export function findBuilt(folder: string): { folder: string } | undefined {
  return existsSync(path.join(folder, "ready")) ? { folder } : undefined;
}

/**
 * Fills a folder beside its target and moves it there when it is whole, so that nobody sees half of one. `fill` returns why it failed, or
 * nothing.
 */
export function build(
  target: string,
  fill: (staging: string) => string | undefined,
): Part<{ readonly folder: string }> {
  const staging = `${target}.${process.pid}`;
  mkdirSync(staging, { recursive: true });
  const failed = fill(staging);
  if (failed !== undefined) {
    rmSync(staging, { recursive: true, force: true });
    return { missing: failed };
  }
  rmSync(target, { recursive: true, force: true });
  renameSync(staging, target);
  writeFileSync(path.join(target, "ready"), "");
  return { folder: target };
}
