import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * What happens to one request instead of being passed on. `reset`: the connection ends in the middle of its body. `lost-answer`: the server
 * does what it is asked, and nobody hears of it. `hold`: nothing happens until the caller gives up.
 */
export type DoorFault =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  | "reset"
  | "lost-answer"
  | "hold";

/** A door before an HTTP server. */
export interface FaultyDoor {
  readonly url: string;
  /** Faults of the next requests, in their order. */
  readonly faults: DoorFault[];
  /** Method, path and headers of every request that came. */
  readonly requests: { readonly method: string; readonly path: string; readonly headers: IncomingMessage["headers"] }[];
  stop(): Promise<void>;
}

/** Starts a door before `target`. */
export async function startDoor(target: string): Promise<FaultyDoor> {
  const faults: DoorFault[] = [];
  const requests: FaultyDoor["requests"] = [];
  const server = createServer((incoming, response) => {
    requests.push({ method: incoming.method ?? "", path: incoming.url ?? "", headers: incoming.headers });
    const fault = faults.shift();
    if (fault === "hold") {
      return;
    }
    if (fault === "reset") {
      incoming.once("data", () => incoming.socket.resetAndDestroy());
      return;
    }
    if (typeof fault === "object") {
      incoming.resume();
      incoming.once("end", () => response.writeHead(fault.status, fault.headers).end(fault.body ?? ""));
      return;
    }
    passOn(target, incoming, response, fault === "lost-answer");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    faults,
    requests,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function passOn(target: string, incoming: IncomingMessage, response: ServerResponse, isLost: boolean): void {
  const { method, url, headers } = incoming;
  const onward = request(new URL(url ?? "/", target), { method, headers }, (answer) => {
    if (isLost) {
      answer.resume();
      answer.once("end", () => incoming.socket.resetAndDestroy());
      return;
    }
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  onward.once("error", () => response.destroy());
  incoming.pipe(onward);
}
