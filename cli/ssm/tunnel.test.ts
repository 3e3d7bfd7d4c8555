import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { Secret } from "#lib/secret.ts";
import { clientVersion } from "./handshake.ts";
import { defaultLimits } from "./limits.ts";
import { payloadTypes } from "./message.ts";
import { openTunnel } from "./tunnel.ts";
import { readAll, readBytes, seeded, startFixture } from "./tunnel-fixture.ts";

const flag = (value: number): Buffer => Buffer.from([0, 0, 0, value]);

describe("opening a tunnel", () => {
  it("says its token, client ID and version in the first frame, and signs the upgrade", async () => {
    await using fixture = await startFixture();
    const signed: string[] = [];

    await fixture.open({
      signUpgrade: async (url) => {
        signed.push(url);
        return { authorization: "AWS4-HMAC-SHA256 x" };
      },
    });

    const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
    expect(fixture.agent.hellos).toEqual([
      {
        MessageSchemaVersion: "1.0",
        RequestId: expect.stringMatching(uuid),
        TokenValue: "secret-token-0",
        ClientId: expect.stringMatching(uuid),
        ClientVersion: clientVersion,
      },
    ]);
    expect(signed).toEqual([fixture.streamUrl]);
    expect(fixture.agent.upgrades[0]).toMatchObject({ authorization: "AWS4-HMAC-SHA256 x" });
    expect(fixture.agent.upgrades[0]).not.toHaveProperty("sec-websocket-extensions");
  });

  it("acknowledges the handshake request before it answers", async () => {
    await using fixture = await startFixture();

    const tunnel = await fixture.open();

    expect(fixture.agent.inbox.slice(0, 2)).toMatchObject([
      { type: "acknowledge" },
      { type: "input_stream_data", sequence: 0, payloadType: payloadTypes.handshakeResponse },
    ]);
    expect(tunnel).toMatchObject({ agentVersion: "3.3.0.0", customerMessage: "hello" });
  });

  it("refuses what is not port forwarding, tells the agent, and ends the session", async () => {
    const handshake = {
      AgentVersion: "3.3.0.0",
      RequestedClientActions: [{ ActionType: "KMSEncryption", ActionParameters: {} }],
    };
    await using fixture = await startFixture({ agent: { handshake, completes: false } });

    const error = await openTunnel(fixture.options()).catch((thrown: unknown) => thrown);

    await fixture.agent.until(() => fixture.agent.taken.length > 0);
    expect(error).toMatchObject({ name: "UserError", code: "SessionNotSupported" });
    expect(fixture.agent.taken[0]?.payload.toString()).toContain('"ActionStatus":3');
    expect(fixture.calls).toEqual(["terminate"]);
  });

  it("gives up when the service does not answer the upgrade in time", async () => {
    const clock = manualClock();
    await using fixture = await startFixture({ clock, agent: { upgrades: false } });

    const opening = openTunnel(fixture.options()).catch((thrown: unknown) => thrown);
    await fixture.agent.until(() => fixture.agent.upgrades.length === 1);
    clock.advance(defaultLimits.connectTimeoutMs);

    expect(await opening).toMatchObject({ code: "TunnelTimeout", message: expect.stringContaining("session service") });
    expect(clock.pendingCount()).toBe(0);
  });

  it("gives up when the agent does not complete the handshake in time", async () => {
    const clock = manualClock();
    await using fixture = await startFixture({ clock, agent: { completes: false } });

    const opening = openTunnel(fixture.options()).catch((thrown: unknown) => thrown);
    await fixture.agent.until(() => fixture.agent.taken.length === 1);
    clock.advance(defaultLimits.connectTimeoutMs);

    expect(await opening).toMatchObject({ code: "TunnelTimeout", message: expect.stringContaining("task") });
    expect(fixture.calls).toEqual(["terminate"]);
    expect(clock.pendingCount()).toBe(0);
  });

  it("gives up when the signature cannot be made in time", async () => {
    const clock = manualClock();
    await using fixture = await startFixture({ clock });

    const opening = openTunnel(fixture.options({ signUpgrade: () => new Promise(() => undefined) }));
    clock.advance(defaultLimits.connectTimeoutMs);

    await expect(opening).rejects.toMatchObject({ name: "UserError" });
    expect(clock.pendingCount()).toBe(0);
  });

  it("does not wait for ever for TerminateSession either", async () => {
    const clock = manualClock();
    await using fixture = await startFixture({ clock, agent: { refuseStatus: 403 } });
    const asked = Promise.withResolvers<void>();
    const terminate = (): Promise<void> => {
      asked.resolve();
      return new Promise(() => undefined);
    };

    const opening = openTunnel(fixture.options({ terminate })).catch((thrown: unknown) => thrown);
    await asked.promise;
    clock.advance(defaultLimits.callTimeoutMs);

    expect(await opening).toMatchObject({ code: "TunnelRefused" });
  });

  it("says which status the service refused with, and what may be missing", async () => {
    await using fixture = await startFixture({ agent: { refuseStatus: 403 } });

    const opening = openTunnel(fixture.options());

    await expect(opening).rejects.toMatchObject({
      code: "TunnelRefused",
      why: expect.stringContaining("403"),
      next: expect.stringContaining("ssmmessages:OpenDataChannel"),
    });
  });

  it("says why when the service cannot be reached", async () => {
    const fixture = await startFixture();
    await fixture.agent.close();

    const opening = openTunnel(fixture.options());

    await expect(opening).rejects.toMatchObject({
      code: "TunnelUnreachable",
      why: expect.stringContaining("ECONNREFUSED"),
    });
  });

  it("gives the service's reason when the token is not accepted", async () => {
    await using fixture = await startFixture({ agent: { accepts: () => false } });

    const opening = openTunnel(fixture.options());

    await expect(opening).rejects.toMatchObject({
      code: "TunnelRefused",
      why: expect.stringContaining("does not contain token"),
    });
  });

  it("gives the service's reason when the session is ended during the handshake", async () => {
    await using fixture = await startFixture({ agent: { completes: false } });

    const opening = openTunnel(fixture.options()).catch((thrown: unknown) => thrown);
    await fixture.agent.until(() => fixture.agent.taken.length === 1);
    fixture.agent.sendRaw("channel_closed", Buffer.from('{"Output":"Grant expired"}'));

    expect(await opening).toMatchObject({ code: "SessionEnded", why: "Grant expired" });
  });

  it.each(["ws://example.com/x", "ws://127.example.com/x", "ws://10.0.0.1/x", "http://127.0.0.1/x", "nonsense"])(
    "sends no token to %s",
    async (streamUrl) => {
      await using fixture = await startFixture();
      const session = { sessionID: "ada-0123", token: new Secret("secret-token-0"), streamUrl };

      const opening = openTunnel(fixture.options({ session }));

      await expect(opening).rejects.toMatchObject({ code: "TunnelUnreachable", why: expect.stringContaining("URL") });
    },
  );
});

