import { payloadTypes, type Message } from "./message.ts";
import type { TunnelLimits } from "./limits.ts";

/** What a receiver does with messages, given by its owner. */
export interface ReceiverPorts {
  /** Takes the next message in order. */
  readonly deliver: (message: Message) => void;
  /** Acknowledges a message. */
  readonly acknowledge: (message: Message) => void;
}

/**
 * Puts the stream messages of one direction in order. Rules of amazon-ssm-agent's handleStreamDataMessage: the expected one is
 * delivered, a later one is kept and acknowledged at once, an earlier one is acknowledged again (the official client does
 * not, which would stall a sender whose acknowledgement was lost).
 */
export class Receiver {
  readonly #ports: ReceiverPorts;
  readonly #limits: Pick<TunnelLimits, "reorderMessages" | "reorderBytes">;
  readonly #held = new Map<number, Message>();
  #heldBytes = 0;
  #expected = 0;
  #duplicates = 0;

  constructor(ports: ReceiverPorts, limits: Pick<TunnelLimits, "reorderMessages" | "reorderBytes">) {
    this.#ports = ports;
    this.#limits = limits;
  }

  /** Sequence number of the message to be delivered next. */
  get expected(): number {
    return this.#expected;
  }

  /** Messages that came again after they were delivered or while they were held. */
  get duplicates(): number {
    return this.#duplicates;
  }

  /** Bytes of payload held for a gap to close. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Takes a stream message as it comes from the wire. */
  receive(message: Message): void {
    if (message.sequence < this.#expected) {
      this.#duplicates += 1;
      this.#ports.acknowledge(message);
      return;
    }
    if (message.sequence > this.#expected) {
      this.#hold(message);
      return;
    }
    // Data is acknowledged once it is taken. A handshake message comes first: the agent wants its acknowledgement before the answer.
    const taken = message.payloadType === payloadTypes.output;
    if (!taken) {
      this.#ports.acknowledge(message);
    }
    this.#expected += 1;
    this.#ports.deliver(message);
    if (taken) {
      this.#ports.acknowledge(message);
    }
    this.#drain();
  }

  #hold(message: Message): void {
    if (this.#held.has(message.sequence)) {
      this.#duplicates += 1;
      this.#ports.acknowledge(message);
      return;
    }
    const full =
      this.#held.size >= this.#limits.reorderMessages ||
      this.#heldBytes + message.payload.length > this.#limits.reorderBytes;
    if (full) {
      return;
    }
    // A copy: the payload shares the memory of a whole socket read, which must not be kept alive by it.
    this.#held.set(message.sequence, { ...message, payload: Buffer.from(message.payload) });
    this.#heldBytes += message.payload.length;
    this.#ports.acknowledge(message);
  }

  #drain(): void {
    for (;;) {
      const next = this.#held.get(this.#expected);
      if (next === undefined) {
        return;
      }
      this.#held.delete(this.#expected);
      this.#heldBytes -= next.payload.length;
      this.#expected += 1;
      this.#ports.deliver(next);
    }
  }
}
