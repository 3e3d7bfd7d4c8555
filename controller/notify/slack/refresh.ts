import { formatKey, keyOf, type ObjectKey } from "#kinds/index.ts";
import { pause } from "#lib/clock.ts";
import { coerceError } from "#lib/errors.ts";
import { ChangedKeys } from "../../serve/grants/grant-news.ts";
import type { SlackDesk } from "./desk.ts";

/** Pause after a try that failed, in milliseconds. What is told of events goes its own way. */
const retryMs = 30_000;

/**
 * Keeps the messages of grants that wait for approval as the grants are: what reviewers decide on is known a moment after the request is,
 * and may change without any event. Runs until the signal aborts.
 */
export async function keepFresh(desk: SlackDesk, signal: AbortSignal): Promise<void> {
  const { source, news, clock, log } = desk.options;
  const changed = new ChangedKeys();
  const stop = news.listen((key) => changed.add(key));
  for (const { object } of source.list("Grant")) {
    changed.add(keyOf(object));
  }
  while (!signal.aborted) {
    await changed.some(signal);
    const key = signal.aborted ? undefined : changed.take();
    if (key === undefined) {
      continue;
    }
    try {
      await desk.exclusive(() => refresh(desk, key, signal));
    } catch (error) {
      log.debug("a message in Slack could not be brought up to date", {
        grant: formatKey(key),
        error: coerceError(error),
      });
      changed.add(key);
      await pause(clock, retryMs, signal).catch(() => {});
    }
  }
  stop();
}

async function refresh(desk: SlackDesk, { namespace, name }: ObjectKey, signal: AbortSignal): Promise<void> {
  const grant = desk.options.source.get("Grant", namespace, name)?.object;
  const view = grant === undefined ? undefined : desk.viewOf(grant);
  if (view?.state !== "PendingApproval" || view.grantID === "") {
    return;
  }
  const place = await desk.book.placeOf(view.grantID);
  // The first message is that of the request, which comes with its event.
  if (place?.ts !== undefined) {
    await desk.show(view, place, signal);
  }
}
