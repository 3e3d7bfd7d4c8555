import { type EventEmitter, once } from "node:events";
import { Agent, type RequestOptions, request } from "node:https";
import type { IncomingMessage } from "node:http";
import { connect as connectHTTP2, constants, type OutgoingHttpHeaders } from "node:http2";
import { type AddressInfo, createServer } from "node:net";
import { connect as connectTLS, type ConnectionOptions, type TLSSocket } from "node:tls";
import { afterEach, describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { createAuthority } from "#sandbox/certificates.ts";
import { createApp } from "./app.ts";
import { Tokens } from "./auth/tokens.ts";
import { HttpProblem, type Route } from "./route.ts";
import {
  createControlServer,
  type ListeningServer,
  type ServerOptions,
  type ServerTimes,
  startServer,
} from "./server.ts";

const clock = manualClock();
const tokens = new Tokens(clock, (bytes) => crypto.getRandomValues(new Uint8Array(bytes)));
const groups = { auditors: undefined, administrators: undefined };
const authority = await createAuthority("test CA", Date.now());
const pair = await authority.issue(["127.0.0.1"]);
const agent = new Agent({ ca: authority.certificate });
const stops: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0)) {
    await stop();
  }
});

async function serve(
  route: Partial<Route>,
  log: string[] = [],
  limits: Pick<ServerOptions, "connectionsMax"> = {},
): Promise<ListeningServer> {
  const base: Route = {
    method: "GET",
    path: "/stream",
    operationID: "test",
    summary: "",
    rule: "public",
    response: {},
    streams: true,
    handle: async () => ({}),
  };
  const note = { ...silentLog, warn: (message: string) => log.push(message) };
  const app = createApp([{ ...base, ...route }], tokens, groups, note);
  const { certificate, privateKey } = pair;
  const options = { host: "127.0.0.1", port: 0, certificate, privateKey, app, onLink() {}, ...limits };
  const server = await startServer(options);
  stops.push(() => server.close());
  return server;
}

async function call(server: ListeningServer, options: RequestOptions = {}): Promise<IncomingMessage> {
  const sent = request({ host: "127.0.0.1", port: server.port, path: "/stream", agent, ...options });
  sent.on("error", () => {});
  sent.end();
  return ((await once(sent, "response")) as [IncomingMessage])[0];
}

/** Counts values that were asked for; ends only with its signal, and says when it did. */
function endless(size = 1) {
  const state = { given: 0, ended: Promise.withResolvers<string>() };
  async function* values(signal: AbortSignal): AsyncGenerator {
    try {
      while (!signal.aborted) {
        state.given += 1;
        yield { n: state.given, pad: "x".repeat(size) };
      }
    } finally {
      state.ended.resolve("ended");
    }
  }
  /** Gives one value and then waits for its signal alone. */
  async function* quiet(signal: AbortSignal): AsyncGenerator {
    yield { n: 1 };
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    state.ended.resolve("ended");
  }
  return { state, values, quiet };
}

describe("a stream", () => {
  it("ends for its source when the reader goes away, though nothing more was to be sent", async () => {
    const { state, quiet } = endless();
    const server = await serve({ handle: ({ signal }) => quiet(signal) });
    const response = await call(server);
    await once(response, "data");

    response.destroy();

    expect(await state.ended.promise).toBe("ended");
  });

  it("asks its source for no more than a slow reader takes", async () => {
    const { state, values } = endless(100_000);
    const server = await serve({ handle: ({ signal }) => values(signal) });
    const response = await call(server);
    response.pause();
    // One that reads on takes a value in each turn of the event loop, which is the server's too; here the kernel's buffers take some alone.
    for (let turn = 0; turn < 2_000; turn += 1) {
      await new Promise(setImmediate);
    }

    expect(state.given).toBeLessThan(200);
    response.destroy();
    await state.ended.promise;
  });

  it("ends with the token that opened it", async () => {
    const { state, quiet } = endless();
    const server = await serve({ rule: "person", handle: ({ signal }) => quiet(signal) });
    const principal = { userName: "ada", userID: "u", displayName: "", groups: [] };
    const headers = { authorization: `bearer ${tokens.issue(principal).token.reveal()}` };
    const response = await call(server, { headers });
    await once(response, "data");

    clock.advance(15 * 60_000);

    expect(await state.ended.promise).toBe("ended");
    await once(response.resume(), "end");
    expect(response.complete).toBe(true);
    expect(clock.pendingCount()).toBe(0);
  });

  it("that fails ends without an error on the wire, so that its client resumes, and with one in the log", async () => {
    const log: string[] = [];
    async function* failing(): AsyncGenerator {
      yield { n: 1 };
      throw new Error("store is gone");
    }
    const server = await serve({ handle: failing }, log);

    const text = (await (await call(server)).setEncoding("utf8").toArray()).join("");

    expect(text).toBe('{"n":1}\n');
    expect(log).toEqual(["control API stream ended early"]);
  });

  it("that is refused before it begins is an ordinary refusal", async () => {
    const server = await serve({
      handle: () => {
        throw new HttpProblem(403, "Forbidden", "not yours");
      },
    });

    expect((await call(server)).statusCode).toBe(403);
  });

  it("sends its headers before its first line, so that a client knows that it stands", async () => {
    async function* silent(): AsyncGenerator {
      await new Promise(() => {});
      yield* [];
    }
    const server = await serve({ handle: silent });

    const response = await call(server);

    expect(response.headers).toMatchObject({ "content-type": "application/x-ndjson", "cache-control": "no-store" });
    response.destroy();
  });
});

