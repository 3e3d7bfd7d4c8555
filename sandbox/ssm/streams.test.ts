import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { bareFrame } from "./smux.ts";
import { Streams } from "./streams.ts";

describe("Streams", () => {
  it("gives a destination that does not read 30 seconds for the last bytes of an ended stream", async () => {
    await using server = createServer((socket) => void socket.on("error", () => {}).pause()).listen(0, "127.0.0.1");
    await once(server, "listening");
    const clock = manualClock();
    const drained = Promise.withResolvers<void>();
    const streams = new Streams({
      clock,
      destination: { host: "127.0.0.1", port: (server.address() as AddressInfo).port },
      send: () => {},
      full: () => false,
      onDialFailed: () => {},
      onDrained: () => drained.resolve(),
      onChange: () => {},
    });
    streams.handle(bareFrame("open", 3));
    const [peer] = (await once(server, "connection")) as [{ destroy(): void }];
    // More than the kernel's buffers and the budget together.
    streams.handle({ command: "push", streamID: 3, data: Buffer.alloc(32 * 1024 * 1024) });
    streams.handle(bareFrame("end", 3));

    clock.advance(30_000 - 1);
    await new Promise(setImmediate);
    const before = streams.blocked;
    clock.advance(1);
    await drained.promise;

    expect([before, streams.blocked, streams.openCount]).toEqual([true, false, 0]);
    peer.destroy();
  });

  it("ignores data and ends of streams that are not open, and a second opening", async () => {
    const sent: Buffer[] = [];
    await using server = createServer((socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
    await once(server, "listening");
    const streams = new Streams({
      clock: manualClock(),
      destination: { host: "127.0.0.1", port: (server.address() as AddressInfo).port },
      send: (bytes) => sent.push(bytes),
      full: () => false,
      onDialFailed: () => {},
      onDrained: () => {},
      onChange: () => {},
    });

    streams.handle({ command: "push", streamID: 7, data: Buffer.from("x") });
    streams.handle(bareFrame("end", 7));
    streams.handle(bareFrame("nop", 0));
    streams.handle(bareFrame("open", 3));
    streams.handle(bareFrame("open", 3));

    expect([streams.openCount, sent]).toEqual([1, []]);
    streams.destroy();
  });
});
