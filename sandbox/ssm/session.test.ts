import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { defaultSessionTimes } from "./options.ts";
import { payloadTypes } from "./message.ts";
import { echo, startBench, targetName } from "./test-bench.ts";
import type { Bench } from "./test-bench.ts";
import { TestClient } from "./test-client.ts";
import type { Ticket } from "./test-client.ts";

interface Opened {
  readonly client: TestClient;
  readonly socket: WebSocket;
  readonly sessionID: string;
}

async function open(bench: Bench, client = new TestClient()): Promise<Opened> {
  const ticket = await bench.start();
  const socket = await client.open(ticket);
  await client.shakeHands();
  return { client, socket, sessionID: ticket.SessionId };
}

async function resume(bench: Bench, SessionId: string): Promise<Ticket> {
  return (await bench.call("ResumeSession", { SessionId })) as Ticket;
}

async function closing(socket: WebSocket): Promise<[number, string]> {
  const [code, reason] = (await once(socket, "close")) as [number, Buffer];
  return [code, reason.toString()];
}

describe("opening a data channel", () => {
  it("closes with 1003 and the service's reason when the token is absent, wrong or used before", async () => {
    await using bench = await startBench(echo);
    const ticket = await bench.start();
    const reason = `Channel ${ticket.SessionId}: request to open data channel does not contain token.`;

    for (const token of ["", "wrong"]) {
      const socket = await new TestClient().open(ticket, token);
      await expect(closing(socket)).resolves.toEqual([1003, reason]);
    }
    await new TestClient().open(ticket);
    await bench.ssm.until(() => bench.ssm.sessions().find((session) => session.status === "Connected"));
    const second = await new TestClient().open(ticket);

    await expect(closing(second)).resolves.toEqual([1003, reason]);
  });

  it("cuts the reason of a refusal to what a close frame can hold", async () => {
    await using bench = await startBench(echo);
    const { StreamUrl, TokenValue } = await bench.start();
    const url = StreamUrl?.replace(/data-channel\/[^?]*/, `data-channel/${"x".repeat(96)}`);

    const socket = await new TestClient().open({ StreamUrl: url, TokenValue });

    const [code, reason] = await closing(socket);
    expect([code, reason.length]).toEqual([1003, 123]);
  });

  it("closes a client that does not say its token within 15 seconds, or says something binary", async () => {
    await using bench = await startBench(echo);
    const ticket = await bench.start();
    const mute = new WebSocket(ticket.StreamUrl ?? "");
    const binary = new WebSocket(ticket.StreamUrl ?? "");
    await Promise.all([once(mute, "open"), once(binary, "open")]);

    binary.send(Buffer.from("hello"));
    const binaryClosed = closing(binary);
    // The upgrade's answer can arrive before the server has set its timer; a ping's answer cannot.
    mute.ping();
    await once(mute, "pong");
    bench.clock.advance(15_000);

    expect([(await binaryClosed)[0], (await closing(mute))[0]]).toEqual([1003, 1003]);
  });

  it("refuses a signed upgrade whose caller may not open data channels, and admits one who may", async () => {
    await using bench = await startBench(echo);
    const ticket = await bench.start();
    bench.upgradeBy = { permissions: () => [] };
    const refused = new WebSocket(ticket.StreamUrl ?? "");
    const [, response] = (await once(refused, "unexpected-response")) as [unknown, { statusCode: number }];
    refused.on("error", () => {});
    refused.terminate();
    bench.upgradeBy = {
      permissions: () => [
        {
          Version: "2012-10-17",
          Statement: {
            Effect: "Allow",
            Action: "ssmmessages:OpenDataChannel",
            Resource: "arn:aws:ssm:*:*:session/ada-*",
          },
        },
      ],
    };

    const client = new TestClient();
    await client.open(ticket);
    await client.shakeHands();

    expect(response.statusCode).toBe(403);
    expect(bench.ssm.sessions()[0]?.status).toBe("Connected");
  });

  it("answers 404 to a websocket at any other path", async () => {
    await using bench = await startBench(echo);
    const { StreamUrl } = await bench.start();

    const socket = new WebSocket(new URL("/elsewhere", StreamUrl));
    const [, response] = (await once(socket, "unexpected-response")) as [unknown, { statusCode: number }];
    socket.on("error", () => {});
    socket.terminate();

    expect(response.statusCode).toBe(404);
  });
});

