import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { TrailEventView } from "#wire/trail-event.ts";

/** A request that arrived. */
export interface Arrived {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What a server says; undefined: nothing at all. */
export interface Said {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** An HTTP server on a loopback port that answers as it is told to and keeps what it got. */
export interface TestServer {
  readonly url: string;
  readonly arrived: readonly Arrived[];
  /** Resolves when so many requests are there. */
  gets(count: number): Promise<void>;
  close(): Promise<void>;
}

/** Starts one. */
export async function testServer(answer: (request: Arrived) => Said | undefined): Promise<TestServer> {
  const arrived: Arrived[] = [];
  const wakers = new Set<() => void>();
  const server: Server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      const { url: path = "", headers } = incoming;
      const request = { path, headers, body: Buffer.concat(chunks).toString("utf8") };
      arrived.push(request);
      const said = answer(request);
      if (said !== undefined) {
        outgoing.writeHead(said.status, said.headers).end(said.body ?? "");
      }
      for (const wake of wakers) {
        wake();
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    arrived,
    gets: (count) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (arrived.length >= count) {
            wakers.delete(look);
            resolve();
          }
        };
        wakers.add(look);
        look();
      }),
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** An event at this position. */
export function anEvent(storeSeq: number, change: Partial<TrailEventView> = {}): TrailEventView {
  return {
    event: "grant.requested",
    time: "2026-01-01T00:00:00.000Z",
    actor: { kind: "User", name: "ada" },
    grantID: "gmztgmztgmztgmztgmztgmztgmy",
    grant: "default/ada-orders",
    userName: "ada",
    database: "default/orders",
    role: "read_only",
    detail: { reason: "ticket 7" },
    storeSeq,
    ...change,
  };
}
