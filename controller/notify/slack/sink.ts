import type { DeliveryContext, Sink, SinkItem } from "#audit/sinks/sink.ts";
import type { Grant } from "#kinds/index.ts";
import type { GrantView } from "#wire/control-api.ts";
import type { TrailEventName, TrailEventView } from "#wire/trail-event.ts";
import { findGrant } from "../../source/grant-by-id.ts";
import type { GrantPlace, SlackLink } from "./book.ts";
import { SlackRefusal } from "./client.ts";
import type { SlackDesk } from "./desk.ts";
import { type Note, notesOf } from "./notes.ts";

/** Events that Slack is told of. */
export const slackEvents: readonly TrailEventName[] = [
  "grant.requested",
  "review.counted",
  "grant.approved",
  "grant.denied",
  "grant.breakGlass",
  "grant.activated",
  "grant.extended",
  "grant.expiring",
  "grant.ended",
  "grant.deprovisioned",
];

/** Refusals of a message to one person that are about the app as a whole. Every other one is about the person, and holds up nobody. */
const appCodes: ReadonlySet<string> = new Set([
  "invalid_auth",
  "not_authed",
  "token_revoked",
  "token_expired",
  "account_inactive",
  "missing_scope",
]);

/**
 * Tells Slack what happens to grants. Each grant has one message, which shows it as it is now; what happened stands below it. How many
 * messages of an event were sent is written down after each, so that a repeated delivery sends the rest only; Slack has nothing by which a
 * message whose answer was lost could be told from one that never arrived, and that one comes twice.
 */
export class SlackSink implements Sink<TrailEventView> {
  readonly #desk: SlackDesk;

  constructor(desk: SlackDesk) {
    this.#desk = desk;
  }

  async deliver(items: readonly SinkItem<TrailEventView>[], { signal, confirmed }: DeliveryContext): Promise<void> {
    for (const { value, position } of items) {
      await this.#desk.exclusive(() => this.#tell(value, signal));
      confirmed(position);
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #tell(event: TrailEventView, signal: AbortSignal): Promise<void> {
    const { grantID, storeSeq } = event;
    if (grantID === undefined) {
      return;
    }
    const desk = this.#desk;
    const { source, clock } = desk.options;
    const grant = findGrant(source, grantID);
    const view = grant === undefined ? viewOfEvent(event, grantID) : desk.viewOf(grant);
    if (event.event === "grant.requested") {
      await desk.book.sweep(clock.now());
    }
    let place = await desk.show(view, await desk.book.placeOf(grantID), signal);
    const link = await this.#linkOf(grant);
    const notes = notesOf(event, view, { isLinked: link !== undefined, context: await desk.context() });
    const sent = place.event === storeSeq ? place.sent : 0;
    for (const [index, note] of notes.entries()) {
      if (index >= sent) {
        await this.#send(note, place, link, signal);
        place = await desk.note(grantID, { ...place, event: storeSeq, sent: index + 1 });
      }
    }
    if (event.event === "grant.deprovisioned" || event.event === "grant.denied") {
      await desk.note(grantID, { ...place, isOver: true });
    }
  }

  async #linkOf(grant: Grant | undefined): Promise<SlackLink | undefined> {
    const userID = grant?.status?.principal?.userID;
    return userID === undefined ? undefined : this.#desk.book.linkOfPerson(userID);
  }

  async #send(note: Note, place: GrantPlace, link: SlackLink | undefined, signal: AbortSignal): Promise<void> {
    if (note.to === "thread") {
      await this.#desk.post(place.channel, note.message, signal, {
        thread_ts: place.ts,
        ...(note.isAlert ? { reply_broadcast: true } : {}),
      });
      return;
    }
    if (link === undefined) {
      return;
    }
    try {
      await this.#desk.post(link.slackUserID, note.message, signal);
    } catch (error) {
      if (!(error instanceof SlackRefusal) || appCodes.has(error.code)) {
        throw error;
      }
      this.#desk.options.log.warn("a person could not be told in Slack", { userName: link.userName, code: error.code });
    }
  }
}

/** What is still known of a grant that is gone. */
function viewOfEvent(event: TrailEventView, grantID: string): GrantView {
  const [namespace = "", name = ""] = (event.grant ?? "").split("/");
  return {
    grantID,
    namespace,
    name,
    userName: event.userName ?? "",
    database: event.database?.split("/")[1] ?? "",
    role: event.role ?? "",
    reason: event.detail?.["reason"] ?? "",
    state: "Ended",
    readyReason: "",
    message: "",
  };
}