describe("a session whose websocket is lost", () => {
  it.each(["cut", "bounce"] as const)("goes on after a %s without losing or repeating a byte", async (how) => {
    await using bench = await startBench(echo);
    const { client, socket, sessionID } = await open(bench);
    const content = randomBytes(400_000);
    client.openStream(3, content.subarray(0, 60_000));
    await client.until(() => client.byteCount(3) === 60_000);
    client.acknowledges = false;
    client.frame({ command: "push", streamID: 3, data: content.subarray(60_000, 120_000) });
    await client.until(() => client.byteCount(3) > 60_000);
    const closed = closing(socket);

    bench.ssm[how]();
    const [code, reason] = await closed;
    const status = bench.ssm.sessions()[0]?.status;
    // What the client sends now is lost with the socket, as on a broken network; it sends it again afterwards.
    const lost = client.send(payloadTypes.output, Buffer.from("00", "hex").subarray(1));
    client.acknowledges = true;
    await client.open(await resume(bench, sessionID));
    client.sendRaw(lost);
    for (let at = 120_000; at < content.length; at += 40_000) {
      client.frame({ command: "push", streamID: 3, data: content.subarray(at, at + 40_000) });
    }
    await client.until(() => client.byteCount(3) === content.length);

    expect(status).toBe("Disconnected");
    expect([code, reason]).toEqual(how === "bounce" ? [1000, "Bye"] : [1006, ""]);
    expect(client.bytes(3).equals(content)).toBe(true);
    expect(bench.connections).toHaveLength(1);
  });

  it("brings what the task said while no client was there", async () => {
    await using bench = await startBench(echo);
    const { client, sessionID } = await open(bench);
    client.openStream(3, Buffer.from("x"));
    await client.until(() => client.byteCount(3) === 1);
    const [connection] = bench.connections;
    // Just less than the agent takes without a client, and more than the kernel holds without the agent.
    const content = randomBytes(Math.floor(3.9 * 1024 * 1024));

    bench.ssm.cut();
    await new Promise((resolve) => {
      connection?.write(content, resolve);
    });
    await client.open(await resume(bench, sessionID));
    await client.until(() => client.byteCount(3) === 1 + content.length);

    expect(client.bytes(3).subarray(1).equals(content)).toBe(true);
  });

  it("does not shake hands a second time", async () => {
    await using bench = await startBench(echo);
    const { client, sessionID } = await open(bench);
    const before = client.received.filter((message) => message.payloadType === payloadTypes.handshakeRequest).length;
    await client.ping();

    bench.ssm.cut();
    const again = new TestClient();
    await again.open(await resume(bench, sessionID));
    await again.ping();

    expect(before).toBe(1);
    expect(again.received).toEqual([]);
  });

  it("voids the token before when it issues another, and lets the newer connection take over", async () => {
    await using bench = await startBench(echo);
    const { socket, sessionID } = await open(bench);
    const first = await resume(bench, sessionID);
    const second = await resume(bench, sessionID);

    const refused = await new TestClient().open(first);
    const [refusedCode] = await closing(refused);
    const replaced = closing(socket);
    await new TestClient().open(second);

    expect(refusedCode).toBe(1003);
    expect((await replaced)[0]).toBe(1000);
    expect(bench.ssm.sessions()[0]?.status).toBe("Connected");
  });

  it("is closed with 1000 Bye at the interval", async () => {
    await using bench = await startBench(echo, {
      times: { ...defaultSessionTimes, bounceIntervalMs: 5_000 },
    });
    const { socket } = await open(bench);
    const closed = closing(socket);

    bench.clock.advance(5_000);

    await expect(closed).resolves.toEqual([1000, "Bye"]);
    expect(bench.ssm.sessions()[0]?.status).toBe("Disconnected");
  });
});

