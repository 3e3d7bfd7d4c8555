import { createHash } from "node:crypto";
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
import type { GrantPlace, SlackBook } from "./book.ts";
import { type SlackAnswer, type SlackAPI, SlackRefusal } from "./client.ts";
import { grantMessage, type Message, type MessageContext } from "./message.ts";
import type { SlackOptions } from "./options.ts";

export interface SlackDeskOptions extends Pick<
  SlackOptions,
  "signingSecretFile" | "channel" | "approveInConsole" | "apiURL"
> {
  readonly api: SlackAPI;
  readonly book: SlackBook;
  readonly source: Pick<Source, "get" | "list">;
  /** Which Grants change. */
  readonly news: Pick<GrantNews, "listen">;
  readonly installation: string;
  readonly publicURL: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Refusals of a message for what is in it. It is sent once more as text alone, so that what nobody can mend holds up nothing. */
const contentCodes: ReadonlySet<string> = new Set(["invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"]);
/** Slack: `text` of chat.postMessage is best below 4,000 characters. */
const textMax = 3_000;

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

  /** Posts a message, to a channel or to a person by their ID. */
  async post(
    channel: string,
    message: Message,
    signal: AbortSignal,
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<SlackAnswer> {
    const quiet = { unfurl_links: false, unfurl_media: false };
    return this.#send("chat.postMessage", { channel, ...quiet, ...more }, message, signal);
  }

  /**
   * Makes the grant's message in the channel show the grant as it is now: posts it, changes it, or leaves it. Call it within `exclusive`.
   * One that somebody has deleted is posted again while there is something to decide or to end.
   */
  async show(view: GrantView, place: GrantPlace | undefined, signal: AbortSignal): Promise<GrantPlace> {
    const message = grantMessage(view, await this.context());
    const shown = createHash("sha256").update(JSON.stringify(message)).digest("base64url");
    const before = place ?? { channel: this.options.channel, event: 0, sent: 0, time: this.#now() };
    if (before.ts !== undefined) {
      if (before.shown === shown || (await this.#change(before.channel, before.ts, message, signal)) || isOver(view)) {
        return this.#put(view.grantID, { ...before, shown });
      }
    }
    const { channel, ts } = await this.post(this.options.channel, message, signal);
    return this.#put(view.grantID, { ...before, channel: String(channel), ts: String(ts), shown });
  }

  /** Writes down how far the grant's messages are. Call it within `exclusive`. */
  async note(grantID: string, place: GrantPlace): Promise<GrantPlace> {
    return this.#put(grantID, place);
  }

  async #put(grantID: string, place: GrantPlace): Promise<GrantPlace> {
    const put = { ...place, time: this.#now() };
    await this.book.putPlace(grantID, put);
    return put;
  }

  /** Whether the message was there to be changed. */
  async #change(channel: string, ts: string, message: Message, signal: AbortSignal): Promise<boolean> {
    try {
      await this.#send("chat.update", { channel, ts }, message, signal);
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
    const { api, log } = this.options;
    const short = text.slice(0, textMax);
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