describe("a stream", () => {
  it("carries bytes unchanged both ways, a lone line feed and 1,017-byte writes among them", async () => {
    await using fixture = await startFixture();
    const tunnel = await fixture.open();
    const stream = await tunnel.open();
    const sent = Buffer.concat([Buffer.from("\n"), Buffer.alloc(1016, 1), Buffer.from("\n"), seeded(1).bytes(300_000)]);

    stream.write(sent.subarray(0, 1));
    stream.write(sent.subarray(1, 1018));
    stream.write(sent.subarray(1018));
    const received = await readBytes(stream, sent.length);

    expect(received.equals(sent)).toBe(true);
  });

  it("never puts more into a message than real agents are known to take", async () => {
    await using fixture = await startFixture();
    const tunnel = await fixture.open();
    const stream = await tunnel.open();

    stream.write(Buffer.alloc(100_000, 1));
    await readBytes(stream, 100_000);

    const sizes = fixture.agent.inbox
      .filter(({ type }) => type === "input_stream_data")
      .map(({ payload }) => payload.length);
    expect(Math.max(...sizes)).toBe(1024);
  });

  it("has an odd id from 3 on, and its bytes are its own", async () => {
    await using fixture = await startFixture();
    const tunnel = await fixture.open();
    const ids: number[] = [];
    fixture.agent.behaviour.onOpen = (id) => void ids.push(id);
    const payloads = [1, 2, 3, 4].map((seed) => seeded(seed).bytes(80_000));

    const streams = await Promise.all(payloads.map(() => tunnel.open()));
    payloads.forEach((payload, index) => streams[index]?.write(payload));
    const echoes = await Promise.all(streams.map((stream) => readBytes(stream, 80_000)));

    expect(ids).toEqual([3, 5, 7, 9]);
    expect(echoes.map((echo, index) => echo.equals(payloads[index]!))).toEqual([true, true, true, true]);
  });

  it("ends after all its data when the far end closes", async () => {
    await using fixture = await startFixture();
    const tunnel = await fixture.open();
    fixture.agent.behaviour.onData = (id, bytes) => {
      fixture.agent.sendData(id, Buffer.concat([bytes, Buffer.alloc(200_000, 7)]));
      fixture.agent.sendFrame("fin", id);
    };
    const stream = await tunnel.open();

    stream.write("x");
    const received = await readAll(stream);

    expect(received.length).toBe(200_001);
    expect(tunnel.stats().streams).toBe(0);
  });

  it.each(["end", "destroy"] as const)("tells the far end when it is closed by %s, once", async (how) => {
    await using fixture = await startFixture();
    const tunnel = await fixture.open();
    const ended: number[] = [];
    fixture.agent.behaviour.onFin = (id) => {
      ended.push(id);
      fixture.agent.sendFrame("fin", id);
    };
    const stream = await tunnel.open();
    const other = await tunnel.open();

    stream.resume();
    stream[how]();
    await once(stream, "close");
    other.write("x");
    await readBytes(other, 1);

    expect(ended).toEqual([3]);
    expect(tunnel.stats().streams).toBe(1);
  });

  it("fails with a clear error when the agent cannot connect to the port, and the tunnel stays", async () => {
    await using fixture = await startFixture();
    const tunnel = await fixture.open();
    fixture.agent.behaviour.onOpen = (id) => {
      fixture.agent.send(payloadTypes.flag, flag(3));
      fixture.agent.sendFrame("fin", id);
    };

    const refused = await tunnel.open();
    const [error] = (await once(refused, "error")) as [Error];
    fixture.agent.behaviour.onOpen = () => undefined;
    const next = await tunnel.open();
    next.write("x");

    expect(error).toMatchObject({ name: "UserError", code: "ProxyPortUnreachable" });
    expect((await readBytes(next, 1)).toString()).toBe("x");
  });

  it("is refused when too many are open, and possible again when one has closed", async () => {
    await using fixture = await startFixture({ limits: { streams: 2 } });
    const tunnel = await fixture.open();
    const first = await tunnel.open();
    await tunnel.open();

    await expect(tunnel.open()).rejects.toMatchObject({ code: "TooManyConnections" });
    first.destroy();

    await expect(tunnel.open()).resolves.toBeDefined();
  });

  it("takes data for a closed stream, keep-alives and unknown payload types without harm", async () => {
    await using fixture = await startFixture();
    const tunnel = await fixture.open();
    const stream = await tunnel.open();

    fixture.agent.sendData(99, Buffer.from("late"));
    fixture.agent.sendFrame("fin", 99);
    fixture.agent.sendFrame("nop", 0);
    fixture.agent.send(11, Buffer.from("stderr"));
    fixture.agent.send(payloadTypes.flag, Buffer.alloc(1));
    fixture.agent.sendRaw("start_publication", Buffer.alloc(0));
    stream.write("x");

    expect((await readBytes(stream, 1)).toString()).toBe("x");
  });
});
