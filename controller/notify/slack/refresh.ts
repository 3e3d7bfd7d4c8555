import { SinkFailure } from "#audit/sinks/failure.ts";
import { formatKey, keyOf, type ObjectKey } from "#kinds/index.ts";
import { pause } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";
import { ChangedKeys } from "../../serve/grants/grant-news.ts";
import { findGrant } from "../../source/grant-by-id.ts";
import { askReviewers } from "./copies.ts";
import type { SlackDesk } from "./desk.ts";

/** Pause after a try that failed, in milliseconds. What is told of events goes its own way. */
const retryMs = 30_000;
/** How long a stop waits for what is under way, in milliseconds: as long as sinks do. */
const stopGraceMs = 5_000;

/**
 * Keeps messages as their grants are, and asks reviewers. What they decide on is known a moment after the request is; and what an event tells
 * may be on record before the Grant says so. Runs until the signal aborts.
 */
export async function keepFresh(desk: SlackDesk, signal: AbortSignal): Promise<void> {
  const { news, clock, log } = desk.options;
  const changed = new ChangedKeys();
  const stop = news.listen((key) => changed.add(key));
  // What is under way when this is to stop gets its answer: otherwise nobody would know whether it arrived.
  const calls = new AbortController();
  let cancel = (): void => {};
  signal.addEventListener("abort", () => (cancel = clock.after(stopGraceMs, () => calls.abort())), { once: true });
  const later = new Set<() => void>();
  const asking = async (key: ObjectKey): Promise<void> => {
    const grant = desk.options.source.get("Grant", key.namespace, key.name)?.object;
    try {
      await (grant === undefined ? undefined : askReviewers(desk, grant, calls.signal));
    } catch (error) {
      if (error instanceof SinkFailure) {
        throw error;
      }
      // The Identity Store does not answer: that keeps no other message from being as its grant is.
      log.debug("reviewers could not be asked in Slack", { grant: formatKey(key), error: coerceError(error) });
      const forget = clock.after(retryMs, () => {
        later.delete(forget);
        changed.add(key);
      });
      later.add(forget);
    }
  };
  let isCaughtUp = false;
  while (!signal.aborted) {
    let key: ObjectKey | undefined;
    try {
      if (!isCaughtUp) {
        await addKnown(desk, changed);
        isCaughtUp = true;
      }
      await changed.some(signal);
      key = signal.aborted ? undefined : changed.take();
      if (key !== undefined) {
        await refresh(desk, key, calls.signal);
        await asking(key);
      }
    } catch (error) {
      log.debug("a message in Slack could not be brought up to date", {
        ...(key === undefined ? {} : { grant: formatKey(key) }),
        error: coerceError(error),
      });
      if (key !== undefined) {
        changed.add(key);
      }
      await pause(clock, retryMs, signal).catch(() => {});
    }
  }
  stop();
  cancel();
  for (const forget of later) {
    forget();
  }
}

/** What changed while nobody looked: the grants of all messages. */
async function addKnown({ book, options: { source } }: SlackDesk, changed: ChangedKeys): Promise<void> {
  for (const grantID of await book.grantIDs()) {
    const grant = findGrant(source, grantID);
    if (grant !== undefined) {
      changed.add(keyOf(grant));
    }
  }
}

async function refresh(desk: SlackDesk, { namespace, name }: ObjectKey, signal: AbortSignal): Promise<void> {
  await desk.exclusive(async () => {
    const grant = desk.options.source.get("Grant", namespace, name)?.object;
    const view = grant === undefined ? undefined : desk.viewOf(grant);
    const place = view === undefined ? undefined : await desk.book.placeOf(view.grantID);
    // The first message is that of the request, which comes with its event.
    await (view === undefined || place === undefined ? undefined : desk.show(view, place, signal));
  });
}
