import { createHash } from "node:crypto";
import path from "node:path";
import type { World } from "../command.ts";

/**
 * A file of what can be got again, one of its kind for each installation: below `$XDG_CACHE_HOME/sallyport`, else `~/.cache/sallyport` (XDG
 * Base Directory specification).
 */
export function cacheFile(kind: string, url: string, world: World): string {
  const base = world.environment["XDG_CACHE_HOME"] || path.join(world.homeDirectory, ".cache");
  const name = createHash("sha256").update(url).digest("hex").slice(0, 32);
  return path.join(base, "sallyport", `${kind}-${name}.json`);
}
