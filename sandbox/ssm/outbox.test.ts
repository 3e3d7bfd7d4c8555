import { describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import type { ManualClock } from "#lib/clock.ts";
import { Outbox } from "./outbox.ts";
import { initialRoundTrip, withSample } from "./retransmission.ts";

interface Bench {
  readonly clock: ManualClock;
  readonly outbox: Outbox;
  /** Sequence numbers in the order in which they were put on the wire. */
  readonly sent: number[];
  roomCalls: number;
}

function bench(unackedMaxBytes = 1_000): Bench {
  const clock = manualClock();
  const sent: number[] = [];
  const result: Bench = {
    clock,
    sent,
    roomCalls: 0,
    outbox: new Outbox({
      clock,
      // A hundred bytes whose first is the number.
      encode: (sequenceNumber) => Buffer.alloc(100, sequenceNumber),
      transmit: (bytes) => sent.push(bytes.readUInt8(0)),
      onRoom: () => {
        result.roomCalls += 1;
      },
      unackedMaxBytes,
    }),
  };
  return result;
}

const nothing = Buffer.alloc(0);

describe("Outbox", () => {
  it("numbers messages from 0 and sends them at once", () => {
    const { outbox, sent } = bench();

    expect([outbox.push(1, nothing), outbox.push(1, nothing)]).toEqual([0, 1]);
    expect(sent).toEqual([0, 1]);
  });

  it("sends the oldest again, and it alone, once it is older than the timeout", () => {
    const { clock, outbox, sent } = bench();
    outbox.push(1, nothing);
    outbox.push(1, nothing);

    clock.advance(200);
    expect(sent).toEqual([0, 1]);
    clock.advance(100);

    expect(sent).toEqual([0, 1, 0]);
  });

  it("goes on with the next one when the oldest is acknowledged, and stops its timer when nothing is left", () => {
    const { clock, outbox, sent } = bench();
    outbox.push(1, nothing);
    outbox.push(1, nothing);
    clock.advance(300);

    outbox.acknowledge(0);
    clock.advance(100);
    outbox.acknowledge(1);
    clock.advance(100);

    expect(sent).toEqual([0, 1, 0, 1]);
    expect(clock.pendingCount()).toBe(0);
  });

  it("asks to pause at its limit and to go on at half of it", () => {
    const subject = bench(400);
    for (let count = 0; count < 4; count += 1) {
      subject.outbox.push(1, nothing);
    }

    expect(subject.outbox.full).toBe(true);
    subject.outbox.acknowledge(0);
    expect([subject.outbox.full, subject.roomCalls]).toEqual([true, 0]);
    subject.outbox.acknowledge(1);

    expect([subject.outbox.full, subject.roomCalls, subject.outbox.unackedBytes]).toEqual([false, 1, 200]);
  });

  it("ignores acknowledgements of what it never sent or has forgotten", () => {
    const { outbox } = bench();
    outbox.push(1, nothing);

    expect([outbox.acknowledge(5), outbox.acknowledge(0), outbox.acknowledge(0)]).toEqual([false, true, false]);
    expect(outbox.unackedBytes).toBe(0);
  });

  it("sends everything unacknowledged again in order when a new socket is attached", () => {
    const { outbox, sent } = bench();
    for (let count = 0; count < 4; count += 1) {
      outbox.push(1, nothing);
    }
    outbox.acknowledge(1);

    outbox.resendAll();

    expect(sent).toEqual([0, 1, 2, 3, 0, 2, 3]);
  });

  it("is silent after it is closed", () => {
    const { clock, outbox, sent } = bench();
    outbox.push(1, nothing);

    outbox.close();
    clock.advance(10_000);

    expect(sent).toEqual([0]);
    expect(clock.pendingCount()).toBe(0);
  });
});

describe("withSample", () => {
  it("follows the reference agent's arithmetic", () => {
    const after = withSample(initialRoundTrip, 20);

    expect(after).toEqual({ smoothedMs: 90, variationMs: 20, timeoutMs: 170 });
  });

  it("never waits longer than a second, nor less than 10 ms more than the round trip", () => {
    expect(withSample(initialRoundTrip, 60_000).timeoutMs).toBe(1_000);
    const steady = Array.from({ length: 200 }, () => 50).reduce(withSample, initialRoundTrip);
    expect(Math.round(steady.timeoutMs)).toBe(60);
  });
});
