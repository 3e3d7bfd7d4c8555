import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Message } from "./message.ts";
import { Receiver } from "./receiver.ts";

function messageOf(sequence: number, bytes = 4, payloadType = 1): Message {
  const payload = Buffer.alloc(bytes, sequence);
  return { type: "output_stream_data", createdTime: 1, sequence, flags: 0, id: Buffer.alloc(16), payloadType, payload };
}

function setUp(limits = { reorderMessages: 10, reorderBytes: 1000 }) {
  const events: string[] = [];
  const receiver = new Receiver(
    {
      deliver: ({ sequence }) => void events.push(`deliver ${sequence}`),
      acknowledge: ({ sequence }) => void events.push(`ack ${sequence}`),
    },
    limits,
  );
  return { receiver, events };
}

describe("receiver", () => {
  it("acknowledges data once it is delivered", () => {
    const { receiver, events } = setUp();

    receiver.receive(messageOf(0));

    expect(events).toEqual(["deliver 0", "ack 0"]);
  });

  it("acknowledges a handshake message before it is delivered, so that the answer follows the acknowledgement", () => {
    const { receiver, events } = setUp();

    receiver.receive(messageOf(0, 4, 5));

    expect(events).toEqual(["ack 0", "deliver 0"]);
  });

  it("acknowledges a duplicate again without delivering it", () => {
    const { receiver, events } = setUp();
    receiver.receive(messageOf(0));
    receiver.receive(messageOf(2));
    events.length = 0;

    receiver.receive(messageOf(0));
    receiver.receive(messageOf(2));

    expect(events).toEqual(["ack 0", "ack 2"]);
    expect(receiver.duplicates).toBe(2);
  });

  it("holds what is ahead of a gap, acknowledged, and delivers it when the gap closes", () => {
    const { receiver, events } = setUp();

    receiver.receive(messageOf(2));
    receiver.receive(messageOf(1));
    receiver.receive(messageOf(0));

    expect(events).toEqual(["ack 2", "ack 1", "deliver 0", "ack 0", "deliver 1", "deliver 2"]);
    expect(receiver.heldBytes).toBe(0);
  });

  it("drops unacknowledged what it has no room to hold, by number and by bytes", () => {
    const few = setUp({ reorderMessages: 2, reorderBytes: 1000 });
    const small = setUp({ reorderMessages: 10, reorderBytes: 9 });

    for (const sequence of [1, 2, 3]) {
      few.receiver.receive(messageOf(sequence));
      small.receiver.receive(messageOf(sequence));
    }

    expect(few.events).toEqual(["ack 1", "ack 2"]);
    expect(small.events).toEqual(["ack 1", "ack 2"]);
  });

  it("does not keep the memory that a held message arrived in", () => {
    const payloads: Buffer[] = [];
    const receiver = new Receiver(
      { deliver: ({ payload }) => void payloads.push(payload), acknowledge: () => undefined },
      { reorderMessages: 10, reorderBytes: 100 },
    );
    const arrived = messageOf(1);

    receiver.receive(arrived);
    arrived.payload.fill(0xff);
    receiver.receive(messageOf(0));

    expect(payloads[1]).toEqual(Buffer.alloc(4, 1));
  });

  it("delivers every message once and in order, whatever the order, the loss and the repetition", () => {
    const arrivals = fc.array(fc.nat(30), { maxLength: 200 });
    fc.assert(
      fc.property(arrivals, fc.integer({ min: 1, max: 8 }), (sequences, reorderMessages) => {
        const delivered: number[] = [];
        const acknowledged = new Set<number>();
        const receiver = new Receiver(
          {
            deliver: ({ sequence }) => void delivered.push(sequence),
            acknowledge: ({ sequence }) => void acknowledged.add(sequence),
          },
          { reorderMessages, reorderBytes: 1000 },
        );

        for (const sequence of sequences) {
          receiver.receive(messageOf(sequence));
        }
        // A correct sender sends again, oldest first, what was not acknowledged.
        for (let sequence = 0; sequence <= 30; sequence += 1) {
          if (!acknowledged.has(sequence)) {
            receiver.receive(messageOf(sequence));
          }
        }

        expect(delivered).toEqual(Array.from({ length: 31 }, (_value, index) => index));
        expect(receiver.heldBytes).toBe(0);
      }),
    );
  });
});
