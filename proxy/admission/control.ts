import type { Duplex } from "node:stream";
import type { CancelTimer, Clock } from "#lib/clock.ts";
import { FrameError, type FrameReader } from "#wire/frame.ts";
import type { End } from "#wire/handshake.ts";
import { send } from "./admit.ts";
import { readClientMessage } from "./messages.ts";
import { ticketLifeMaxMs, type TicketBook } from "./tickets.ts";

/** Far below SSM's idle timeout (20 minutes by default, 1 at least), and often enough to find a dead tunnel soon. */
export const pingPeriodMs = 30_000;
/** Three pings without a sign of life. */
export const silenceMaxMs = 90_000;
/** A new ticket is sent when a third of the last one's life is left. */
const ticketRefresh = 2 / 3;
/** A client that does not read would have our pings and pongs pile up; the largest frame is 16 KiB. */
const unreadBytesMax = 65_536;

/** Once it was told the end, a client that does not close the stream is given so long. */
export const endLingerMs = 10_000;

/** What a control stream needs to know of its grant. */
export interface ControlPorts {
  readonly clock: Clock;
  readonly tickets: TicketBook;
  readonly remainingMs: () => number;
  readonly warnBeforeEndMs: () => number;
  readonly onClosed: () => void;
}

/** The long-lived stream of one tunnel: pings, tickets, the warning before the end and the reason of the end. */
export class ControlStream {
  readonly grantID: string;
  readonly #stream: Duplex;
  readonly #client: string;
  readonly #frames: FrameReader;
  readonly #ports: ControlPorts;
  #heardMs: number;
  #pingID = 0;
  #warnedFor = Infinity;
  #cancelPing: CancelTimer = () => {};
  #cancelTicket: CancelTimer = () => {};
  #cancelWarning: CancelTimer = () => {};

  constructor(
    stream: Duplex,
    admitted: { readonly grantID: string; readonly client: string; readonly frames: FrameReader },
    ports: ControlPorts,
  ) {
    this.grantID = admitted.grantID;
    this.#client = admitted.client;
    this.#frames = admitted.frames;
    this.#stream = stream;
    this.#ports = ports;
    this.#heardMs = ports.clock.monotonicMs();
  }

  /** Begins: the ticket of the Welcome is already with the client. */
  start(): void {
    this.#stream.on("data", (chunk: Buffer) => this.#receive(chunk));
    this.#stream.once("end", () => this.#stream.end());
    this.#stream.once("close", () => this.#close());
    this.#armPing();
    this.#armTicket(Math.min(ticketLifeMaxMs, this.#ports.remainingMs()));
    this.grantMoved();
    this.#receive(Buffer.alloc(0));
    this.#stream.resume();
    if (this.#stream.destroyed) {
      this.#close();
    }
  }

  /** The grant's end is new or has moved. */
  grantMoved(): void {
    this.#cancelWarning();
    const remainingMs = this.#ports.remainingMs();
    const delayMs = Math.max(0, remainingMs - this.#ports.warnBeforeEndMs());
    // Warned once for an end; an end that moved earlier is not worth a second sentence, a later one is.
    if (remainingMs > 0 && (delayMs > 0 || this.#warnedFor === Infinity)) {
      this.#cancelWarning = this.#ports.clock.after(delayMs, () => this.#warn());
    }
  }

  /** Asks the client to open another tunnel for what is new. */
  drain(message: string): void {
    send(this.#stream, { type: "drain", message });
  }

  /** Says why the tunnel is over, and closes it. */
  end(end: End): void {
    send(this.#stream, end);
    this.#stream.end();
    this.#cancelTicket();
    this.#stream.once(
      "close",
      this.#ports.clock.after(endLingerMs, () => this.#stream.destroy()),
    );
  }

  #warn(): void {
    const remainingMs = this.#ports.remainingMs();
    if (remainingMs > 0) {
      this.#warnedFor = remainingMs;
      send(this.#stream, {
        type: "warning",
        message: formatWarning(remainingMs),
        remainingMs: Math.floor(remainingMs),
      });
    }
  }

  #receive(chunk: Buffer): void {
    this.#heardMs = this.#ports.clock.monotonicMs();
    this.#frames.push(chunk);
    try {
      for (let value = this.#frames.next(); value !== undefined; value = this.#frames.next()) {
        const message = readClientMessage(value);
        if (message?.type === "ping") {
          send(this.#stream, { type: "pong", id: message.id });
        } else if (message?.type !== "pong") {
          this.#stream.destroy();
          return;
        }
      }
    } catch (error) {
      if (!(error instanceof FrameError)) {
        throw error;
      }
      this.#stream.destroy();
    }
    if (this.#stream.writableLength > unreadBytesMax) {
      this.#stream.destroy();
    }
  }

  #armPing(): void {
    this.#cancelPing = this.#ports.clock.after(pingPeriodMs, () => {
      if (this.#ports.clock.monotonicMs() - this.#heardMs > silenceMaxMs) {
        this.#stream.destroy();
        return;
      }
      this.#pingID += 1;
      send(this.#stream, { type: "ping", id: this.#pingID });
      this.#armPing();
    });
  }

  #armTicket(lifeMs: number): void {
    this.#cancelTicket = this.#ports.clock.after(lifeMs * ticketRefresh, () => {
      const remainingMs = this.#ports.remainingMs();
      if (remainingMs > 0) {
        const issued = this.#ports.tickets.issue(this.grantID, this.#client, remainingMs);
        send(this.#stream, { type: "ticket", ticket: issued.ticket, ticketLifeMs: issued.lifeMs });
        // A ticket that ends with the grant needs no successor, unless the grant is extended: look again then.
        this.#armTicket(Math.max(issued.lifeMs, ticketAgainMs));
      }
    });
  }

  #close(): void {
    this.#cancelPing();
    this.#cancelTicket();
    this.#cancelWarning();
    this.#ports.onClosed();
  }
}

/** The least time between two tickets, so that the last seconds of a grant bring no shower of them. */
const ticketAgainMs = 5_000;

/** What people read before the end, in the tunnel and in the database client alike. */
export function formatWarning(remainingMs: number): string {
  const minutes = Math.round(remainingMs / 60_000);
  const left =
    minutes >= 2 ? `${minutes} minutes` : minutes === 1 ? "1 minute" : `${Math.ceil(remainingMs / 1_000)} seconds`;
  return `your access ends in ${left}; open transactions are rolled back then`;
}
