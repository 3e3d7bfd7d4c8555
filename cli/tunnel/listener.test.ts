import { execFile } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { type Duplex, duplexPair } from "node:stream";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { manualClock, type ManualClock } from "#lib/clock.ts";
import { UserError } from "#lib/errors.ts";
import type { DataStream } from "./grant-tunnel.ts";
import { type Listener, listenLocally, type ListenerOptions } from "./listener.ts";
import { refuseMysql } from "./refuse-mysql.ts";
import { refusePostgres } from "./refuse-postgres.ts";

const run = promisify(execFile);
const hasPsql = await run("psql", ["--version"]).then(
  () => true,
  () => false,
);

let listener: Listener | undefined;
let clock: ManualClock;
/** What the listener of this test told. */
let heard: string[] = [];

async function listen(options: Partial<ListenerOptions>): Promise<Listener> {
  const said: string[] = [];
  heard = said;
  clock = manualClock();
  listener = await listenLocally({
    port: 0,
    clock,
    refuse: refusePostgres,
    openData: () => Promise.reject(new UserError("NotConnected", "the way is being looked for again")),
    cutMessage: () => "the way was lost",
    onOpen: (number) => said.push(`open ${number}`),
    onClose: (number) => said.push(`close ${number}`),
    onRefused: (number, reason) => said.push(`refused ${number}: ${reason}`),
    ...options,
  });
  return listener;
}

afterEach(async () => {
  const closing = listener?.close();
  clock.advance(10_000);
  await closing;
});

async function dial({ port }: Listener): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

/** Far ends of data streams, in the order in which they are opened. */
function farEnds(): { openData: () => Promise<DataStream>; next: () => Promise<Duplex> } {
  const ready: Duplex[] = [];
  const wanted: ((far: Duplex) => void)[] = [];
  return {
    async openData() {
      const [stream, far] = duplexPair();
      far.on("error", () => {});
      const waiting = wanted.shift();
      if (waiting === undefined) {
        ready.push(far);
      } else {
        waiting(far);
      }
      return { stream };
    },
    next: () =>
      new Promise((resolve) => {
        const far = ready.shift();
        if (far === undefined) {
          wanted.push(resolve);
        } else {
          resolve(far);
        }
      }),
  };
}

