import type { Grant } from "#kinds/index.ts";
import type { Clock } from "#lib/clock.ts";
import type { Log } from "#lib/log.ts";
import { Secret } from "#lib/secret.ts";
import type { GrantView } from "#wire/control-api.ts";
import { workflowOf } from "../../serve/grants/approval.ts";
import type { GrantNews } from "../../serve/grants/grant-news.ts";
import { grantViewOf } from "../../serve/grants/grant-view.ts";
import type { Source } from "../../source/source.ts";
import { secretLines } from "../secret-lines.ts";
import type { IdentityDirectory } from "../../serve/auth/identify.ts";
import type { GrantPlace, SlackBook } from "./book.ts";
import { slackChannelOf } from "./channel.ts";
import { appCodes, type SlackAnswer, type SlackAPI, SlackRefusal } from "./client.ts";
import { keepCopies } from "./copies.ts";
import { grantMessage, type Message, type MessageContext, shownIn } from "./message.ts";
import { findSent, metadataOf, type Spot } from "./once.ts";
import type { SlackOptions } from "./options.ts";
import { cut } from "./text.ts";

export interface SlackDeskOptions extends Pick<
  SlackOptions,
  "signingSecretFile" | "channel" | "approveInConsole" | "apiURL"
> {
  readonly api: SlackAPI;
  readonly book: SlackBook;
  readonly source: Pick<Source, "get" | "list">;
  /** Who people are: who is told of a grant alone, by what is so now. */
  readonly directory: Pick<IdentityDirectory, "findUser" | "groupsOf">;
  /** Which Grants change. */
  readonly news: Pick<GrantNews, "listen">;
  readonly installation: string;
  readonly publicURL: string;
  /** Whether there is a console, in which people link accounts. */
  readonly hasConsole: boolean;
  readonly clock: Clock;
  readonly log: Log;
  /** Throws unless this process may speak for the installation now. Absent: it always may. */
  readonly pass?: (() => void) | undefined;
}

/** Refusals of a message for what is in it. It is sent once more as text alone, so that what nobody can mend holds up nothing. */
const contentCodes: ReadonlySet<string> = new Set(["invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"]);
/** Slack: `text` of chat.postMessage is best below 4,000 characters. */
const textMax = 3_000;
/** Slack makes nothing of addresses in a text, and shows nothing of what they lead to. */
const quiet = { unfurl_links: false, unfurl_media: false, parse: "none" } as const;

/** What all that speaks with Slack shares: one message in the channel for each grant, kept as the grant is. */
export class SlackDesk {
  readonly options: SlackDeskOptions;
  readonly book: SlackBook;
  /** One at a time writes down where messages are. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: SlackDeskOptions) {
    this.options = options;
    this.book = options.book;
  }

  /** Calls `work` when nobody else does. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }

  /** The secrets with which Slack signs, newest first. Rejects with a `SinkFailure`. */
  signingSecrets(): Promise<readonly Secret[]> {
    return secretLines(this.options.signingSecretFile, signingSecret);
  }

  /** What messages are made with now. */
  async context(): Promise<MessageContext> {
    const [secret = new Secret("")] = await this.signingSecrets();
    const { installation, publicURL, approveInConsole } = this.options;
    return { installation, publicURL, approveInConsole, secret };
  }

  /** A grant as everybody in the channel may see it. */
  viewOf(grant: Grant): GrantView {
    const workflow = workflowOf(grant, this.options.source);
    return grantViewOf(grant, workflow === undefined ? {} : { workflow });
  }

  /**
   * The channel in which a grant is shown: the one that its workflow names, else the installation's. Undefined while the workflow is not known
   * and may name one.
   */
  channelOf({ namespace, workflow, state }: GrantView): string | undefined {
    const { source, channel } = this.options;
    if (workflow !== undefined) {
      const named = source.get("AccessWorkflow", namespace, workflow)?.object;
      return (named === undefined ? undefined : slackChannelOf(named)) ?? channel;
    }
    const mayBeNamed = source
      .list("AccessWorkflow")
      .some(({ object }) => object.metadata.namespace === namespace && slackChannelOf(object) !== undefined);
    return state === "Pending" && mayBeNamed ? undefined : channel;
  }

  /** Sends a message that is about no grant's state, to a channel or to a person by their ID. */
  async post(channel: string, message: Message, signal: AbortSignal): Promise<void> {
    await this.#send("chat.postMessage", { channel, ...quiet }, message, signal);
  }

