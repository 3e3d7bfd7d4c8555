import { pause, type Clock } from "#lib/clock.ts";
import { coerceError, UserError } from "#lib/errors.ts";
import type { Log } from "#lib/log.ts";
import type { Secret } from "#lib/secret.ts";
import { within } from "./deadline.ts";
import { createIdentifiers, fraction, identifierText, type Random } from "./identifier.ts";
import type { TunnelLimits } from "./limits.ts";
import { Link, type LinkLoss } from "./link.ts";

/** What opens one websocket: a token is good for one. */
export interface Ticket {
  readonly token: Secret;
  readonly streamUrl: string;
}

/** How a channel came to its end by itself. */
export type ChannelEnd =
  | { readonly kind: "timed-out" }
  /** `refusal` is why the service will not resume; without one, it could not be reached in all attempts. */
  | { readonly kind: "lost"; readonly refusal: UserError | undefined; readonly detail: string };

/** What a channel works with, given by its owner. */
export interface ChannelPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** See TunnelOptions. */
  readonly resume: () => Promise<Ticket | "ended">;
  /** See TunnelOptions. */
  readonly signUpgrade: (streamUrl: string) => Promise<Record<string, string>>;
  /** A websocket is open and its token sent. */
  readonly onUp: () => void;
  /** It is gone; another is being fetched. */
  readonly onDown: (loss: LinkLoss) => void;
  readonly onMessage: (bytes: Buffer) => void;
  readonly onEnd: (end: ChannelEnd) => void;
}

/** Keeps a websocket to the session: opens the first, and after each loss asks for a new token and opens the next. */
export class Channel {
  readonly #ports: ChannelPorts;
  readonly #limits: TunnelLimits;
  readonly #nextID: () => Buffer;
  readonly #clientID: string;
  readonly #stop = new AbortController();
  #link: Link | undefined;
  #connecting: Link | undefined;
  #held = false;
  #attempts = 0;
  #upSince = 0;
  #delivered = false;
  #resumed = 0;
  /** Whoever waits for a websocket that works. */
  #waiting: (() => void)[] = [];

  constructor(ports: ChannelPorts, limits: TunnelLimits) {
    this.#ports = ports;
    this.#limits = limits;
    this.#nextID = createIdentifiers(ports.random);
    this.#clientID = identifierText(this.#nextID());
  }

  /** How often a new websocket took the place of a lost one. */
  get resumed(): number {
    return this.#resumed;
  }

  /** Whether a websocket is open. */
  get up(): boolean {
    return this.#link !== undefined;
  }

  /** Opens the first websocket. Resolves to why it could not be opened, or to undefined when it is. */
  async open(ticket: Ticket): Promise<LinkLoss | undefined> {
    return this.#dial(ticket);
  }

  /** Sends a message, or drops it when there is no websocket. */
  send(bytes: Buffer): void {
    this.#link?.send(bytes);
  }

  /** Stops or restarts reading; holds for later websockets too. */
  hold(held: boolean): void {
    this.#held = held;
    this.#link?.hold(held);
  }

