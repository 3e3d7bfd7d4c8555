import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { flagValues, payloadTypes } from "./message.ts";
import { bareFrame, encodeFrame } from "./smux.ts";
import { streamsMax, undrainedMaxBytes } from "./streams.ts";
import { echo, startBench } from "./test-bench.ts";
import { TestClient } from "./test-client.ts";

describe("a tunnel to a task", () => {
  it("carries streams side by side, each to a connection of its own", async () => {
    await using bench = await startBench(echo);
    const client = new TestClient();
    await client.open(await bench.start());
    await client.shakeHands();
    const [first, second] = [randomBytes(100_000), randomBytes(70_000)];

    client.openStream(3, first.subarray(0, 50_000));
    client.openStream(5, second.subarray(0, 20_000));
    client.frame({ command: "push", streamID: 3, data: first.subarray(50_000) });
    client.frame({ command: "push", streamID: 5, data: second.subarray(20_000) });
    await client.until(() => client.byteCount(3) === 100_000 && client.byteCount(5) === 70_000);

    expect(client.bytes(3).equals(first)).toBe(true);
    expect(client.bytes(5).equals(second)).toBe(true);
    expect(bench.connections).toHaveLength(2);
  });

  it("keeps messages within the payload size that it was told", async () => {
    await using bench = await startBench(echo, { payloadMaxBytes: 1_024 });
    const client = new TestClient();
    await client.open(await bench.start());
    await client.shakeHands();
    const data = randomBytes(10_000);

    client.openStream(3, data);
    await client.until(() => client.byteCount(3) === data.length);

    expect(client.bytes(3).equals(data)).toBe(true);
    expect(Math.max(...client.received.map((message) => message.payload.length))).toBe(1_024);
  });

  it("acknowledges the handshake response before it completes the handshake, and is then silent until the client speaks", async () => {
    await using bench = await startBench((socket) => socket.write("greeting"));
    const client = new TestClient();
    await client.open(await bench.start());
    await client.shakeHands();

    expect(client.received.map((message) => [message.messageType, message.payloadType])).toEqual([
      ["output_stream_data", payloadTypes.handshakeRequest],
      ["acknowledge", 0],
      ["output_stream_data", payloadTypes.handshakeComplete],
    ]);
    expect(bench.connections).toHaveLength(0);
  });

  it("takes and acknowledges nothing before the handshake is answered, and ends the session after 15 seconds", async () => {
    await using bench = await startBench(echo);
    const client = new TestClient();
    await client.open(await bench.start());
    client.openStream(3, Buffer.from("too early"));
    await client.ping();

    bench.clock.advance(15_000);
    await client.until(() => client.closed() !== undefined);

    expect(client.acknowledged()).toEqual([]);
    expect(bench.connections).toHaveLength(0);
    expect(client.closed()?.["Output"]).toBe("The client did not answer the handshake in time.");
  });

  it("tells the client by a flag and the stream's end that nobody listens, and goes on", async () => {
    await using bench = await startBench(echo);
    const unused = await startBench(echo);
    const deadPort = unused.port;
    await unused[Symbol.asyncDispose]();
    const client = new TestClient();
    await client.open(await bench.start(deadPort));
    await client.shakeHands();

    client.openStream(3, Buffer.from("hello"));
    await client.until(() => client.ended.has(3));

    expect(client.flags()).toEqual([flagValues.connectToPortError]);
    expect(bench.ssm.sessions()[0]?.status).toBe("Connected");
  });

  it("ends a stream both ways when either side does, after all data", async () => {
    await using bench = await startBench((socket) => socket.end("goodbye"));
    const client = new TestClient();
    await client.open(await bench.start());
    await client.shakeHands();

    client.openStream(3);
    await client.until(() => client.ended.has(3));

    expect(client.bytes(3).toString()).toBe("goodbye");
    expect(bench.ssm.sessions()[0]?.streamCount).toBe(0);
  });

  it("delivers what a client sent before it ended the stream", async () => {
    const heard = Promise.withResolvers<string>();
    await using bench = await startBench((socket) => {
      let text = "";
      socket.on("data", (bytes) => {
        text += bytes.toString();
      });
      socket.on("end", () => heard.resolve(text));
    });
    const client = new TestClient();
    await client.open(await bench.start());
    await client.shakeHands();

    client.openStream(3, Buffer.from("last words"));
    client.frame(bareFrame("end", 3));

    await expect(heard.promise).resolves.toBe("last words");
  });

  it("puts messages in order and takes repeated ones once, acknowledging them again", async () => {
    await using bench = await startBench(echo);
    const client = new TestClient();
    await client.open(await bench.start());
    await client.shakeHands();
    const push = (text: string): Buffer => encodeFrame({ command: "push", streamID: 3, data: Buffer.from(text) });

    client.send(payloadTypes.output, push("c"), 3);
    client.send(payloadTypes.output, push("b"), 2);
    const again = client.send(payloadTypes.output, Buffer.concat([encodeFrame(bareFrame("open", 3)), push("a")]), 1);
    client.sendRaw(again);
    await client.until(() => client.byteCount(3) === 3 && client.acknowledged().length === 5);

    expect(client.bytes(3).toString()).toBe("abc");
    expect(client.acknowledged().sort()).toEqual([0, 1, 1, 2, 3]);
  });

  it("sends again what is not acknowledged, and stops when it is", async () => {
    await using bench = await startBench(echo);
    const client = new TestClient();
    await client.open(await bench.start());
    await client.shakeHands();
    client.acknowledges = false;
    client.openStream(3, Buffer.from("x"));
    await client.until(() => client.byteCount(3) === 1);
    const before = client.received.length;

    bench.clock.advance(300);
    await client.until(() => client.received.length > before);
    client.acknowledgeAll();
    client.frame({ command: "push", streamID: 3, data: Buffer.from("y") });
    await client.until(() => client.byteCount(3) === 2);

    expect(client.bytes(3).toString()).toBe("xy");
  });

  it("stops acknowledging when the task does not read, and goes on when it does", async () => {
    await using bench = await startBench((socket) => void socket.pause());
    const client = new TestClient();
    await client.open(await bench.start());
    await client.shakeHands();
    const chunk = Buffer.alloc(60_000, 1);
    // More than the agent's budget and the kernel's buffers hold; what is left fits into the agent's inbox.
    const count = Math.ceil((undrainedMaxBytes + 14 * 1024 * 1024) / chunk.length);

    client.openStream(3);
    for (let sent = 0; sent < count; sent += 1) {
      client.frame({ command: "push", streamID: 3, data: chunk });
    }
    await client.ping();
    const held = client.acknowledged().length;
    const [task] = bench.connections;
    let read = 0;
    task?.on("data", (bytes: Buffer) => {
      read += bytes.length;
    });
    task?.resume();
    await client.until(() => client.acknowledged().length === count + 2);

    expect(held).toBeLessThan(count);
    expect(read).toBeGreaterThan(0);
  });

  it("stops reading from the task when the client does not acknowledge, and loses nothing", async () => {
    const total = 24 * 1024 * 1024;
    const content = randomBytes(total);
    let written = 0;
    await using bench = await startBench((socket) => {
      const pump = (): void => {
        while (written < total && socket.write(content.subarray(written, written + 65_536))) {
          written += 65_536;
        }
        written += written < total ? 65_536 : 0;
      };
      socket.on("drain", pump);
      pump();
    });
    const client = new TestClient();
    await client.open(await bench.start());
    await client.shakeHands();
    client.acknowledges = false;

    client.openStream(3);
    await client.until(() => client.byteCount(3) >= 3.9 * 1024 * 1024);
    for (let turn = 0; turn < 100; turn += 1) {
      await client.ping();
    }
    const seen = client.byteCount(3);
    client.acknowledges = true;
    client.acknowledgeAll();
    await client.until(() => client.byteCount(3) >= total);

    expect(seen).toBeLessThan(5 * 1024 * 1024);
    expect(client.bytes(3).equals(content)).toBe(true);
  });

  it("closes a websocket that brings a message of more than a mebibyte", async () => {
    await using bench = await startBench(echo);
    const client = new TestClient();
    const socket = await client.open(await bench.start());
    const closed = once(socket, "close");

    client.sendRaw(Buffer.alloc(1024 * 1024 + 1));

    expect((await closed)[0]).toBe(1009);
  });

  it("refuses streams beyond its limit by ending them at once", async () => {
    await using bench = await startBench(() => {});
    const client = new TestClient();
    await client.open(await bench.start());
    await client.shakeHands();
    const opens = Array.from({ length: streamsMax + 1 }, (_, index) => encodeFrame(bareFrame("open", 3 + 2 * index)));

    client.send(payloadTypes.output, Buffer.concat(opens));
    await client.until(() => client.ended.size > 0);

    expect([...client.ended]).toEqual([3 + 2 * streamsMax]);
  });
});