  /**
   * Posts one message of a grant. That it was begun is written down first, so that where it is not known whether it arrived it is looked for
   * before it is sent again. Call it within `exclusive`, and write down what it gives.
   * @param id names the message among those of the grant
   */
  async postOnce(
    grantID: string,
    place: GrantPlace,
    id: string,
    spot: Spot,
    message: Message,
    signal: AbortSignal,
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<{ readonly channel: string; readonly ts: string }> {
    const { secret, installation } = await this.context();
    const metadata = metadataOf(`${installation} ${grantID} ${id}`, secret);
    const { trying } = place;
    if (trying?.id === id) {
      const found = await findSent(this.options, spot, { metadata, since: trying.time }, signal);
      if (found !== undefined) {
        return found;
      }
    } else {
      await this.#put(grantID, { ...place, trying: { id, time: this.#now() } });
    }
    const { channel, thread } = spot;
    const below = thread === undefined ? {} : { thread_ts: thread };
    const body = { channel, ...quiet, ...below, metadata, ...more };
    const posted = await this.#send("chat.postMessage", body, message, signal);
    return { channel: String(posted["channel"]), ts: String(posted["ts"]) };
  }

  /**
   * Makes the grant's messages show the grant as it is now: posts, changes, or leaves them. Call it within `exclusive`. The one in the channel,
   * where somebody has deleted it, is posted again while there is something to decide or to end.
   */
  async show(view: GrantView, known: GrantPlace | undefined, signal: AbortSignal): Promise<GrantPlace> {
    const place = known ?? { channel: this.options.channel, event: 0, time: this.#now() };
    return keepCopies(this, view, await this.#inChannel(view, place, signal), signal);
  }

  async #inChannel(view: GrantView, place: GrantPlace, signal: AbortSignal): Promise<GrantPlace> {
    const message = grantMessage(view, await this.context());
    const shown = shownIn(message);
    const { grantID } = view;
    let before = place;
    if (before.ts !== undefined) {
      if (before.shown === shown) {
        return before;
      }
      if (await this.change(before.channel, before.ts, message, signal)) {
        return this.#put(grantID, { ...before, shown });
      }
      // What would stand below it would stand alone in the channel.
      const { ts: _, ...gone } = before;
      before = await this.#put(grantID, { ...gone, shown });
    }
    const channel = this.channelOf(view);
    // Nothing is shown of it yet: the first message is posted also of what is over.
    if (channel === undefined || (isOver(view) && place.shown !== undefined)) {
      return this.#put(grantID, before);
    }
    return this.note(grantID, { ...before, ...(await this.#postFirst(view, before, channel, message, signal)), shown });
  }

  /** A channel that a workflow names and Slack does not let the app write to holds up nobody: the installation's is used instead. */
  async #postFirst(
    { grantID, workflow }: GrantView,
    place: GrantPlace,
    channel: string,
    message: Message,
    signal: AbortSignal,
  ): Promise<{ readonly channel: string; readonly ts: string }> {
    const { channel: usual, log } = this.options;
    try {
      return await this.postOnce(grantID, place, `message ${channel}`, { channel }, message, signal);
    } catch (error) {
      if (channel === usual || !(error instanceof SlackRefusal) || appCodes.has(error.code)) {
        throw error;
      }
      log.warn("a workflow names a Slack channel that takes no messages", { workflow, channel, code: error.code });
      return this.postOnce(grantID, place, `message ${usual}`, { channel: usual }, message, signal);
    }
  }

  /** Writes down how far the grant's messages are, and that none is under way. Call it within `exclusive`. */
  async note(grantID: string, place: GrantPlace): Promise<GrantPlace> {
    const { trying: _, ...settled } = place;
    return this.#put(grantID, settled);
  }

  async #put(grantID: string, place: GrantPlace): Promise<GrantPlace> {
    const put = { ...place, time: this.#now() };
    await this.book.putPlace(grantID, put);
    return put;
  }

  /** Whether the message was there to be changed. */
  async change(channel: string, ts: string, message: Message, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#send("chat.update", { channel, ts, parse: quiet.parse }, message, signal);
      return true;
    } catch (error) {
      if (error instanceof SlackRefusal && ["message_not_found", "cant_update_message"].includes(error.code)) {
        return false;
      }
      if (error instanceof SlackRefusal && error.code === "edit_window_closed") {
        this.options.log.warn("Slack's workspace does not let a message be changed any more", { channel, ts });
        return true;
      }
      throw error;
    }
  }

  async #send(
    method: string,
    body: Readonly<Record<string, unknown>>,
    { text, blocks }: Message,
    signal: AbortSignal,
  ): Promise<SlackAnswer> {
    const { api, log, pass } = this.options;
    pass?.();
    const short = cut(text, textMax);
    try {
      return await api.call(method, { ...body, text: short, blocks }, signal);
    } catch (error) {
      if (!(error instanceof SlackRefusal) || !contentCodes.has(error.code)) {
        throw error;
      }
      log.error("Slack does not take a message's blocks; it gets the text alone", { code: error.code });
      return api.call(method, { ...body, text: short, blocks: [] }, signal);
    }
  }

  #now(): string {
    return new Date(this.options.clock.now()).toISOString();
  }
}

function isOver({ state }: GrantView): boolean {
  return state === "Ended" || state === "Refused";
}

/** Slack gives 32 hex digits. */
function signingSecret(line: string): Secret | undefined {
  return /^[0-9a-zA-Z]{16,128}$/.test(line) ? new Secret(line) : undefined;
}
