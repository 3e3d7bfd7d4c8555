import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { fuzzSeed } from "#test/harness/fuzz-seed.ts";
import { Tracker } from "../postgres/tracker.ts";
import { adoptSocket, connectSocket } from "../static-reads.ts";
import { MemoryJournal } from "../testing/journal.ts";
import { say } from "../testing/raw-client.ts";
import { Recorder } from "./recorder.ts";
import { Relay } from "./relay.ts";

/*
 * The worst that a relay can do is to hand out bytes of another session, since reads share memory. Here several sessions move random
 * messages both ways at once, over real sockets, with readers that stop and go, so that writes end at once, in part, and much later.
 */

const sessions = 6;
const bytesEachWay = 6 * 1024 * 1024;

/** Small deterministic generator (mulberry32). */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Messages of one type, small and large ones in stretches, each filled with bytes of its own. */
function* messages(type: number, random: () => number): Generator<Buffer> {
  for (let left = bytesEachWay; left > 0;) {
    const bytesMax = [16, 300, 5_000, 70_000, 400_000][Math.floor(random() * 5)] ?? 16;
    for (let count = 1 + Math.floor(random() * (bytesMax === 16 ? 3_000 : 20)); count > 0 && left > 0; count -= 1) {
      const message = Buffer.alloc(5 + Math.floor(random() * bytesMax), Math.floor(random() * 256));
      message[0] = type;
      message.writeInt32BE(message.length - 1, 1);
      left -= message.length;
      yield message;
    }
  }
}

/** Small messages travel together. */
function* joined(chunks: Iterable<Buffer>): Generator<Buffer> {
  let parts: Buffer[] = [];
  let bytes = 0;
  for (const chunk of chunks) {
    parts.push(chunk);
    bytes += chunk.length;
    if (bytes > 100_000) {
      yield Buffer.concat(parts);
      [parts, bytes] = [[], 0];
    }
  }
  yield Buffer.concat(parts);
}

/** Writes everything in pieces of any size, with and without waiting for the other side; resolves to the hash of it. */
async function supply(socket: Socket, chunks: Iterable<Buffer>, random: () => number): Promise<string> {
  const hash = createHash("sha256");
  for (const chunk of joined(chunks)) {
    hash.update(chunk);
    for (let at = 0; at < chunk.length;) {
      const end = Math.min(chunk.length, at + 1 + Math.floor(random() * 200_000));
      if (!socket.write(Buffer.from(chunk.subarray(at, end)))) {
        await once(socket, "drain");
      }
      at = end;
    }
    if (random() < 0.05) {
      await turn();
    }
  }
  return hash.digest("hex");
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Reads until `count` bytes are there, stopping now and then for some turns of the event loop; resolves to the hash of them. */
async function digest(socket: Socket, count: () => number | undefined, random: () => number): Promise<string> {
  const hash = createHash("sha256");
  let read = 0;
  while (count() === undefined || read < (count() ?? 0)) {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) {
      await Promise.race([once(socket, "readable"), turn()]);
      continue;
    }
    hash.update(chunk);
    read += chunk.length;
    for (let rest = random() < 0.2 ? Math.floor(random() * 30) : 0; rest > 0; rest -= 1) {
      await turn();
    }
  }
  return hash.digest("hex");
}

let listener: Server;
let accepted: (socket: Socket) => void;
beforeAll(async () => {
  listener = createServer({ noDelay: true, pauseOnConnect: true }, (socket) => accepted(socket));
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
});
afterAll(() => void listener?.close());

/** Two ends of a connection; the near one is the relay's. */
async function pair(near: "adopted" | "accepted" | "connected"): Promise<{ near: Socket; far: Socket }> {
  const { port } = listener.address() as AddressInfo;
  const other = new Promise<Socket>((resolve) => (accepted = resolve));
  const mine = near === "connected" ? connectSocket({ host: "127.0.0.1", port }) : connect({ host: "127.0.0.1", port });
  const far = await other;
  if (near === "connected") {
    await once(mine, "connect");
    return { near: mine, far };
  }
  return { near: near === "adopted" ? adoptSocket(far) : far, far: mine };
}

type Pair = Awaited<ReturnType<typeof pair>>;

async function runSession(number: number, client: Pair, server: Pair): Promise<boolean> {
  const random = generator(fuzzSeed + number);
  const recorder = new Recorder({
    session: `s${number}`,
    journal: new MemoryJournal(),
    policy: { durability: "Written", onFull: "Deny", parameters: "Record" },
    view: () => ({ transaction: "idle", encoding: undefined, user: undefined }),
    redactSQL: (sql) => ({ text: sql.toString(), redacted: 0, removed: [] }),
    now: () => 0,
    onDefect: (error) => {
      throw error;
    },
  });
  const relay = new Relay({
    client: client.near,
    server: server.near,
    tracker: new Tracker(recorder, () => 0),
    recorder,
    onParameter: () => {},
    onClientGone: () => {},
    onEnd: () => {},
  });
  relay.start(Buffer.alloc(0), Buffer.alloc(0));
  // Some send nothing but a stream, whose memory is handed on; the messages of others are looked at.
  const queryRate = number % 2 === 0 ? 0 : 0.3;
  const up = [...messages(0x64, random)].flatMap((message) =>
    random() < queryRate ? [message, say.query(`select ${random()}`)] : [message],
  );
  const down = [...messages(0x44, random)];
  const total = (chunks: readonly Buffer[]): number => chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const [sentUp, sentDown, gotUp, gotDown] = await Promise.all([
    supply(client.far, up, random),
    supply(server.far, down, random),
    digest(server.far, () => total(up), random),
    digest(client.far, () => total(down), random),
  ]);
  relay.stop();
  for (const socket of [client.near, client.far, server.near, server.far]) {
    socket.destroy();
  }
  return sentUp === gotUp && sentDown === gotDown;
}

it.each([
  ["read into memory that they share", true],
  ["read as any socket", false],
])(
  "sessions that %s never mix up or lose a byte, whoever is slow",
  async (_, isStatic) => {
    const pairs: (readonly [Pair, Pair])[] = [];
    for (let number = 0; number < sessions; number += 1) {
      pairs.push([await pair(isStatic ? "adopted" : "accepted"), await pair(isStatic ? "connected" : "accepted")]);
    }

    const results = await Promise.all(pairs.map(([client, server], number) => runSession(number, client, server)));

    expect(results).toEqual(pairs.map(() => true));
  },
  60_000,
);
