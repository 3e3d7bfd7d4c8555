import { createHash } from "node:crypto";
import { formatKey, keyOf, type ObjectKey } from "#kinds/index.ts";
import type { GrantWatchLine } from "#wire/control-api.ts";
import { type CallerGrant, callerGrant, type Known } from "./caller-view.ts";
import { ChangedKeys } from "./grant-news.ts";
import type { Caller } from "../route.ts";
import type { Services } from "../services.ts";

/** What is followed, and for whom. */
export interface GrantWatch {
  readonly caller: Caller;
  /** One Grant; absent: all that the caller may see. */
  readonly key?: ObjectKey;
  /** Leaves Grants out; absent: none. */
  readonly wants?: (seen: CallerGrant) => boolean;
  readonly signal: AbortSignal;
}

/** What the follower was last told of a Grant. */
interface Told {
  readonly grantID: string;
  /** 48 bits of the view's SHA-256: a change that is not seen by chance is rarer than a lost disk. */
  readonly digest: number;
}

/**
 * A view of each Grant, then `{}` once all are told, then a view at each change that shows, and `{grantID, gone: true}` for one that the
 * caller may not see any more. Changes of a Grant that come while the reader is busy are one: the reader gets the newest.
 */
export async function* watchGrants(
  services: Pick<Services, "grantNews"> & Known,
  { caller, key: only, wants = () => true, signal }: GrantWatch,
): AsyncGenerator<GrantWatchLine, void, void> {
  const { source, grantNews } = services;
  const changed = new ChangedKeys();
  const told = new Map<string, Told>();
  const isWanted = (key: ObjectKey): boolean =>
    only === undefined || (only.namespace === key.namespace && only.name === key.name);
  const lineOf = (key: ObjectKey): GrantWatchLine | undefined => {
    const name = formatKey(key);
    const before = told.get(name);
    const grant = source.get("Grant", key.namespace, key.name)?.object;
    const seen = grant === undefined ? undefined : callerGrant(services, caller, grant);
    if (seen === undefined || seen.grant.status?.grantID === undefined || !wants(seen)) {
      told.delete(name);
      return before === undefined ? undefined : { grantID: before.grantID, gone: true };
    }
    const view = seen.view();
    const digest = digestOf(view);
    told.set(name, { grantID: view.grantID, digest });
    return before?.digest === digest ? undefined : view;
  };
  // Before the first look, so that nothing falls between.
  const stop = grantNews.listen((key) => (isWanted(key) ? changed.add(key) : undefined));
  try {
    const first = only === undefined ? source.list("Grant").map(({ object }) => keyOf(object)) : [only];
    for (const key of first) {
      const line = lineOf(key);
      if (line !== undefined) {
        yield line;
      }
    }
    yield {};
    while (!signal.aborted) {
      const key = changed.take();
      const line = key === undefined ? undefined : lineOf(key);
      if (line !== undefined) {
        yield line;
      } else if (key === undefined) {
        await changed.some(signal);
      }
    }
  } finally {
    stop();
  }
}

function digestOf(view: unknown): number {
  return createHash("sha256").update(JSON.stringify(view)).digest().readUIntBE(0, 6);
}
