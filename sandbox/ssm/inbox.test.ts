import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Inbox } from "./inbox.ts";
import type { ChannelMessage } from "./message.ts";

function message(sequenceNumber: number, size = 1): ChannelMessage {
  return {
    messageType: "input_stream_data",
    createdDate: 1,
    sequenceNumber,
    flags: 0,
    messageID: "00112233-4455-6677-8899-aabbccddeeff",
    payloadType: 1,
    payload: Buffer.alloc(size, sequenceNumber),
  };
}

/** Deals with everything in sequence; gives the numbers and those that must be acknowledged now. */
function drain(inbox: Inbox): { taken: number[]; acknowledged: number[] } {
  const taken: number[] = [];
  const acknowledged: number[] = [];
  for (let next = inbox.peek(); next !== undefined; next = inbox.peek()) {
    taken.push(next.sequenceNumber);
    if (inbox.done()) {
      acknowledged.push(next.sequenceNumber);
    }
  }
  return { taken, acknowledged };
}

describe("Inbox", () => {
  it("acknowledges a message in sequence only when it is dealt with", () => {
    const inbox = new Inbox();

    expect(inbox.receive(message(0))).toBe("held");
    expect(inbox.receive(message(0))).toBe("held");
    expect(drain(inbox)).toEqual({ taken: [0], acknowledged: [0] });
  });

  it("acknowledges an early message at once, holds it, and does not acknowledge it again when its turn comes", () => {
    const inbox = new Inbox();

    expect(inbox.receive(message(1))).toBe("acknowledge");
    expect(inbox.peek()).toBeUndefined();
    inbox.receive(message(0));

    expect(drain(inbox)).toEqual({ taken: [0, 1], acknowledged: [0] });
  });

  it("acknowledges again what it has dealt with before", () => {
    const inbox = new Inbox();
    inbox.receive(message(0));
    drain(inbox);

    expect(inbox.receive(message(0))).toBe("acknowledge");
    expect(inbox.peek()).toBeUndefined();
  });

  it("drops early messages beyond its limits, in number and in bytes, and always has room for the next in sequence", () => {
    const few = new Inbox({ maxMessages: 2, maxBytes: 1_000 });
    const small = new Inbox({ maxMessages: 100, maxBytes: 10 });

    expect([1, 2, 3].map((number) => few.receive(message(number)))).toEqual(["acknowledge", "acknowledge", "dropped"]);
    expect([small.receive(message(1, 10)), small.receive(message(2, 1))]).toEqual(["acknowledge", "dropped"]);
    expect([few.receive(message(0)), small.receive(message(0, 10))]).toEqual(["held", "held"]);
    expect(drain(few).taken).toEqual([0, 1, 2]);
    expect(small.heldBytes).toBe(20);
  });

  it("delivers each message once and in order, whatever order, loss and repetition the network makes of them", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.array(fc.record({ pick: fc.nat(), drain: fc.boolean() }), { maxLength: 200 }),
        (count, steps) => {
          const inbox = new Inbox({ maxMessages: 5, maxBytes: 100 });
          const unacknowledged = new Set(Array.from({ length: count }, (_, number) => number));
          const taken: number[] = [];
          const settle = (): void => {
            const { taken: now, acknowledged } = drain(inbox);
            taken.push(...now);
            for (const number of acknowledged) {
              unacknowledged.delete(number);
            }
          };
          const send = (number: number): void => {
            if (inbox.receive(message(number)) === "acknowledge") {
              unacknowledged.delete(number);
            }
          };

          for (const step of steps) {
            send(step.pick % count);
            if (step.drain) {
              settle();
            }
          }
          settle();
          // What a sender then does: the oldest again and again.
          for (
            let oldest = Math.min(...unacknowledged);
            unacknowledged.size > 0;
            oldest = Math.min(...unacknowledged)
          ) {
            send(oldest);
            settle();
          }

          expect(taken).toEqual(Array.from({ length: count }, (_, number) => number));
          expect(inbox.heldBytes).toBe(0);
        },
      ),
    );
  });
});