describe("the end of a session", () => {
  it("is told to the client with its reason when someone asks for it", async () => {
    await using bench = await startBench(echo);
    const { client, socket, sessionID } = await open(bench);
    client.openStream(3, Buffer.from("x"));
    await client.until(() => client.byteCount(3) === 1);
    const connectionClosed = once(bench.connections[0] ?? socket, "close");
    const socketClosed = once(socket, "close");

    bench.ssm.terminate(sessionID, "Your access has ended.");
    await Promise.all([connectionClosed, socketClosed]);

    expect(client.closed()).toMatchObject({
      MessageType: "channel_closed",
      DestinationId: targetName,
      SessionId: sessionID,
      SchemaVersion: 1,
      Output: "Your access has ended.",
    });
    expect(bench.ssm.sessions()[0]).toMatchObject({ status: "Terminated", endedBy: "Request" });
    await expect(resume(bench, sessionID)).rejects.toMatchObject({ code: "DoesNotExistException" });
  });

  it("comes without a word when the client asked for it by its flag", async () => {
    await using bench = await startBench(echo);
    const { client, socket } = await open(bench);
    const closed = once(socket, "close");

    client.send(payloadTypes.flag, Buffer.from([0, 0, 0, 2]));
    await closed;

    expect(client.closed()).toBeUndefined();
    expect(bench.ssm.sessions()[0]).toMatchObject({ status: "Terminated", endedBy: "Client" });
  });

  it("comes after the idle time without data, however often the socket is pinged, and a resumption gets an empty token", async () => {
    await using bench = await startBench(echo);
    const { client, sessionID } = await open(bench);
    bench.clock.advance(defaultSessionTimes.idleTimeoutMs - 1);
    client.openStream(3, Buffer.from("still here"));
    await client.until(() => client.byteCount(3) > 0);
    bench.clock.advance(defaultSessionTimes.idleTimeoutMs - 1);
    const before = bench.ssm.sessions()[0]?.status;
    await client.ping();

    bench.clock.advance(1);
    await client.until(() => client.closed() !== undefined);

    expect(before).toBe("Connected");
    expect(client.closed()?.["Output"]).toBe("The session timed out because it was idle.");
    await expect(resume(bench, sessionID)).resolves.toMatchObject({ TokenValue: "" });
  });

  it("comes at the maximum duration, busy or not", async () => {
    await using bench = await startBench(echo, { times: { ...defaultSessionTimes, maxDurationMs: 60_000 } });
    const { client } = await open(bench);

    bench.clock.advance(60_000);
    await client.until(() => client.closed() !== undefined);

    expect(client.closed()?.["Output"]).toBe("The session reached its maximum duration.");
  });

  it("comes with its target, or leaves the client in silence, as the options say", async () => {
    await using told = await startBench(echo);
    await using silent = await startBench(echo, { onTargetGone: "Silence" });
    const [first, second] = [await open(told), await open(silent)];

    told.targetGone();
    silent.targetGone();
    await first.client.until(() => first.client.closed() !== undefined);
    second.client.openStream(3, Buffer.from("anyone?"));
    await second.client.ping();

    expect(told.ssm.sessions()[0]?.endedBy).toBe("TargetGone");
    expect(second.client.closed()).toBeUndefined();
    expect(second.client.acknowledged()).toEqual([0]);
    expect(silent.connections).toEqual([]);
  });

  it.each([
    ["refuses the session type", "1.2.0.0", 2, "The client did not accept the session type Port."],
    [
      "cannot multiplex",
      "1.1.69.0",
      1,
      "Client version 1.1.69.0 does not multiplex; the sandbox needs 1.1.70 or newer.",
    ],
  ])("comes in the handshake when the client %s", async (_what, version, status, output) => {
    await using bench = await startBench(echo);
    const client = new TestClient();
    await client.open(await bench.start());

    await client.shakeHands(version, status);

    expect(client.closed()?.["Output"]).toBe(output);
  });

  it("comes when the client breaks the multiplexing protocol, and not when it sends a broken message", async () => {
    await using bench = await startBench(echo);
    const { client } = await open(bench);

    client.sendRaw(randomBytes(200));
    client.openStream(3, Buffer.from("x"));
    await client.until(() => client.byteCount(3) === 1);
    client.send(payloadTypes.output, Buffer.from("GET / HTTP/1.1\r\n"));
    await client.until(() => client.closed() !== undefined);

    expect(client.closed()?.["Output"]).toContain("broke the multiplexing protocol");
  });
});
