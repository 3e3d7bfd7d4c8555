import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { defaultLimits } from "./limits.ts";
import { payloadTypes } from "./message.ts";
import { openTunnel } from "./tunnel.ts";
import { eventually, readAll, readBytes, startFixture, turns } from "./tunnel-fixture.ts";

describe("the end of a tunnel", () => {
  it("by the service: gives its words, and streams keep what they have received", async () => {
    await using fixture = await startFixture();
    const tunnel = await fixture.open();
    const stream = await tunnel.open();

    fixture.agent.sendData(3, Buffer.from("last words"));
    fixture.agent.sendRaw("channel_closed", Buffer.from(JSON.stringify({ Output: "Grant \u001b[31mexpired\u0007\n" })));

    expect(await tunnel.closed).toEqual({ reason: "ended-by-service", output: "Grant [31mexpired\n" });
    expect((await readAll(stream)).toString()).toBe("last words");
    await expect(tunnel.open()).rejects.toMatchObject({ code: "SessionEnded", why: "Grant [31mexpired\n" });
    expect(fixture.calls).toEqual([]);
  });

  it("by the service, with more words than a person reads: they are cut", async () => {
    await using fixture = await startFixture();
    const tunnel = await fixture.open();

    fixture.agent.sendRaw("channel_closed", Buffer.from(JSON.stringify({ Output: "x".repeat(5000) })));

    expect((await tunnel.closed).output?.length).toBe(2000);
  });

  it("by the service, with a payload that is no JSON: still an end", async () => {
    await using fixture = await startFixture();
    const tunnel = await fixture.open();

    fixture.agent.sendRaw("channel_closed", Buffer.from("{"));

    expect(await tunnel.closed).toEqual({ reason: "ended-by-service" });
  });

  it("by close: tells the agent by the terminate flag, and leaves no socket and no timer", async () => {
    const clock = manualClock();
    await using fixture = await startFixture({ clock });
    const { agent } = fixture;
    const tunnel = await fixture.open();
    const stream = await tunnel.open();

    await tunnel.close();

    expect(agent.taken.at(-1)).toEqual({ type: payloadTypes.flag, payload: Buffer.from([0, 0, 0, 2]) });
    expect(await tunnel.closed).toEqual({ reason: "terminated" });
    expect((await readAll(stream)).length).toBe(0);
    await agent.until(() => agent.connections === 0);
    expect(clock.pendingCount()).toBe(0);
    expect(fixture.calls).toEqual([]);
  });

  it("by close, twice: is one end", async () => {
    await using fixture = await startFixture();
    const tunnel = await fixture.open();

    await Promise.all([tunnel.close(), tunnel.close()]);
    await tunnel.close();

    const sent = fixture.agent.taken.filter(({ type }) => type === payloadTypes.flag);
    expect(sent.length).toBe(1);
  });

  it("by close, when the agent does not answer: the session is terminated by the API, in time", async () => {
    const clock = manualClock();
    await using fixture = await startFixture({ clock });
    const { agent } = fixture;
    const tunnel = await fixture.open();
    await agent.until(() => agent.taken.length === 1);
    agent.behaviour.ignores = () => {
      agent.changed();
      return true;
    };

    const closing = tunnel.close();
    clock.advance(defaultLimits.terminateWaitMs);
    await closing;

    expect(fixture.calls).toEqual(["terminate"]);
    expect(clock.pendingCount()).toBe(0);
  });

  it("by close: takes no offence at data that was still on its way", async () => {
    await using fixture = await startFixture();
    const { agent } = fixture;
    const tunnel = await fixture.open();
    await tunnel.open();
    agent.behaviour.ignores = ({ payloadType }) => {
      if (payloadType === payloadTypes.flag) {
        agent.sendData(3, Buffer.from("still on its way"));
      }
      return false;
    };

    await tunnel.close();

    expect(await tunnel.closed).toEqual({ reason: "terminated" });
  });

  it("by a broken protocol: is broken, not hanging, and the session is terminated", async () => {
    await using fixture = await startFixture();
    const tunnel = await fixture.open();
    const stream = await tunnel.open();
    const failed = once(stream, "error");

    fixture.agent.sendFrame("syn", 2);

    expect(await tunnel.closed).toMatchObject({ reason: "broken", error: { code: "TunnelBroken" } });
    expect((await failed)[0]).toMatchObject({ code: "TunnelBroken" });
    expect(fixture.calls).toEqual(["terminate"]);
  });

  it("by data before the handshake is complete: no tunnel opens", async () => {
    await using fixture = await startFixture({ agent: { completes: false } });

    const opening = openTunnel(fixture.options()).catch((thrown: unknown) => thrown);
    await fixture.agent.until(() => fixture.agent.taken.length === 1);
    fixture.agent.sendData(3, Buffer.from("early"));

    expect(await opening).toMatchObject({ code: "TunnelBroken" });
  });

  it("does not come from a malformed message: that is dropped, and counted", async () => {
    await using fixture = await startFixture();
    const tunnel = await fixture.open();
    const stream = await tunnel.open();

    fixture.agent.socket?.send(Buffer.alloc(300, 1));
    fixture.agent.socket?.send("text");
    stream.write("x");
    await readBytes(stream, 1);

    expect(tunnel.stats().invalidMessages).toBe(2);
  });
});

