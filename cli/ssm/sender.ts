import type { CancelTimer, Clock } from "#lib/clock.ts";
import type { TunnelLimits } from "./limits.ts";
import { encodeMessage } from "./message.ts";
import { createRoundTrip } from "./round-trip.ts";

type SenderLimits = Pick<
  TunnelLimits,
  | "windowBytes"
  | "resendTickMs"
  | "roundTripInitialMs"
  | "resendMarginMs"
  | "resendTimeoutMaxMs"
  | "stallProbeMs"
  | "stallResumeMs"
>;

/** What a sender works with, given by its owner. */
export interface SenderPorts {
  readonly clock: Clock;
  /** A fresh message id. */
  readonly nextID: () => Uint8Array;
  /** Puts bytes on the websocket. Called only between `connected` and `disconnected`. */
  readonly transmit: (bytes: Buffer) => void;
  /** The window has room again after `hasRoom` was false. */
  readonly onRoom: () => void;
  /** Everything sent is acknowledged. */
  readonly onIdle: () => void;
  /** Nothing was acknowledged for long: `probe` the websocket, or `replace` it. */
  readonly onStall: (remedy: "probe" | "replace") => void;
}

/** Resends that one acknowledgement sets off: two, so that a repair doubles its speed with each round trip. */
const repairsPerAcknowledgement = 2;

/** Messages looked at for one repair; those just resent stand in front of the next late one, a few round trips' worth. */
const repairScan = 64;

interface Unacknowledged {
  readonly bytes: Buffer;
  /** Monotonic time of the last transmission. */
  sentAt: number;
  /** Sent more than once, or while nobody could answer: its acknowledgement says nothing about the round trip (Karn's rule). */
  untimed: boolean;
  /** Given to a websocket at least once. */
  transmitted: boolean;
}

/**
 * Numbers, sends and keeps the stream messages of one direction until each is acknowledged. The oldest one is resent, with
 * the identical bytes, when its time is over, and the newest too when nothing at all is acknowledged (amazon-ssm-agent, ResendStreamDataMessageScheduler).
 * The kept bytes are bounded: beyond the window `hasRoom` is false and writers wait; nothing is ever thrown away.
 * Starts without a websocket: nothing is transmitted before `connected`.
 */
export class Sender {
  readonly #ports: SenderPorts;
  readonly #limits: SenderLimits;
  readonly #unacknowledged = new Map<number, Unacknowledged>();
  readonly #roundTrip: ReturnType<typeof createRoundTrip>;
  #unacknowledgedBytes = 0;
  #oldest = 0;
  #next = 0;
  #highestAcknowledged = -1;
  #progressAt = 0;
  #probed = false;
  #up = false;
  #blind = false;
  #waiting = false;
  #cancelTick: CancelTimer | undefined;
  #resent = 0;

  constructor(ports: SenderPorts, limits: SenderLimits) {
    this.#ports = ports;
    this.#limits = limits;
    this.#roundTrip = createRoundTrip(limits);
  }

  /** Whether another message fits the window. Reading false promises a later `onRoom`. */
  get hasRoom(): boolean {
    if (this.#unacknowledgedBytes < this.#limits.windowBytes) {
      return true;
    }
    this.#waiting = true;
    return false;
  }

  /** Bytes sent and not acknowledged, headers included. */
  get unacknowledgedBytes(): number {
    return this.#unacknowledgedBytes;
  }

  /** Messages sent and not acknowledged. */
  get unacknowledgedCount(): number {
    return this.#unacknowledged.size;
  }

  /** How often a message was sent again. */
  get resent(): number {
    return this.#resent;
  }

  /** Sequence number of the message to be sent next: how many were sent. */
  get nextSequence(): number {
    return this.#next;
  }

  /** Smoothed round-trip time, milliseconds. */
  get roundTripMs(): number {
    return this.#roundTrip.smoothedMs();
  }

