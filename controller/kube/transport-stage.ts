import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { text } from "node:stream/consumers";
import { systemClock } from "#lib/clock.ts";
import type { KubeAccess } from "./access.ts";
import type { TransportOptions } from "./exchange.ts";
import { createKubeTransport } from "./https-transport.ts";
import type { KubeRequestRecord, KubeTransport } from "./transport.ts";

/** A request as the scripted server saw it. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  /** Number of the connection it came on, from 1. */
  readonly connection: number;
}

/** An API server that a test writes, and a transport to it. */
export interface TransportStage {
  readonly transport: KubeTransport;
  readonly seen: Seen[];
  readonly records: KubeRequestRecord[];
  readonly host: string;
  /** How often the configuration was read again. */
  refreshes(): number;
  connections(): number;
  close(): Promise<void>;
}

/** Answers one request. */
export type Script = (seen: Seen, response: ServerResponse, socket: Socket) => void;

/** A JSON answer. */
export function answer(
  response: ServerResponse,
  code: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(code, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

/** Starts the server. Its credentials are the token `first`, and `second` once they were refreshed. */
export async function startStage(script: Script, options: Partial<TransportOptions> = {}): Promise<TransportStage> {
  const seen: Seen[] = [];
  const records: KubeRequestRecord[] = [];
  const sockets: Socket[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const { method = "", url = "", headers, socket } = request;
      const one = { method, url, headers, body, connection: sockets.indexOf(socket) + 1 };
      seen.push(one);
      script(one, response, socket);
    });
  });
  server.on("connection", (socket) => sockets.push(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  let refreshes = 0;
  const access: KubeAccess = {
    server: new URL(`http://127.0.0.1:${port}/prefix`),
    namespace: undefined,
    credentials: async () => ({
      headers: { Authorization: `Bearer ${refreshes === 0 ? "first" : "second"}` },
      tls: {},
    }),
    async refresh() {
      refreshes += 1;
    },
  };
  const onRequest = (record: KubeRequestRecord): void => {
    records.push(record);
  };
  const transport = createKubeTransport({ access, version: "1.2.3", clock: systemClock, onRequest, ...options });
  return {
    transport,
    seen,
    records,
    host: `127.0.0.1:${port}`,
    refreshes: () => refreshes,
    connections: () => sockets.length,
    async close() {
      transport.close();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
