import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { Mux } from "./mux.ts";
import { frameHeader } from "./smux.ts";
import { turns } from "./tunnel-fixture.ts";

/** A mux on its own: `wire` is what it sends, payload by payload; nothing is sent while `room` is 0. */
function setUp(room = Number.POSITIVE_INFINITY) {
  const wire: Buffer[] = [];
  const holds: boolean[] = [];
  const state = { room };
  const mux = new Mux(
    {
      clock: manualClock(),
      hasRoom: () => state.room > 0,
      send: (pieces) => {
        state.room -= 1;
        wire.push(Buffer.concat(pieces));
      },
      holdInput: (held) => void holds.push(held),
    },
    { payloadBytes: 1024, framePayloadBytes: 4088, streams: 10, streamBufferBytes: 1000, headOfLineMs: 1000 },
  );
  return { mux, wire, holds, state };
}

function data(id: number, bytes: Buffer): Buffer {
  return Buffer.concat([frameHeader("data", id, bytes.length), bytes]);
}

const tunnelOver = new Error("over");

describe("mux", () => {
  it("cuts frames into full payloads, and one frame never spans more than it must", () => {
    const { mux, wire } = setUp();
    const stream = mux.open();

    stream.write(Buffer.alloc(5000, 1));

    expect(wire.map(({ length }) => length)).toEqual([8, 1024, 1024, 1024, 1024, 920]);
    expect(Buffer.concat(wire.slice(1, 5))).toEqual(data(3, Buffer.alloc(4088, 1)));
    expect(wire[5]).toEqual(data(3, Buffer.alloc(912, 1)));
  });

  it("lets writers take turns, a frame each", () => {
    const { mux, wire, state } = setUp(3);
    const [first, second] = [mux.open(), mux.open()];
    state.room = 0;
    first.write(Buffer.alloc(8176, 1));
    second.write(Buffer.alloc(8176, 2));
    wire.length = 0;

    state.room = Number.POSITIVE_INFINITY;
    mux.pump();

    const owners = wire.filter((_payload, index) => index % 4 === 0).map((payload) => payload.readUInt32LE(4));
    expect(owners).toEqual([3, 5, 3, 5]);
  });

  it("joins writes that waited for each other into one frame", async () => {
    const { mux, wire } = setUp();
    const stream = mux.open();

    stream.cork();
    stream.write("one ");
    stream.write("frame");
    stream.uncork();

    expect(wire.slice(1)).toEqual([data(3, Buffer.from("one frame"))]);
  });

  it("sends nothing of a stream after its end, not even what waited", () => {
    const { mux, wire, state } = setUp();
    const stream = mux.open();
    state.room = 0;
    stream.write(Buffer.alloc(100));
    wire.length = 0;

    stream.destroy();
    state.room = Number.POSITIVE_INFINITY;
    mux.pump();

    expect(wire).toEqual([frameHeader("fin", 3)]);
  });

  it("closes streams with writes that waited when the tunnel ends in order", async () => {
    const { mux, state } = setUp();
    const stream = mux.open();
    state.room = 0;
    stream.write(Buffer.alloc(100));
    mux.receive(data(3, Buffer.from("last words")));

    const received: string[] = [];
    const closed = once(stream, "close");
    stream.on("data", (chunk: Buffer) => void received.push(chunk.toString()));
    mux.end(tunnelOver);
    await closed;

    expect(received).toEqual(["last words"]);
    expect(() => mux.open()).toThrow(tunnelOver);
  });

  it("holds the input while a consumer does not read, and only then", async () => {
    const { mux, holds } = setUp();
    const stream = mux.open();

    mux.receive(data(3, Buffer.alloc(1000, 1)));
    await turns(1);
    const before = [...holds];
    mux.receive(data(3, Buffer.alloc(1, 1)));
    await turns(1);
    const held = [...holds];
    stream.read();
    await turns(1);

    expect([before, held, holds]).toEqual([[], [true], [true, false]]);
  });

  it("does not hold the input for a stream that gets no more, however much of it is unread", () => {
    const { mux, holds } = setUp();
    mux.open();

    mux.receive(Buffer.concat([data(3, Buffer.alloc(5000, 1)), frameHeader("fin", 3)]));

    expect(holds.at(-1)).toBe(false);
  });

  it("lets go of the input when the stream that held it is destroyed", async () => {
    const { mux, holds } = setUp();
    const stream = mux.open();
    mux.receive(data(3, Buffer.alloc(5000, 1)));
    await turns(1);

    stream.destroy();

    expect(holds).toEqual([true, false]);
  });

  it("gives a consumer what came within one turn as one chunk", async () => {
    const { mux } = setUp();
    const stream = mux.open();
    const chunks: string[] = [];
    stream.on("data", (chunk: Buffer) => void chunks.push(chunk.toString()));

    mux.receive(Buffer.concat([data(3, Buffer.from("a")), data(3, Buffer.from("b"))]));
    mux.receive(data(3, Buffer.from("c")));
    await turns(1);

    expect(chunks).toEqual(["abc"]);
  });
});