describe("another method", () => {
  it.each(["HEAD", "OPTIONS", "PUT", "TRACE"])("%s runs no handler", async (method) => {
    let ran = 0;
    const server = await serve({ streams: false, handle: async () => (ran += 1) });

    const response = await call(server, { method });
    response.resume();

    expect(response.statusCode).toBe(405);
    expect(response.headers["allow"]).toBe("GET");
    expect(ran).toBe(0);
  });
});

describe("the server", () => {
  it("stops though streams are open and connections are idle", async () => {
    const { quiet, state } = endless();
    const server = await serve({ handle: ({ signal }) => quiet(signal) });
    const response = await call(server);
    response.on("error", () => {});
    await once(response, "data");

    await server.close();
    stops.length = 0;

    expect(await state.ended.promise).toBe("ended");
  });

  it("says what is wrong with a port that is taken, and with a key that is not the certificate's", async () => {
    const owner = createServer().listen(0, "127.0.0.1");
    await once(owner, "listening");
    const { port } = owner.address() as { port: number };
    const other = await authority.issue(["127.0.0.1"]);
    const options = { host: "127.0.0.1", port, ...pair, app: createApp([], tokens, groups, silentLog), onLink() {} };

    await expect(startServer(options)).rejects.toMatchObject({ code: "ListenFailed" });
    await expect(startServer({ ...options, port: 0, privateKey: other.privateKey })).rejects.toMatchObject({
      code: "CertificateUnusable",
    });

    owner.close();
  });
});

/** Text as a body whose length nobody says. */
async function postHTTP2(port: number, body: string): Promise<{ status: number; text: string }> {
  const session = connectHTTP2(`https://127.0.0.1:${port}`, { ca: authority.certificate });
  const sent = session.request({ ":method": "POST", ":path": "/stream" });
  sent.end(body);
  const [headers] = (await once(sent, "response")) as [OutgoingHttpHeaders];
  const text = ((await sent.setEncoding("utf8").toArray()) as string[]).join("");
  session.close();
  return { status: Number(headers[":status"]), text };
}

describe("a body that does not say how long it is", () => {
  const echo: Partial<Route> = { method: "POST", streams: false, body: {}, handle: async ({ body }) => body };

  it("is read over HTTP/1.1 (chunked) and HTTP/2 as any other", async () => {
    const server = await serve(echo);
    const sent = request({ host: "127.0.0.1", port: server.port, path: "/stream", agent, method: "POST" });
    sent.write('{"n":');
    sent.end("1}");
    const [response] = (await once(sent, "response")) as [IncomingMessage];

    expect((await response.setEncoding("utf8").toArray()).join("")).toBe('{"n":1}');
    expect(await postHTTP2(server.port, '{"n":2}')).toEqual({ status: 200, text: '{"n":2}' });
  });

  it("is refused once it exceeds 64 KiB", async () => {
    const server = await serve(echo);

    expect((await postHTTP2(server.port, JSON.stringify("x".repeat(65_536)))).status).toBe(413);
    expect((await postHTTP2(server.port, JSON.stringify("x".repeat(65_534)))).status).toBe(200);
  });

  it("that is no JSON or no UTF-8 is the caller's mistake, not ours", async () => {
    const server = await serve(echo);

    expect((await postHTTP2(server.port, "{")).status).toBe(400);
    expect((await postHTTP2(server.port, "")).status).toBe(400);
  });
});