  /**
   * Finds out whether the websocket is alive; one that does not answer in time is lost and replaced. Resolves once it has answered or
   * another one is open, or the channel is closed.
   */
  probe(withinMs?: number): Promise<void> {
    this.#link?.probe(withinMs);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Replaces the websocket. */
  replace(): void {
    this.#link?.replace();
  }

  /** Closes for good, without `onEnd`. Resolves when no socket is left. */
  async close(): Promise<void> {
    const links = [this.#link, this.#connecting].filter((link) => link !== undefined);
    this.#stop.abort();
    this.#link = undefined;
    this.#proven();
    await Promise.all(links.map((link) => link.abandon()));
  }

  async #dial(ticket: Ticket): Promise<LinkLoss | undefined> {
    const { clock, signUpgrade } = this.#ports;
    let headers: Record<string, string>;
    try {
      const signed = signUpgrade(ticket.streamUrl);
      headers = await within(clock, this.#limits.callTimeoutMs, signed, () => new Error("signing took too long"));
    } catch (error) {
      return { opened: false, detail: coerceError(error).message };
    }
    if (this.#stop.signal.aborted) {
      return { opened: false, detail: "closed" };
    }
    return new Promise((resolve) => {
      const onAbort = (): void => settle({ opened: false, detail: "closed" });
      const settle = (loss: LinkLoss | undefined): void => {
        this.#stop.signal.removeEventListener("abort", onAbort);
        this.#connecting = undefined;
        resolve(loss);
      };
      this.#stop.signal.addEventListener("abort", onAbort, { once: true });
      try {
        this.#connecting = this.#createLink(ticket, headers, settle);
      } catch (error) {
        settle({ opened: false, detail: coerceError(error).message });
      }
    });
  }

  #createLink(ticket: Ticket, headers: Record<string, string>, settle: (loss: LinkLoss | undefined) => void): Link {
    const { clock, onUp, onMessage } = this.#ports;
    return new Link({
      streamUrl: ticket.streamUrl,
      token: ticket.token,
      clientID: this.#clientID,
      nextID: this.#nextID,
      headers,
      clock,
      limits: this.#limits,
      onOpen: (link) => {
        this.#link = link;
        this.#upSince = clock.monotonicMs();
        this.#delivered = false;
        settle(undefined);
        onUp();
        this.#proven();
        if (this.#held) {
          link.hold(true);
        }
      },
      onMessage: (bytes) => {
        this.#delivered = true;
        onMessage(bytes);
      },
      onAnswer: () => this.#proven(),
      onClosed: (loss) => {
        if (!loss.opened) {
          settle(loss);
          return;
        }
        this.#link = undefined;
        this.#ports.onDown(loss);
        if (!this.#stop.signal.aborted) {
          this.#reconnect(loss).catch((error: unknown) => this.#onDefect(error));
        }
      },
    });
  }

  #proven(): void {
    for (const tell of this.#waiting.splice(0)) {
      tell();
    }
  }

  async #reconnect(first: LinkLoss): Promise<void> {
    const { clock, log, onEnd } = this.#ports;
    if (this.#delivered || clock.monotonicMs() - this.#upSince >= this.#limits.resumeSettledMs) {
      this.#attempts = 0;
    }
    let loss = first;
    while (this.#attempts < this.#limits.resumeAttempts) {
      log.info("session connection lost, resuming", {
        code: loss.code,
        detail: loss.detail,
        attempt: this.#attempts + 1,
      });
      if (!(await this.#wait())) {
        return;
      }
      this.#attempts += 1;
      const ticket = await this.#askToResume();
      if (this.#stop.signal.aborted) {
        return;
      }
      if (ticket === "ended") {
        onEnd({ kind: "timed-out" });
        return;
      }
      if (ticket instanceof UserError) {
        onEnd({ kind: "lost", refusal: ticket, detail: ticket.message });
        return;
      }
      const failed = ticket instanceof Error ? { opened: false, detail: ticket.message } : await this.#dial(ticket);
      if (failed === undefined) {
        this.#resumed += 1;
        return;
      }
      loss = failed;
    }
    if (!this.#stop.signal.aborted) {
      onEnd({ kind: "lost", refusal: undefined, detail: loss.detail });
    }
  }

  /** Waits before an attempt: not at all before the first, then doubling with jitter of half. False when closed meanwhile. */
  async #wait(): Promise<boolean> {
    const { clock, random } = this.#ports;
    if (this.#attempts > 0) {
      const fullMs = Math.min(this.#limits.resumeDelayMs * 2 ** (this.#attempts - 1), this.#limits.resumeDelayMaxMs);
      const delayMs = fullMs * (0.5 + fraction(random) / 2);
      await pause(clock, delayMs, this.#stop.signal).catch(() => undefined);
    }
    return !this.#stop.signal.aborted;
  }

  async #askToResume(): Promise<Ticket | "ended" | Error> {
    const { clock, resume } = this.#ports;
    try {
      return await within(clock, this.#limits.callTimeoutMs, resume(), () => new Error("ResumeSession took too long"));
    } catch (error) {
      return coerceError(error);
    }
  }

  #onDefect(error: unknown): void {
    this.#ports.log.error("session could not be resumed because of a defect", { error });
    this.#ports.onEnd({ kind: "lost", refusal: undefined, detail: coerceError(error).message });
  }
}