  /** Sends one message, whatever the window says, and returns its sequence number. Writers of data ask `hasRoom` first. */
  send(payloadType: number, payload: readonly Uint8Array[]): number {
    const sequence = this.#next;
    this.#next += 1;
    const bytes = encodeMessage({
      type: "input_stream_data",
      createdTime: this.#ports.clock.now(),
      sequence,
      flags: 0,
      id: this.#ports.nextID(),
      payloadType,
      payload,
    });
    const nowMs = this.#ports.clock.monotonicMs();
    if (this.#unacknowledged.size === 0) {
      this.#progressAt = nowMs;
    }
    this.#unacknowledged.set(sequence, {
      bytes,
      sentAt: nowMs,
      untimed: !this.#timed,
      transmitted: this.#up,
    });
    this.#unacknowledgedBytes += bytes.length;
    if (this.#up) {
      this.#ports.transmit(bytes);
      this.#armTick();
    }
    return sequence;
  }

  /** Takes an acknowledgement. One for a message that is not waiting is a duplicate and changes nothing. */
  acknowledge(sequence: number): void {
    const entry = this.#unacknowledged.get(sequence);
    if (entry === undefined) {
      return;
    }
    const nowMs = this.#ports.clock.monotonicMs();
    if (!entry.untimed) {
      this.#roundTrip.measured(nowMs - entry.sentAt);
    }
    this.#unacknowledged.delete(sequence);
    this.#unacknowledgedBytes -= entry.bytes.length;
    this.#progressAt = nowMs;
    this.#probed = false;
    this.#highestAcknowledged = Math.max(this.#highestAcknowledged, sequence);
    this.#advance();
    if (this.#oldest < this.#highestAcknowledged) {
      this.#repair(nowMs);
    }
    if (this.#unacknowledged.size === 0) {
      this.#ports.onIdle();
    }
    if (this.#waiting && this.#unacknowledgedBytes < this.#limits.windowBytes) {
      this.#waiting = false;
      this.#ports.onRoom();
    }
  }

  /**
   * A new websocket: what was under way on the old one may be lost, so everything unacknowledged goes out again, in order.
   */
  connected(): void {
    this.#up = true;
    for (const entry of this.#unacknowledged.values()) {
      if (entry.transmitted) {
        this.#resent += 1;
      }
      entry.transmitted = true;
      this.#ports.transmit(entry.bytes);
    }
    this.#restartTime();
  }

  /** No websocket: messages are kept, time does not count. */
  disconnected(): void {
    this.#up = false;
    this.#stopTime();
  }

  /** Blind (true) while the websocket is not read: messages go out, but as no acknowledgement can be seen, time does not count. */
  setBlind(blind: boolean): void {
    this.#blind = blind;
    if (blind) {
      this.#stopTime();
    } else {
      this.#restartTime();
    }
  }

  /** Forgets everything and stops the timer. */
  stop(): void {
    this.disconnected();
    this.#unacknowledged.clear();
    this.#unacknowledgedBytes = 0;
    this.#waiting = false;
  }

  get #timed(): boolean {
    return this.#up && !this.#blind;
  }

  #stopTime(): void {
    this.#cancelTick?.();
    this.#cancelTick = undefined;
    for (const entry of this.#unacknowledged.values()) {
      entry.untimed = true;
    }
  }

  #restartTime(): void {
    const nowMs = this.#ports.clock.monotonicMs();
    this.#progressAt = nowMs;
    this.#probed = false;
    for (const entry of this.#unacknowledged.values()) {
      entry.sentAt = nowMs;
    }
    this.#armTick();
  }

  #advance(): void {
    while (this.#oldest < this.#next && !this.#unacknowledged.has(this.#oldest)) {
      this.#oldest += 1;
    }
  }

  /**
   * An acknowledgement beyond the oldest message says that what lies between was lost, as websockets keep the order. The
   * late ones of these are resent at the pace of acknowledgements: the tick alone would repair ten losses a second. Late is meant
   * by the uncapped timeout, so that a resend that is under way to a slow far end is not repeated.
   */
  #repair(nowMs: number): void {
    if (!this.#timed) {
      return;
    }
    let looked = 0;
    let resent = 0;
    for (const [sequence, entry] of this.#unacknowledged) {
      looked += 1;
      if (sequence > this.#highestAcknowledged || resent === repairsPerAcknowledgement || looked > repairScan) {
        return;
      }
      if (nowMs - entry.sentAt > this.#roundTrip.lateMs()) {
        this.#resend(entry, nowMs);
        resent += 1;
      }
    }
  }

  #resend(entry: Unacknowledged, nowMs: number): void {
    entry.sentAt = nowMs;
    entry.untimed = true;
    this.#resent += 1;
    this.#ports.transmit(entry.bytes);
  }

  #armTick(): void {
    if (this.#cancelTick !== undefined || !this.#timed || this.#unacknowledged.size === 0) {
      return;
    }
    this.#cancelTick = this.#ports.clock.after(this.#limits.resendTickMs, () => {
      this.#cancelTick = undefined;
      this.#tick();
      this.#armTick();
    });
  }

  #tick(): void {
    if (this.#unacknowledged.size === 0) {
      return;
    }
    const nowMs = this.#ports.clock.monotonicMs();
    const stalledMs = nowMs - this.#progressAt;
    if (stalledMs >= this.#limits.stallResumeMs) {
      this.#progressAt = nowMs;
      this.#ports.onStall("replace");
      return;
    }
    if (stalledMs >= this.#limits.stallProbeMs && !this.#probed) {
      this.#probed = true;
      this.#ports.onStall("probe");
    }
    this.#resendIfLate(this.#oldest, nowMs);
    if (stalledMs > this.#roundTrip.timeoutMs()) {
      // Its acknowledgement tells whether everything before it was lost too, and then sets off the repair.
      this.#resendIfLate(this.#next - 1, nowMs);
    }
  }

  #resendIfLate(sequence: number, nowMs: number): void {
    const entry = this.#unacknowledged.get(sequence);
    if (entry !== undefined && nowMs - entry.sentAt > this.#roundTrip.timeoutMs()) {
      this.#resend(entry, nowMs);
    }
  }
}
