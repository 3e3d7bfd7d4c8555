import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createAuthority } from "#sandbox/certificates.ts";

/** One call that arrived. */
export interface FakeCall {
  readonly method: string;
  /** Path without its query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly token: string | undefined;
  readonly body: unknown;
}

/** Answers a call: with a status and a JSON body, or by itself with the response. */
export type FakeHandler = (
  call: FakeCall,
  response: ServerResponse,
) => { readonly status?: number; readonly body: unknown } | undefined | Promise<undefined>;

/** A control API that says what a test wants, over real HTTPS. */
export interface FakeApi extends AsyncDisposable {
  readonly url: string;
  readonly caFile: string;
  readonly calls: FakeCall[];
  /** Handlers by `METHOD /path`; may be replaced at any time. */
  readonly handlers: Map<string, FakeHandler>;
  /** Breaks every connection, as a restart does. */
  breakConnections(): void;
}

/** Starts it on a free port of loopback. */
export async function startFakeApi(handlers: Readonly<Record<string, FakeHandler>> = {}): Promise<FakeApi> {
  const authority = await createAuthority("test CA", Date.now());
  const { certificate, privateKey } = await authority.issue(["127.0.0.1"]);
  const folder = mkdtempSync(path.join(tmpdir(), "sallyport-api-"));
  const caFile = path.join(folder, "ca.pem");
  writeFileSync(caFile, authority.certificate);
  const table = new Map(Object.entries(handlers));
  const calls: FakeCall[] = [];
  const server = createServer({ cert: certificate, key: privateKey }, (request, response) => {
    void answer(request, response, table, calls);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    caFile,
    calls,
    handlers: table,
    breakConnections: () => server.closeAllConnections(),
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
      rmSync(folder, { recursive: true });
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  table: ReadonlyMap<string, FakeHandler>,
  calls: FakeCall[],
): Promise<void> {
  const url = new URL(request.url ?? "", "https://127.0.0.1");
  const text = (await request.setEncoding("utf8").toArray()).join("");
  const call: FakeCall = {
    method: request.method ?? "",
    path: url.pathname,
    query: url.searchParams,
    token: request.headers.authorization?.replace("Bearer ", ""),
    body: text === "" ? undefined : (JSON.parse(text) as unknown),
  };
  calls.push(call);
  const handler = table.get(`${call.method} ${call.path}`);
  const notFound = { status: 404, body: { error: { code: "NotFound", message: "no such route" } } };
  const result = handler === undefined ? notFound : await handler(call, response);
  if (result !== undefined) {
    response.writeHead(result.status ?? 200, { "content-type": "application/json" });
    response.end(JSON.stringify(result.body));
  }
}
