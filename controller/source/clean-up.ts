import type { AnyObject } from "#kinds/index.ts";

/**
 * Whether a deleted object must stay until what it made outside is undone (`Source.release`): every Grant, and a Proxy whose ECS
 * service goes with it. The others have nothing that must be undone first.
 */
export function needsCleanUp(object: AnyObject): boolean {
  switch (object.kind) {
    case "Grant":
      return true;
    case "Proxy":
      return object.spec.managementPolicy !== "Observe" && object.spec.deletionPolicy !== "Retain";
    default:
      return false;
  }
}
