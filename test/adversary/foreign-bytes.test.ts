import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { afterEach, expect, it } from "vitest";
import { adoptSocket, connectSocket, takeBytes } from "#proxy/static-reads.ts";

// Blocks of memory go from one connection to the next: none may get there before its bytes have left, whoever stalls, closes half or dies.

const servers: ReturnType<typeof createServer>[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
  }
});

async function listen(onSocket: (socket: Socket) => void, pauseOnConnect = false): Promise<number> {
  const server = createServer({ pauseOnConnect }, onSocket);
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

const piece = (mark: number): Buffer => Buffer.alloc(256 * 1024, mark);

it("a connection carries its own bytes alone, beside stalled, halved and destroyed ones", async () => {
  const total = 24 * 1024 * 1024;
  let marks = 0;
  const source = await listen((socket) => {
    socket.on("error", () => {});
    socket.once("data", ([mark]: Buffer) => {
      let left = total;
      const more = (): void => {
        while (left > 0 && !socket.destroyed) {
          left -= 256 * 1024;
          if (!socket.write(piece(mark ?? 0))) {
            socket.once("drain", more);
            return;
          }
        }
        socket.end();
      };
      more();
    });
  });
  const front = await listen((accepted) => {
    const client = adoptSocket(accepted);
    const server = connectSocket({ host: "127.0.0.1", port: source });
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
      one.on("end", () => other.end());
      takeBytes(one, (bytes, release) => {
        const hasRoom = release === undefined ? other.write(bytes) : other.write(bytes, release);
        if (!hasRoom) {
          one.pause();
          other.once("drain", () => one.resume());
        }
      });
    }
    client.resume();
  }, true);

  const wrong: string[] = [];
  const run = async (fate: "reads" | "stalls" | "dies" | "halves"): Promise<number> => {
    const mark = (marks += 1);
    const socket = connect(front, "127.0.0.1");
    socket.on("error", () => {});
    socket.write(Buffer.of(mark));
    let seen = 0;
    socket.on("data", (chunk: Buffer) => {
      if (!chunk.every((byte) => byte === mark)) {
        wrong.push(`${fate} ${mark}`);
      }
      const before = seen;
      seen += chunk.length;
      if (fate === "dies" && seen > mark * 100_000) {
        socket.destroy();
      } else if (fate === "stalls" && Math.floor(before / 4e6) !== Math.floor(seen / 4e6)) {
        socket.pause();
        setImmediate(() => setImmediate(() => socket.resume()));
      }
    });
    if (fate === "halves") {
      socket.end();
    }
    await once(socket, "close");
    return seen;
  };
  const fates = ["reads", "stalls", "dies", "dies", "reads", "stalls", "dies", "halves"] as const;
  const seen = await Promise.all([...fates, ...fates, ...fates].map(run));

  expect(wrong).toEqual([]);
  expect(seen.filter((bytes) => bytes === total).length).toBeGreaterThanOrEqual(12);
}, 60_000);
