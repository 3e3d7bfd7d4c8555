import type { ChannelMessage } from "./message.ts";

/** What to do with a message that came in. `dropped`: no acknowledgement, the sender will send it again. */
export type Receipt = "acknowledge" | "held" | "dropped";

/** Bounds of what an inbox holds. */
export interface InboxLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
}

/**
 * The reference agent holds 100 000 messages of at most 1 KiB. Ours may be larger, so bytes are bounded as well: four times
 * what a sender with our own limit of 4 MiB can have in flight.
 */
const defaultInboxLimits: InboxLimits = { maxMessages: 100_000, maxBytes: 16 * 1024 * 1024 };

interface Held {
  readonly message: ChannelMessage;
  acknowledged: boolean;
}

/**
 * The receiving half of a data channel: puts messages in order. A message in sequence is acknowledged only when the
 * consumer says that it has dealt with it (that is the back-pressure); one that came early is acknowledged and held; one
 * that was dealt with before is acknowledged again.
 */
export class Inbox {
  readonly #limits: InboxLimits;
  readonly #held = new Map<number, Held>();
  #expected = 0;
  #heldBytes = 0;
  /** One past the last message of the unbroken run that starts at `expected`. */
  #runEnd = 0;

  constructor(limits: InboxLimits = defaultInboxLimits) {
    this.#limits = limits;
  }

  /** Sequence number of the message that is dealt with next. */
  get expected(): number {
    return this.#expected;
  }

  /** Bytes of payload that wait here. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Takes in a message and says whether to acknowledge it now. */
  receive(message: ChannelMessage): Receipt {
    const { sequenceNumber } = message;
    if (sequenceNumber < this.#expected) {
      return "acknowledge";
    }
    const already = this.#held.get(sequenceNumber);
    if (already !== undefined) {
      return already.acknowledged ? "acknowledge" : "held";
    }
    // The next one in sequence always has room, or a full buffer would wait for itself.
    if (sequenceNumber !== this.#expected && !this.#hasRoom(message)) {
      return "dropped";
    }
    const inSequence = sequenceNumber === this.#runEnd;
    this.#held.set(sequenceNumber, { message, acknowledged: !inSequence });
    this.#heldBytes += message.payload.length;
    while (this.#held.has(this.#runEnd)) {
      this.#runEnd += 1;
    }
    return inSequence ? "held" : "acknowledge";
  }

  /** The next message in sequence, if it is here. It stays until `done`, and nobody acknowledges it before. */
  peek(): ChannelMessage | undefined {
    return this.#held.get(this.#expected)?.message;
  }

  /** The message that `peek` gave is dealt with. True when it must be acknowledged now. */
  done(): boolean {
    const held = this.#held.get(this.#expected);
    if (held === undefined) {
      return false;
    }
    this.#held.delete(this.#expected);
    this.#heldBytes -= held.message.payload.length;
    this.#expected += 1;
    return !held.acknowledged;
  }

  #hasRoom(message: ChannelMessage): boolean {
    return (
      this.#held.size < this.#limits.maxMessages && this.#heldBytes + message.payload.length <= this.#limits.maxBytes
    );
  }
}
