import { manualClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { backoffMaxMs } from "./backoff.ts";
import type { CacheChange } from "./cache.ts";
import { ModelServer, type Thing } from "./model-server.ts";
import { Reflector } from "./reflector.ts";
import { createResource } from "./resource.ts";

/** A reflector on a model server, by a manual clock; jitter is always its mean. */
export function setUp() {
  const clock = manualClock();
  const server = new ModelServer();
  const changes: CacheChange<Thing>[] = [];
  const resource = createResource<Thing>(server, { group: "", version: "v1", plural: "things" });
  const reflector = new Reflector<Thing>({
    resource,
    name: "things",
    clock,
    random: () => 0.5,
    log: silentLog,
    onChange: (change) => changes.push(change),
  });
  // A list of one object only asks for the newest version.
  const kindOf = ({ watch, limit }: Readonly<Record<string, unknown>> = {}): "list" | "watch" | "newest" =>
    watch === true ? "watch" : limit === 1 ? "newest" : "list";
  const count = (what: "list" | "watch" | "newest"): number =>
    server.requests.filter(({ query }) => kindOf(query) === what).length;
  return { clock, server, reflector, changes, count };
}

/** Lets everything happen that needs no timer. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn += 1) {
    await Promise.resolve();
  }
}

/** Past any wait that the reflector may be in. */
export const longWaitMs = 2 * backoffMaxMs;

/** The objects as text, in order. */
export function states(objects: Iterable<Thing>): readonly string[] {
  return [...objects].map(({ metadata, value }) => `${metadata.name} ${metadata.uid} ${value}`).sort();
}
