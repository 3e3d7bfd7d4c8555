import { duplexPair } from "node:stream";
import { describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { encodeFrame } from "#wire/frame.ts";
import { hello, proxySide } from "#test/cli/proxy-side.ts";
import { frameStream } from "./frames.ts";

const welcome = { type: "welcome", remainingMs: 1_000 } as const;
const greeting = Buffer.from("J\0\0\0\n8.4.0 speaks first");

/** Lets everything that is on its way in this process arrive. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("handshake messages on a stream", () => {
  it("come one at a time and leave the database's first bytes alone, split at every byte", async () => {
    const bytes = Buffer.concat([encodeFrame(hello), encodeFrame(welcome), greeting]);
    for (let cut = 1; cut < bytes.length; cut += 1) {
      const [client, far] = duplexPair();
      const frames = frameStream(client, manualClock());
      far.write(bytes.subarray(0, cut));
      const first = frames.receive();
      await settle();
      far.end(bytes.subarray(cut));

      expect([await first, await frames.receive()]).toEqual([hello, welcome]);
      frames.detach();
      expect(Buffer.concat(await client.toArray())).toEqual(greeting);
    }
  });

  it("are not read ahead: a far end that says more than it was asked for is held back", async () => {
    const [client, far] = duplexPair();
    const frames = frameStream(client, manualClock());
    const received = frames.receive();
    far.write(encodeFrame(hello));
    await received;

    let accepted = 0;
    while (far.write(Buffer.alloc(16_384)) && accepted < 1_000) {
      accepted += 1;
    }
    await settle();

    expect(accepted).toBeLessThan(20);
    expect(far.writableNeedDrain).toBe(true);
  });

  it("that came before the end are still given, then the end is an error", async () => {
    const side = proxySide();
    const frames = frameStream(side.client, manualClock());
    side.say(hello, welcome);
    side.stream.end();

    expect([await frames.receive(), await frames.receive()]).toEqual([hello, welcome]);
    await expect(frames.receive()).rejects.toMatchObject({ code: "ProxyClosed" });
  });

  it.each([
    ["another protocol", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")],
    ["null", encodeFrame(null)],
    ["a message without its fields", encodeFrame({ type: "hello" })],
    ["a field of another type", encodeFrame({ ...hello, nonce: 1 })],
    ["a type that is no message", encodeFrame({ type: "toString" })],
  ])("are refused where the far end speaks %s, and the stream is closed", async (_, bytes) => {
    const [client, far] = duplexPair();
    const frames = frameStream(client, manualClock());
    far.write(bytes);

    await expect(frames.receive()).rejects.toMatchObject({ code: "ProxyUnexpected" });
    expect(client.destroyed).toBe(true);
  });

  it("are waited for as long as was said", async () => {
    const clock = manualClock();
    const side = proxySide();
    const frames = frameStream(side.client, clock);

    const received = frames.receive(20_000);
    clock.advance(20_000);

    await expect(received).rejects.toMatchObject({ code: "ProxySilent" });
    expect(side.client.destroyed).toBe(true);
    expect(clock.pendingCount()).toBe(0);
  });

  it("leave no error of the stream unheard, not even between two owners", async () => {
    const side = proxySide();
    const frames = frameStream(side.client, manualClock());
    frames.detach();

    side.client.destroy(new Error("reset"));
    await settle();

    expect(side.client.errored?.message).toBe("reset");
  });
});
