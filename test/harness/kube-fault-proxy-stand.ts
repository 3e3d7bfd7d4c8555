import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Agent, createServer, request as ask } from "node:https";
import { text } from "node:stream/consumers";
import { createAuthority } from "#sandbox/certificates.ts";
import { type KubeFaultProxy, startKubeFaultProxy } from "./kube-fault-proxy.ts";
import { eventually } from "./process.ts";

export const grants = "/apis/sallyport.dev/v1alpha1/namespaces/shop/grants";
export const watching = `${grants}?watch=true`;
export const modified = '{"type":"MODIFIED","object":{"n":1}}\n';
export const bookmark = '{"type":"BOOKMARK","object":{}}\n';

/** An answer, read to its end. */
export interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** A watch that has begun, and what came of it. */
export interface Watch {
  readonly response: IncomingMessage;
  /** What has come so far. */
  taken(): string;
  /** The first whole line. */
  line(): Promise<string>;
  /** All, once it has ended. */
  all(): Promise<string>;
}

/** A fault proxy before a server that knows no more of Kubernetes than paths. */
export interface FaultStand {
  readonly proxy: KubeFaultProxy;
  /** Keeps the client's connections. */
  readonly agent: Agent;
  /** Requests that reached the server. */
  readonly served: readonly string[];
  /** Watches that reached the server: what it writes there are events. */
  readonly streams: readonly ServerResponse[];
  /** Asks through the proxy and does not read the body. */
  answered(method: string, path: string, by?: Agent): Promise<IncomingMessage>;
  send(method: string, path: string, by?: Agent): Promise<Answer>;
  get(path: string, by?: Agent): Promise<Answer>;
  open(path?: string): Promise<Watch>;
  close(): Promise<void>;
}

/** Starts server and proxy. */
export async function startFaultStand(): Promise<FaultStand> {
  const authority = await createAuthority("API server", Date.now());
  const pair = await authority.issue(["127.0.0.1"]);
  const served: string[] = [];
  const streams: ServerResponse[] = [];
  const server = createServer({ cert: pair.certificate, key: pair.privateKey }, (request, response) => {
    served.push(`${request.method} ${request.url}`);
    request.resume();
    if (request.url?.includes("watch=") === true) {
      streams.push(response.writeHead(200));
      response.flushHeaders();
    } else {
      response.end('{"kind":"GrantList","items":[]}');
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const proxy = await startKubeFaultProxy({ url: `https://127.0.0.1:${port}`, caPEM: authority.certificate });
  const agent = new Agent({ keepAlive: true, ca: proxy.caPEM });
  const answered = (method: string, path: string, by = agent): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const sent = ask(`${proxy.url}${path}`, { method, agent: by });
      sent.once("error", reject);
      sent.once("response", resolve);
      sent.end();
    });
  const send = async (method: string, path: string, by = agent): Promise<Answer> => {
    const response = await answered(method, path, by);
    return { status: response.statusCode, headers: response.headers, body: await text(response) };
  };
  return {
    proxy,
    agent,
    served,
    streams,
    answered,
    send,
    get: (path, by) => send("GET", path, by),
    open: async (path = watching) => readWatch(await answered("GET", path)),
    async close() {
      agent.destroy();
      await proxy.close();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function readWatch(response: IncomingMessage): Watch {
  let taken = "";
  response.on("data", (chunk: Buffer) => (taken += chunk.toString()));
  response.on("error", () => {});
  const ended = once(response, "end");
  ended.catch(() => {});
  return {
    response,
    taken: () => taken,
    line: () => eventually("a line has come", () => /^.*\n/.exec(taken)?.[0]),
    async all() {
      await ended;
      return taken;
    },
  };
}
