import { describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { defaultLimits } from "./limits.ts";
import { decodeMessage } from "./message.ts";
import { Sender } from "./sender.ts";

function setUp(limits: Partial<typeof defaultLimits> = {}) {
  const clock = manualClock();
  const wire: Buffer[] = [];
  const events: string[] = [];
  const sender = new Sender(
    {
      clock,
      nextID: () => Buffer.alloc(16, 9),
      transmit: (bytes) => void wire.push(bytes),
      onRoom: () => void events.push("room"),
      onIdle: () => void events.push("idle"),
      onStall: (remedy) => void events.push(remedy),
    },
    { ...defaultLimits, ...limits },
  );
  const sent = (): number[] => wire.map((bytes) => decodeMessage(bytes).sequence);
  return { clock, wire, events, sender, sent };
}

function payload(bytes = 10): Buffer[] {
  return [Buffer.alloc(bytes, 1)];
}

describe("sender", () => {
  it("numbers messages from 0 and sends them at once", () => {
    const { sender, wire } = setUp();
    sender.connected();

    sender.send(1, payload());
    sender.send(10, payload());

    expect(wire.map((bytes) => decodeMessage(bytes))).toMatchObject([
      { type: "input_stream_data", sequence: 0, flags: 0, payloadType: 1 },
      { type: "input_stream_data", sequence: 1, flags: 0, payloadType: 10 },
    ]);
  });

  it("resends the oldest, and while nothing at all is acknowledged the newest, with the identical bytes, when its time is over", () => {
    const { sender, wire, clock, sent } = setUp();
    sender.connected();
    for (let count = 0; count < 4; count += 1) {
      sender.send(1, payload());
    }

    clock.advance(200);
    const before = sent();
    clock.advance(100);

    expect(before).toEqual([0, 1, 2, 3]);
    expect(sent()).toEqual([0, 1, 2, 3, 0, 3]);
    expect(wire[4]).toEqual(wire[0]);
  });

  it("counts the time from the last resend, not from the first sending", () => {
    const { sender, clock, sent } = setUp();
    sender.connected();
    sender.send(1, payload());

    clock.advance(900);

    // At 300, 600 and 900 ms: each time more than 200 ms after the one before, at ticks of 100 ms.
    expect(sent()).toEqual([0, 0, 0, 0]);
    expect(sender.resent).toBe(3);
  });

  it("sends nothing again once acknowledged, and lets its timer end", () => {
    const { sender, clock, sent, events } = setUp();
    sender.connected();
    sender.send(1, payload());

    sender.acknowledge(0);
    sender.acknowledge(0);
    sender.acknowledge(77);
    clock.advance(5000);

    expect(sent()).toEqual([0]);
    expect(events).toEqual(["idle"]);
    expect(clock.pendingCount()).toBe(0);
  });

  it("asks writers to wait at the window's end and calls them when there is room, losing nothing", () => {
    const { sender, events } = setUp({ windowBytes: 300 });
    sender.connected();

    sender.send(1, payload(30));
    const first = sender.hasRoom;
    sender.send(1, payload(30));
    const second = sender.hasRoom;
    sender.acknowledge(0);

    expect([first, second]).toEqual([true, false]);
    expect(events).toEqual(["room"]);
    expect(sender.hasRoom).toBe(true);
  });

  it("does not measure the round trip by a message that was sent twice", () => {
    const { sender, clock } = setUp();
    sender.connected();
    sender.send(1, payload());

    clock.advance(350);
    sender.acknowledge(0);

    expect(sender.roundTripMs).toBe(defaultLimits.roundTripInitialMs);
  });

  it("measures the round trip by a message that was sent once", () => {
    const { sender, clock } = setUp();
    sender.connected();
    sender.send(1, payload());

    clock.advance(20);
    sender.acknowledge(0);

    expect(sender.roundTripMs).toBe(90);
  });

  it("sends everything unacknowledged again, in order, on a new websocket", () => {
    const { sender, sent, wire } = setUp();
    sender.connected();
    for (let count = 0; count < 4; count += 1) {
      sender.send(1, payload());
    }
    sender.acknowledge(1);

    sender.disconnected();
    sender.send(1, payload());
    const whileDown = sent();
    wire.length = 0;
    sender.connected();

    expect(whileDown).toEqual([0, 1, 2, 3]);
    expect(sent()).toEqual([0, 2, 3, 4]);
    expect(sender.resent).toBe(3);
  });

  it("repairs many losses by the pace of acknowledgements, not of the tick", () => {
    const { sender, clock, sent, wire } = setUp();
    sender.connected();
    for (let count = 0; count < 100; count += 1) {
      sender.send(1, payload());
    }

    // All of them were lost; from now on everything that is sent is acknowledged after 10 ms.
    wire.length = 0;
    let repairMs = 0;
    for (; sender.unacknowledgedCount > 0 && repairMs < 10_000; repairMs += 10) {
      const arrived = sent();
      wire.length = 0;
      clock.advance(10);
      for (const sequence of arrived) {
        sender.acknowledge(sequence);
      }
    }

    expect(sender.unacknowledgedCount).toBe(0);
    expect(repairMs).toBeLessThan(500);
    expect(sender.resent).toBeLessThan(110);
  });

  it("does not send everything twice to a far end that is slow but loses nothing", () => {
    const { sender, clock, sent } = setUp();
    sender.connected();

    // Round trips of 3 s: far above the cap of the timeout.
    for (let count = 0; count < 4000; count += 1) {
      sender.send(1, payload());
      clock.advance(10);
      if (count >= 300) {
        sender.acknowledge(count - 300);
      }
    }

    // One in each tick at most, as with the reference.
    expect(sender.resent).toBeLessThan(420);
    expect(new Set(sent()).size).toBe(4000);
  });

  it("while the websocket is not read, sends on but neither resends nor counts the time", () => {
    const { sender, clock, sent, events } = setUp();
    sender.connected();
    sender.send(1, payload());

    sender.setBlind(true);
    sender.send(1, payload());
    clock.advance(defaultLimits.stallResumeMs * 2);
    const whileBlind = sent();
    sender.setBlind(false);
    clock.advance(300);

    expect(whileBlind).toEqual([0, 1]);
    expect(events).toEqual([]);
    expect(sent()).toEqual([0, 1, 0, 1]);
  });

  it("has the websocket probed, and later replaced, when nothing is acknowledged", () => {
    const { sender, clock, events } = setUp();
    sender.connected();
    sender.send(1, payload());

    clock.advance(defaultLimits.stallProbeMs);
    const afterProbe = [...events];
    clock.advance(defaultLimits.stallResumeMs);

    expect(afterProbe).toEqual(["probe"]);
    expect(events).toEqual(["probe", "replace"]);
  });

  it("takes any acknowledgement as a sign of life", () => {
    const { sender, clock, events } = setUp();
    sender.connected();
    for (let count = 0; count < 5; count += 1) {
      sender.send(1, payload());
    }

    for (let count = 4; count > 0; count -= 1) {
      clock.advance(defaultLimits.stallProbeMs - 200);
      sender.acknowledge(count);
    }

    expect(events).toEqual([]);
  });

  it("leaves nothing behind when stopped", () => {
    const { sender, clock, sent } = setUp();
    sender.connected();
    sender.send(1, payload());

    sender.stop();
    clock.advance(10_000);

    expect(sent()).toEqual([0]);
    expect(clock.pendingCount()).toBe(0);
    expect(sender.unacknowledgedBytes).toBe(0);
  });
});
