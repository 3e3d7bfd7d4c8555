import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { connect as connectTLS, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { createAuthority } from "#sandbox/certificates.ts";
import { createApp } from "./app.ts";
import { Tokens } from "./auth/tokens.ts";
import type { Route } from "./route.ts";
import { type ListeningServer, startServer } from "./server.ts";

/** More streams than browsers make connections with HTTP/1.1. */
const streamsAtOnce = 20;
let server: ListeningServer;
let session: ClientHttp2Session;
let certificateAuthority: string;
let openStreams = 0;
let onEnd: () => void = () => {};

async function* quiet(signal: AbortSignal): AsyncGenerator {
  openStreams += 1;
  yield { n: openStreams };
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  openStreams -= 1;
  onEnd();
}

const base = { operationID: "test", summary: "", rule: "public", response: {} } as const;
const routes: readonly Route[] = [
  { ...base, method: "GET", path: "/stream", streams: true, handle: ({ signal }) => quiet(signal) },
  { ...base, method: "POST", path: "/echo", body: {}, handle: async ({ body }) => body },
];

beforeAll(async () => {
  const authority = await createAuthority("test CA", Date.now());
  certificateAuthority = authority.certificate;
  const { certificate, privateKey } = await authority.issue(["127.0.0.1"]);
  const tokens = new Tokens(manualClock(), (bytes) => crypto.getRandomValues(new Uint8Array(bytes)));
  const app = createApp(routes, tokens, { auditors: undefined, administrators: undefined }, silentLog);
  app.get("/host", (context) => context.text(context.req.header("host") ?? "none"));
  server = await startServer({ host: "127.0.0.1", port: 0, certificate, privateKey, app, onLink: () => {} });
  session = connect(`https://127.0.0.1:${server.port}`, { ca: certificateAuthority });
  await once(session, "connect");
});

afterAll(async () => {
  session.destroy();
  await server.close();
});

async function textOf(stream: ClientHttp2Stream): Promise<string> {
  return (await stream.setEncoding("utf8").toArray()).join("");
}

describe("a browser's connection", () => {
  it("carries more streams at once than HTTP/1.1 has connections, and each ends for itself", async () => {
    const streams = Array.from({ length: streamsAtOnce }, () => session.request({ ":path": "/stream" }));
    await Promise.all(streams.map((stream) => once(stream, "data")));
    expect(openStreams).toBe(streamsAtOnce);

    const allEnded = new Promise<void>((resolve) => {
      onEnd = () => (openStreams === 1 ? resolve() : undefined);
    });
    for (const stream of streams.slice(1)) {
      stream.close();
    }
    await allEnded;
    const lastEnded = new Promise<void>((resolve) => {
      onEnd = resolve;
    });
    streams[0]?.close();
    await lastEnded;

    expect(openStreams).toBe(0);
  });

  it("tells the application which host was asked for, as HTTP/1.1 does", async () => {
    const own = session.request({ ":path": "/host" });
    const other = session.request({ ":path": "/host", ":authority": "evil.example:1" });

    expect(await textOf(own)).toBe(`127.0.0.1:${server.port}`);
    expect(await textOf(other)).toBe("evil.example:1");
  });

  it("takes bodies, and refuses the ones that are too large", async () => {
    const post = (body: string): ClientHttp2Stream => {
      const headers = { "content-type": "application/json", "content-length": body.length };
      const stream = session.request({ ":path": "/echo", ":method": "POST", ...headers });
      stream.on("error", () => {});
      stream.end(body);
      return stream;
    };
    const small = post('{"a":1}');
    const large = post(JSON.stringify("x".repeat(70_000)));
    const head = once(large, "response");

    expect(JSON.parse(await textOf(small))).toEqual({ a: 1 });
    expect(((await head) as [{ ":status": number }])[0][":status"]).toBe(413);
    large.resume();
  });

  it("closes with the server, though streams are open", async () => {
    const { certificate, privateKey } = await (await createAuthority("other CA", Date.now())).issue(["127.0.0.1"]);
    const tokens = new Tokens(manualClock(), (bytes) => new Uint8Array(bytes));
    const app = createApp(routes, tokens, { auditors: undefined, administrators: undefined }, silentLog);
    const other = await startServer({ host: "127.0.0.1", port: 0, certificate, privateKey, app, onLink: () => {} });
    const client = connect(`https://127.0.0.1:${other.port}`, { rejectUnauthorized: false });
    client.on("error", () => {});
    const stream = client.request({ ":path": "/stream" });
    stream.on("error", () => {});
    await once(stream, "data");
    // However it ends: a connection that is cut off may tell of it as an error first, at which `once` would reject.
    const closed = new Promise((resolve) => client.once("close", resolve));

    await other.close();
    await closed;

    expect(client.destroyed).toBe(true);
  });
});

describe("other clients", () => {
  it.each([
    [["http/1.1"], "http/1.1"],
    [["h2", "http/1.1"], "h2"],
    [undefined, false],
  ])("%s is answered with %s", async (offered, expected) => {
    const socket: TLSSocket = connectTLS({
      host: "127.0.0.1",
      port: server.port,
      ca: certificateAuthority,
      ...(offered === undefined ? {} : { ALPNProtocols: offered }),
    });
    await once(socket, "secureConnect");

    expect(socket.alpnProtocol).toBe(expected);
    socket.destroy();
  });
});