describe("a local connection", () => {
  it("is carried in both directions, and its end in either ends both", async () => {
    const far = farEnds();
    const at = await listen({ openData: far.openData });
    const client = await dial(at);
    client.write("query");
    const proxy = await far.next();
    expect(String(await once(proxy, "data"))).toBe("query");

    proxy.end("answer");

    expect(await text(client)).toBe("answer");
    expect(heard).toEqual(["open 1", "close 1"]);
  });

  it("gets the proxy's last words in full, though they came in a burst before the end", async () => {
    const far = farEnds();
    const at = await listen({ openData: far.openData });
    const client = await dial(at);
    const proxy = await far.next();
    const words = "x".repeat(300_000);

    proxy.end(words);
    await once(proxy, "finish");

    expect((await text(client)).length).toBe(words.length);
  });

  it("is gone when the far end has ended, though its client keeps its own half open", async () => {
    const far = farEnds();
    const at = await listen({ openData: far.openData });
    const client = connect({ port: at.port, host: "127.0.0.1", allowHalfOpen: true });
    (await far.next()).end("bye");

    expect(await text(client)).toBe("bye");
    while (at.connections > 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    client.destroy();
  });

  it("that its client closes closes the far end", async () => {
    const far = farEnds();
    const at = await listen({ openData: far.openData });
    const client = await dial(at);
    const proxy = await far.next();
    proxy.resume();

    client.end();

    await Promise.all([once(proxy, "close"), once(client, "close")]);
    expect(at.connections).toBe(0);
  });

  it("that its client resets, or whose far end breaks, disturbs no other", async () => {
    const far = farEnds();
    const at = await listen({ openData: far.openData });
    const [first, second, third] = [await dial(at), await dial(at), await dial(at)];
    const [one, two, three] = [await far.next(), await far.next(), await far.next()];

    first.resetAndDestroy();
    two.destroy(new Error("broken"));
    await Promise.all([once(one, "close"), once(second, "close")]);
    third.write("still here");

    expect((await three.iterator().next()).value.toString()).toBe("still here");
  });

  it("holds back a client that sends faster than the far end takes", async () => {
    const far = farEnds();
    const at = await listen({ openData: far.openData });
    const client = await dial(at);
    await far.next();

    let sent = 0;
    while (client.write(Buffer.alloc(65_536)) || sent < 2_000) {
      sent += 1;
      if (sent === 2_000) {
        break;
      }
    }

    // 128 MB were offered. What the sockets of both ends hold is all that may have gone.
    await new Promise((resolve) => setImmediate(resolve));
    expect(client.writableLength).toBeGreaterThan(100 * 1024 * 1024);
    client.destroy();
  });
});

describe("while there is no way to the database", () => {
  it("psql shows the reason", async (context) => {
    if (!hasPsql) {
      context.skip("psql is not installed, so what it shows cannot be seen");
    }
    const at = await listen({});
    const environment = { ...process.env, PGCONNECT_TIMEOUT: "10" };
    const url = (mode: string): string => `postgresql://ada:password@127.0.0.1:${at.port}/orders?sslmode=${mode}`;

    const plain = await run("psql", [url("disable"), "-c", "select 1"], { env: environment }).catch(
      (error: { stderr: string }) => error,
    );
    const encrypted = await run("psql", [url("prefer"), "-c", "select 1"], { env: environment }).catch(
      (error: { stderr: string }) => error,
    );

    expect(plain.stderr).toContain("FATAL:  sallyport: the way is being looked for again");
    expect(encrypted.stderr).toContain("sallyport: the way is being looked for again");
    expect(heard[0]).toBe("refused 1: the way is being looked for again");
  });

  it("a MySQL client gets an error packet in place of the greeting", async () => {
    const at = await listen({ refuse: refuseMysql });
    const client = await dial(at);

    const packet = Buffer.concat(await client.toArray());

    // Length, sequence 0, ERR header, errno 1105 little-endian, text.
    expect(packet.readUIntLE(0, 3)).toBe(packet.length - 4);
    expect([...packet.subarray(3, 7)]).toEqual([0, 0xff, 0x51, 0x04]);
    expect(packet.subarray(7).toString()).toBe("sallyport: the way is being looked for again");
  });

  it.each([
    ["a cancel request", Buffer.from("0000001004d2162e0000000100000002", "hex")],
    ["a length below its own header", Buffer.from([0, 0, 0, 4, 0, 3, 0, 0])],
    ["a length beyond PostgreSQL's own limit", Buffer.from([0, 1, 0, 0, 0, 3, 0, 0])],
  ])("a client that sends %s is closed without an answer", async (_, bytes) => {
    const at = await listen({});
    const client = await dial(at);
    client.write(bytes);

    expect(await text(client)).toBe("");
  });

  it.each([
    ["PostgreSQL", refusePostgres],
    ["MySQL", refuseMysql],
  ])("a %s client that breaks off in the middle harms nobody", async (_, refuse) => {
    const at = await listen({ refuse });
    const client = await dial(at);
    client.write(Buffer.from([0, 0, 0]));
    await new Promise((resolve) => setImmediate(resolve));
    client.resetAndDestroy();

    while (at.connections > 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(heard[0]).toContain("refused 1");
  });

  it("a startup packet that comes byte by byte is answered once", async () => {
    const at = await listen({});
    const client = await dial(at);
    const startup = Buffer.from([0, 0, 0, 9, 0, 3, 0, 0, 0]);

    for (const byte of startup) {
      client.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }

    const answer = await text(client);
    expect(answer.startsWith("E")).toBe(true);
    expect(answer.split("08006")).toHaveLength(2);
  });
});

describe("the port", () => {
  it("that is in use is an error that says so and names another, and is left to its owner", async () => {
    clock = manualClock();
    listener = undefined;
    const owner = createServer().listen(0, "127.0.0.1");
    await once(owner, "listening");
    const { port } = owner.address() as AddressInfo;

    await expect(listen({ port })).rejects.toMatchObject({
      code: "PortInUse",
      message: `failed to start listening for connections on port: ${port}`,
      next: expect.stringContaining(`--port ${port + 1}`),
    });

    owner.close();
  });

  it("is closed though a client does not read what it was sent", async () => {
    const far = farEnds();
    const at = await listen({ openData: far.openData });
    const client = await dial(at);
    client.pause();
    const proxy = await far.next();
    while (proxy.write(Buffer.alloc(1_000_000))) {
      await new Promise((resolve) => setImmediate(resolve));
    }

    const closing = at.close();
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(2_000);

    await closing;
    client.destroy();
    await expect(dial(at)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it("waits for connections to end as long as it was asked to, and no longer", async () => {
    const far = farEnds();
    const at = await listen({ openData: far.openData });
    const [first, second] = [await dial(at), await dial(at)];
    const [one] = [await far.next(), await far.next()];

    const short = at.drained(5_000);
    one.end();
    first.resume();
    await once(first, "close");
    clock.advance(5_000);
    await short;
    expect(at.connections).toBe(1);
    const long = at.drained(5_000);
    second.destroy();
    await long;

    expect(clock.pendingCount()).toBe(0);
  });
});
