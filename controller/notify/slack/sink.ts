import type { DeliveryContext, Sink, SinkItem } from "#audit/sinks/sink.ts";
import type { Grant } from "#kinds/index.ts";
import type { GrantView } from "#wire/control-api.ts";
import type { TrailEventName, TrailEventView } from "#wire/trail-event.ts";
import { findGrant } from "../../source/grant-by-id.ts";
import type { GrantPlace, SlackLink } from "./book.ts";
import { forgive } from "./copies.ts";
import type { SlackDesk } from "./desk.ts";
import { type Note, notesOf } from "./notes.ts";
import { principalOf, requesterOf } from "./people.ts";

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

/**
 * Tells Slack what happens to grants. Each grant has one message, which shows it as it is now; what happened stands below it. Who was told of
 * an event is written down after each message, so that a repeated delivery tells the others only.
 */
export class SlackSink implements Sink<TrailEventView> {
  readonly #desk: SlackDesk;

  constructor(desk: SlackDesk) {
    this.#desk = desk;
  }

  async deliver(
    items: readonly SinkItem<TrailEventView>[],
    { signal, epoch, confirmed }: DeliveryContext,
  ): Promise<void> {
    for (const { value, position } of items) {
      await this.#desk.exclusive(() => this.#tell(value, epoch, signal));
      confirmed(position);
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #tell(event: TrailEventView, epoch: string, signal: AbortSignal): Promise<void> {
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
    const { event: last, told: before = [] } = place.epoch === epoch ? place : { event: 0 };
    if (storeSeq < last) {
      // The position that was confirmed may be behind after a crash: what came after this was told already.
      return;
    }
    const readers = grant === undefined ? {} : await readersOf(desk, grant);
    const told = storeSeq === last ? [...before] : [];
    const isLinked = readers.principal !== undefined;
    for (const note of notesOf(event, view, { isLinked, context: await desk.context() })) {
      if (!told.includes(note.to)) {
        await this.#send(note, `${epoch} ${storeSeq}`, { grantID, place, readers, signal });
        told.push(note.to);
        place = await desk.note(grantID, { ...place, epoch, event: storeSeq, told: [...told] });
      }
    }
    if (isLastOf(event, view)) {
      await desk.note(grantID, { ...place, isOver: true });
    }
  }

  async #send(note: Note, event: string, { grantID, place, readers, signal }: Sending): Promise<void> {
    const id = `${event} ${note.to}`;
    if (note.to === "thread") {
      if (place.ts !== undefined) {
        const spot = { channel: place.channel, thread: place.ts };
        const alert = note.isAlert === true ? { reply_broadcast: true } : {};
        await this.#desk.postOnce(grantID, place, id, spot, note.message, signal, alert);
      }
      return;
    }
    const link = readers[note.to];
    if (link === undefined) {
      return;
    }
    try {
      await this.#desk.postOnce(grantID, place, id, { channel: link.slackUserID }, note.message, signal);
    } catch (error) {
      forgive(this.#desk, error, link.userName);
    }
  }
}

/** The accounts of those who are told alone. */
interface Readers {
  readonly principal?: SlackLink | undefined;
  readonly requester?: SlackLink | undefined;
}

interface Sending {
  readonly grantID: string;
  readonly place: GrantPlace;
  readonly readers: Readers;
  readonly signal: AbortSignal;
}

async function readersOf(desk: SlackDesk, grant: Grant): Promise<Readers> {
  return { principal: await principalOf(desk, grant), requester: await requesterOf(desk, grant) };
}

/** Whether nothing more will be said: what never was access has nothing to be taken back. */
function isLastOf({ event }: TrailEventView, { activationTime }: GrantView): boolean {
  const isEnd = event === "grant.ended" && activationTime === undefined;
  return isEnd || event === "grant.deprovisioned" || event === "grant.denied";
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
