import { createHmac } from "node:crypto";
import type { Log } from "#lib/log.ts";
import type { Secret } from "#lib/secret.ts";
import { type SlackAPI, SlackRefusal } from "./client.ts";

/** Name of the metadata in our messages (Slack: "Using message metadata"). */
const eventType = "sallyport_message";
/** Clocks of two machines: what was sent a little "before" is looked at too. */
const clocksMs = 5 * 60_000;
/** Slack: `conversations.history` gives 999 at most and recommends 200. */
const lookedAtMax = 200;

/** Where a message would stand. */
export interface Spot {
  /** A channel's ID, or a person's. */
  readonly channel: string;
  /** The message below which it stands. */
  readonly thread?: string | undefined;
}

/** What Slack keeps with a message and shows nobody: which of ours it is. Only we can write it, so that nobody else's message is taken for it. Pure. */
export function metadataOf(id: string, secret: Secret): Readonly<Record<string, unknown>> {
  const mac = createHmac("sha256", secret.reveal()).update(`sallyport message ${id}`).digest("base64url");
  return { event_type: eventType, event_payload: { id: mac } };
}

/**
 * Looks for a message of ours whose sending was begun at `since` and may have arrived. Undefined where there is none, and where Slack does
 * not let the app look: that takes a scope which the app need not have, and conversations with one person have another.
 */
export async function findSent(
  { api, log }: { readonly api: SlackAPI; readonly log: Log },
  { channel, thread }: Spot,
  { metadata, since }: { readonly metadata: Readonly<Record<string, unknown>>; readonly since: string },
  signal: AbortSignal,
): Promise<{ readonly channel: string; readonly ts: string } | undefined> {
  const oldest = ((Date.parse(since) - clocksMs) / 1_000).toFixed(6);
  const body = { channel, oldest, limit: lookedAtMax, include_all_metadata: true };
  try {
    const { messages } = await (thread === undefined
      ? api.call("conversations.history", body, signal)
      : api.call("conversations.replies", { ...body, ts: thread }, signal));
    const wanted = JSON.stringify(metadata);
    for (const message of Array.isArray(messages) ? (messages as Readonly<Record<string, unknown>>[]) : []) {
      const ts = message["ts"];
      if (typeof ts === "string" && identityIn(message) === wanted) {
        return { channel, ts };
      }
    }
  } catch (error) {
    if (!(error instanceof SlackRefusal)) {
      throw error;
    }
    log.info("Slack does not say whether a message arrived; it may come twice", { code: error.code });
  }
  return undefined;
}

/** Slack adds to metadata what it likes; ours is the type and the ID. */
function identityIn({ metadata }: Readonly<Record<string, unknown>>): string {
  const { event_type: type, event_payload: payload } = (metadata ?? {}) as Readonly<Record<string, unknown>>;
  const { id } = (payload ?? {}) as Readonly<Record<string, unknown>>;
  return JSON.stringify({ event_type: type, event_payload: { id } });
}