describe("what is begun and never finished", () => {
  /** However it ends: a connection that is cut off may tell of it as an error first, at which `once` would reject. */
  const closeOf = (each: EventEmitter): Promise<void> => new Promise((resolve) => each.once("close", () => resolve()));

  /** A server at a port of its own, or one that is given its connections, with short times. */
  async function hurried(how: "listens" | "is given", times: Partial<ServerTimes>): Promise<number> {
    const app = createApp(
      [
        {
          method: "POST",
          path: "/stream",
          operationID: "",
          summary: "",
          rule: "public",
          response: {},
          body: {},
        } as never,
      ],
      tokens,
      groups,
      silentLog,
    );
    const options = { ...pair, app, onLink() {}, times };
    if (how === "listens") {
      const server = await startServer({ ...options, host: "127.0.0.1", port: 0 });
      stops.push(() => server.close());
      return server.port;
    }
    const given = createControlServer(options);
    const door = createServer((socket) => given.accept(socket)).listen(0, "127.0.0.1");
    await once(door, "listening");
    stops.push(async () => {
      door.close();
      await given.close();
    });
    return (door.address() as AddressInfo).port;
  }

  const dial = (port: number, options: ConnectionOptions = {}): TLSSocket =>
    connectTLS({ host: "127.0.0.1", port, ca: authority.certificate, ALPNProtocols: ["http/1.1"], ...options })
      .on("error", () => {})
      .resume();

  /** A POST over HTTP/2 whose body never ends. */
  function unfinished(port: number) {
    const session = connectHTTP2(`https://127.0.0.1:${port}`, { ca: authority.certificate }).on("error", () => {});
    const stream = session.request({ ":method": "POST", ":path": "/stream" }).on("error", () => {});
    stream.write("{");
    return { session, stream };
  }

  // None of what these tests begin ends by itself: what is waited for comes, or the test fails.

  it.each(["listens", "is given"] as const)("over HTTP/1.1 is cut off where the server %s", async (how) => {
    const port = await hurried(how, { headersMs: 20, requestMs: 20, checkMs: 10 });
    const sockets = [dial(port), dial(port), dial(port)] as const;
    const closed = sockets.map(closeOf);
    sockets[1].write("GET / HTTP/1.1\r\nHost: x\r\nX-Half: ");
    sockets[2].write("POST /stream HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{");

    await Promise.all(closed);
  });

  it("over HTTP/2 is cut off alone: other requests of its connection go on", async () => {
    const { session, stream } = unfinished(await hurried("listens", { requestMs: 20 }));

    await closeOf(stream);

    expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
    expect(session.closed).toBe(false);
    session.destroy();
  });

  it("keeps no HTTP/2 connection on which nothing passes", async () => {
    const { session } = unfinished(await hurried("is given", { idleMs: 20, closingMs: 20 }));

    await closeOf(session);
  });
});

describe("connections that ask for nothing", () => {
  it.each(["h2", "http/1.1"])(
    "make room for who asks (%s), the oldest first; a stream that is open never does",
    async (protocol) => {
      const { quiet } = endless();
      const handle = async ({ signal }: { signal: AbortSignal }) => quiet(signal);
      const server = await serve({ handle }, [], { connectionsMax: 4 });
      const stream = connectHTTP2(`https://127.0.0.1:${server.port}`, { ca: authority.certificate });
      const open = stream.request({ ":path": "/stream" });
      await once(open, "data");
      const idle: TLSSocket[] = [];
      for (let count = 0; count < 3; count += 1) {
        const options = { host: "127.0.0.1", port: server.port, ca: authority.certificate, ALPNProtocols: [protocol] };
        const socket = connectTLS(options).on("error", () => {});
        await once(socket, "secureConnect");
        idle.push(socket.resume());
      }
      const oldest = new Promise<void>((resolve) => idle[0]?.once("close", () => resolve()));

      const { statusCode } = await call(server);
      await oldest;

      expect(statusCode).toBe(200);
      expect([stream.destroyed, ...idle.slice(1).map(({ destroyed }) => destroyed)]).toEqual([false, false, false]);
      stream.destroy();
    },
  );
});
