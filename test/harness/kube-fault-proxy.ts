import type { IncomingMessage, ServerResponse } from "node:http";
import { Agent, createServer, request as ask } from "node:https";
import type { Socket } from "node:net";
import { createAuthority } from "#sandbox/certificates.ts";
import type { ApiAddress } from "./control-plane-client.ts";
import { passBody } from "./kube-fault-proxy-body.ts";
import { openDoor } from "./kube-fault-proxy-door.ts";
import {
  type Connectivity,
  type Fault,
  type Interruption,
  type Match,
  type StatusAnswer,
  statusObject,
  type Verb,
} from "./kube-fault-proxy-faults.ts";
import { matches, seenRequest } from "./kube-fault-proxy-request.ts";
import { isWatchFault, passWatch, type WatchStream } from "./kube-fault-proxy-watch.ts";

/** A request that came through, in the order of arrival. */
export interface SeenRequest {
  readonly verb: Verb;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Number of its connection, from 1. */
  readonly connection: number;
}

/** Stands between a client and the API server over TLS of its own authority, and fails as a test says. */
export interface KubeFaultProxy extends ApiAddress {
  /** `https://127.0.0.1:PORT`. */
  readonly url: string;
  /** The authority to trust; also for `writeKubeconfig`. */
  readonly caPEM: string;
  /** Every request so far. */
  readonly requests: readonly SeenRequest[];
  /** How many requests match. */
  count(match?: Match): number;
  /** Connections that were made so far, and those that are open now. */
  connections(): { readonly opened: number; readonly open: number };
  /** Watches that are open now. */
  openWatches(match?: Match): number;
  /** Makes requests to come fail, `times` of them or until `clear`. Of several faults that match, the one that was added first. */
  inject(fault: Fault, match?: Match, times?: number): void;
  /** Ends all injected faults, and lets connections pass. What a fault has silenced stays silent. */
  clear(): Promise<void>;
  /** Acts at once on the watches that are open; returns how many. */
  interrupt(how: Interruption, match?: Match): number;
  /** How connections are met from now on. */
  setConnectivity(how: Connectivity): Promise<void>;
  close(): Promise<void>;
}

interface Connection {
  readonly socket: Socket;
  readonly number: number;
}

/** A fault that waits for its requests. */
interface Injected {
  readonly fault: Fault;
  readonly match: Match;
  left: number;
}

/** Starts it in this process, in front of a control plane. */
export async function startKubeFaultProxy(upstream: ApiAddress): Promise<KubeFaultProxy> {
  const authority = await createAuthority("Sallyport fault proxy CA", Date.now());
  const pair = await authority.issue(["127.0.0.1", "localhost"]);
  const agent = new Agent({ keepAlive: true, ca: upstream.caPEM });
  const requests: SeenRequest[] = [];
  const injected: Injected[] = [];
  const watches = new Map<WatchStream, SeenRequest>();
  const connections = new Map<number, Connection>();
  const server = createServer({ cert: pair.certificate, key: pair.privateKey }, (request, response) => {
    const connection = connections.get(request.socket.remotePort ?? 0);
    if (connection === undefined) {
      throw new Error("a request came on no connection of the door");
    }
    const seen = seenRequest(request, connection.number);
    requests.push(seen);
    const fault = door.isSilent() ? ({ kind: "silence" } as const) : take(injected, seen);
    // Only the socket under the TLS one can be reset.
    const reset = (): void => void connection.socket.resetAndDestroy();
    void handle({ upstream, agent, request, response, seen, fault, watches, reset });
  });
  // A client that was cut off is what this is for.
  server.on("tlsClientError", () => {});
  const door = await openDoor((socket, number) => {
    connections.set(socket.remotePort ?? 0, { socket, number });
    server.emit("connection", socket);
  });
  return {
    url: `https://127.0.0.1:${door.port}`,
    caPEM: authority.certificate,
    requests,
    count: (match) => requests.filter((seen) => matches(seen, match)).length,
    connections: () => door.connections(),
    openWatches: (match) => [...watches.values()].filter((seen) => matches(seen, match)).length,
    inject: (fault, match = {}, times = Infinity) => void injected.push({ fault, match, left: times }),
    async clear() {
      injected.length = 0;
      await door.set("pass");
    },
    interrupt(how, match) {
      const meant = [...watches].filter(([, seen]) => matches(seen, match));
      for (const [watch] of meant) {
        watch.interrupt(how);
      }
      return meant.length;
    },
    async setConnectivity(how) {
      if (how === "silent") {
        for (const watch of watches.keys()) {
          watch.interrupt("silence");
        }
      }
      await door.set(how);
    },
    async close() {
      await door.close();
      agent.destroy();
    },
  };
}

/** The fault of a request, used up by it. */
function take(injected: Injected[], seen: SeenRequest): Fault | undefined {
  const found = injected.find(
    ({ fault, match, left }) => left > 0 && matches(seen, match) && (seen.verb === "watch" || !isWatchFault(fault)),
  );
  if (found !== undefined) {
    found.left -= 1;
  }
  return found?.fault;
}

interface Exchange {
  readonly upstream: ApiAddress;
  readonly agent: Agent;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly seen: SeenRequest;
  readonly fault: Fault | undefined;
  readonly watches: Map<WatchStream, SeenRequest>;
  /** Breaks the client's connection. */
  readonly reset: () => void;
}

async function handle(exchange: Exchange): Promise<void> {
  const { request, response, fault } = exchange;
  switch (fault?.kind) {
    case "answer":
      request.resume();
      return answer(response, fault.status);
    case "silence":
      return void request.resume();
    case "reset":
      await fault.first?.();
      return exchange.reset();
    case "hold":
      await fault.until;
      return pass(exchange);
    default:
      return pass(exchange);
  }
}

function answer(response: ServerResponse, status: StatusAnswer): void {
  const retry = status.retryAfterSeconds;
  response.writeHead(status.code, {
    "content-type": "application/json",
    ...(retry === undefined ? {} : { "retry-after": String(retry) }),
  });
  response.end(JSON.stringify(statusObject(status)));
}

/** Passes a request on, and its answer back. The server's failure to answer is the client's: its connection is reset. */
function pass({ upstream, agent, request, response, seen, fault, watches, reset }: Exchange): void {
  const headers = { ...request.headers };
  // Events are read line by line, so the body must come as it is.
  delete headers["accept-encoding"];
  const sent = ask(`${upstream.url}${request.url ?? ""}`, { method: seen.method, agent, headers });
  sent.once("error", reset);
  response.once("close", () => sent.destroy());
  sent.once("response", (answered) => {
    response.writeHead(answered.statusCode ?? 502, answered.headers);
    if (seen.verb !== "watch" || answered.statusCode !== 200) {
      passBody(answered, response, fault, reset).catch(reset);
      return;
    }
    const ofEvents = fault !== undefined && isWatchFault(fault) ? fault : undefined;
    const watch = passWatch(answered, response, ofEvents, reset);
    watches.set(watch, seen);
    response.once("close", () => watches.delete(watch));
    void watch.done.then(() => watches.delete(watch));
  });
  request.pipe(sent);
}
