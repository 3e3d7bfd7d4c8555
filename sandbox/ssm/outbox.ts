import type { CancelTimer, Clock } from "#lib/clock.ts";
import { initialRoundTrip, retransmissionTickMs, withSample } from "./retransmission.ts";

interface Sent {
  readonly bytes: Buffer;
  readonly firstSentAt: number;
  lastSentAt: number;
  /** A resent message gives no round-trip sample: nobody knows which copy was acknowledged. */
  resent: boolean;
}

/** What an outbox needs from its surroundings. */
export interface OutboxOptions {
  readonly clock: Clock;
  /** Builds the message with this sequence number. */
  readonly encode: (sequenceNumber: number, payloadType: number, payload: Buffer) => Buffer;
  /** Puts bytes on the wire; nothing happens while no socket is attached. */
  readonly transmit: (bytes: Buffer) => void;
  /** Called when the unacknowledged bytes fall to half of the limit or below, after they had reached it. */
  readonly onRoom: () => void;
  /** Unacknowledged bytes at which `full` becomes true, so that the writer stops reading its source. */
  readonly unackedMaxBytes: number;
}

/**
 * The sending half of a data channel: numbers messages from 0, keeps each until it is acknowledged, and sends the oldest
 * again when it is overdue. There is no window: what is pushed is sent at once, and `full` asks the writer to pause.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  /** By sequence number; a Map keeps the order of insertion, which is the order of numbers. */
  readonly #unacked = new Map<number, Sent>();
  #next = 0;
  #unackedBytes = 0;
  #roundTrip = initialRoundTrip;
  #full = false;
  #cancelTick: CancelTimer | undefined;
  #closed = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Whether the writer should pause until `onRoom`. */
  get full(): boolean {
    return this.#full;
  }

  /** Bytes of messages that are not acknowledged yet, headers included. */
  get unackedBytes(): number {
    return this.#unackedBytes;
  }

  /** Numbers of the messages sent so far. */
  get sentCount(): number {
    return this.#next;
  }

  /** Sends a message and returns its sequence number. */
  push(payloadType: number, payload: Buffer): number {
    const sequenceNumber = this.#next;
    this.#next += 1;
    const bytes = this.#options.encode(sequenceNumber, payloadType, payload);
    const now = this.#options.clock.monotonicMs();
    this.#unacked.set(sequenceNumber, { bytes, firstSentAt: now, lastSentAt: now, resent: false });
    this.#unackedBytes += bytes.length;
    this.#full ||= this.#unackedBytes >= this.#options.unackedMaxBytes;
    this.#options.transmit(bytes);
    this.#arm();
    return sequenceNumber;
  }

  /** Forgets an acknowledged message. False when it is unknown: acknowledged before, or never sent. */
  acknowledge(sequenceNumber: number): boolean {
    const sent = this.#unacked.get(sequenceNumber);
    if (sent === undefined) {
      return false;
    }
    this.#unacked.delete(sequenceNumber);
    this.#unackedBytes -= sent.bytes.length;
    if (!sent.resent) {
      this.#roundTrip = withSample(this.#roundTrip, this.#options.clock.monotonicMs() - sent.firstSentAt);
    }
    if (this.#full && this.#unackedBytes <= this.#options.unackedMaxBytes / 2) {
      this.#full = false;
      this.#options.onRoom();
    }
    return true;
  }

  /**
   * Sends everything unacknowledged again, in order, after a new socket is attached. The reference agent sends only the
   * oldest each 100 ms, which takes seconds to fill a gap of many messages; a receiver cannot tell the two apart.
   */
  resendAll(): void {
    for (const sent of this.#unacked.values()) {
      this.#resend(sent);
    }
  }

  /** Stops for good. */
  close(): void {
    this.#closed = true;
    this.#unacked.clear();
    this.#cancelTick?.();
  }

  #arm(): void {
    if (this.#cancelTick === undefined && !this.#closed && this.#unacked.size > 0) {
      this.#cancelTick = this.#options.clock.after(retransmissionTickMs, () => {
        this.#cancelTick = undefined;
        this.#tick();
        this.#arm();
      });
    }
  }

  #tick(): void {
    const [oldest] = this.#unacked.values();
    if (oldest === undefined) {
      return;
    }
    if (this.#options.clock.monotonicMs() - oldest.lastSentAt > this.#roundTrip.timeoutMs) {
      this.#resend(oldest);
    }
  }

  #resend(sent: Sent): void {
    sent.resent = true;
    sent.lastSentAt = this.#options.clock.monotonicMs();
    this.#options.transmit(sent.bytes);
  }
}