describe("back-pressure", () => {
  it("reaches the writer when nothing is acknowledged, and lets go when something is", async () => {
    const clock = manualClock();
    await using fixture = await startFixture({ clock, limits: { windowBytes: 32 * 1024 } });
    const { agent } = fixture;
    const tunnel = await fixture.open();
    agent.behaviour.losesAcknowledge = () => true;
    const stream = await tunnel.open();

    // Far more than the window and the stream's own buffer.
    let accepted = 0;
    while (accepted < 4 * 1024 * 1024 && stream.write(Buffer.alloc(16 * 1024))) {
      accepted += 16 * 1024;
    }
    const { unacknowledgedBytes } = tunnel.stats();
    const drained = once(stream, "drain");
    agent.behaviour.losesAcknowledge = () => false;
    agent.socket?.terminate();
    await drained;

    expect(accepted).toBeLessThan(256 * 1024);
    // One frame and its headers may exceed the window.
    expect(unacknowledgedBytes).toBeLessThan(32 * 1024 + 34 * 1280);
  });

  it("reaches the far end when a consumer does not read: nothing more is taken than its buffer and a socket read", async () => {
    await using fixture = await startFixture({ limits: { streamBufferBytes: 100_000 } });
    const { agent } = fixture;
    const tunnel = await fixture.open();
    const stream = await tunnel.open();

    const total = 32 * 1024 * 1024;
    for (let sent = 0; sent < total; sent += 64 * 1024) {
      agent.sendData(3, Buffer.alloc(64 * 1024, 5));
    }
    await eventually(() => stream.readableLength > 100_000);
    await turns(100);
    const buffered = tunnel.stats().bytesReceived;
    const received = readBytes(stream, total);

    expect(buffered).toBeLessThan(100_000 + 3 * 64 * 1024);
    expect((await received).length).toBe(total);
  });

  it("lets a stream that is alone wait for ever", async () => {
    const clock = manualClock();
    await using fixture = await startFixture({ clock, limits: { streamBufferBytes: 10_000 } });
    const tunnel = await fixture.open();
    const stream = await tunnel.open();
    fixture.agent.sendData(3, Buffer.alloc(200_000, 5));
    await eventually(() => stream.readableLength > 10_000);

    clock.advance(24 * 60 * 60_000);

    expect((await readBytes(stream, 200_000)).length).toBe(200_000);
  });

  it("ends a stream that nobody reads when it holds up others for too long, and the others go on", async () => {
    const clock = manualClock();
    await using fixture = await startFixture({ clock, limits: { streamBufferBytes: 10_000 } });
    const { agent } = fixture;
    const tunnel = await fixture.open();
    const [slow, other] = [await tunnel.open(), await tunnel.open()];
    const failed = once(slow, "error");
    agent.sendData(3, Buffer.alloc(200_000, 5));
    await eventually(() => slow.readableLength > 10_000);
    other.write("x");

    clock.advance(defaultLimits.headOfLineMs);
    const [error] = (await failed) as [Error];
    const echo = await readBytes(other, 1);

    expect(error).toMatchObject({ code: "ConnectionNotRead" });
    expect(echo.toString()).toBe("x");
  });

  it("spares a slow stream that reads a little in every period", async () => {
    const clock = manualClock();
    await using fixture = await startFixture({ clock, limits: { streamBufferBytes: 10_000 } });
    const tunnel = await fixture.open();
    const [slow] = [await tunnel.open(), await tunnel.open()];
    fixture.agent.sendData(3, Buffer.alloc(600_000, 5));
    await eventually(() => slow.readableLength > 10_000);

    for (let period = 0; period < 5; period += 1) {
      clock.advance(defaultLimits.headOfLineMs - 1);
      slow.read(10);
    }

    expect(slow.destroyed).toBe(false);
  });
});
