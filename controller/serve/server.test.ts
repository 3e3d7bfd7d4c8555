import { once } from "node:events";
import { Agent, type RequestOptions, request } from "node:https";
import type { IncomingMessage } from "node:http";
import { createServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { createAuthority } from "#sandbox/certificates.ts";
import { createApp } from "./app.ts";
import { Tokens } from "./auth/tokens.ts";
import { HttpProblem, type Route } from "./route.ts";
import { type ListeningServer, startServer } from "./server.ts";

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

async function serve(route: Partial<Route>, log: string[] = []): Promise<ListeningServer> {
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
  const server = await startServer({ host: "127.0.0.1", port: 0, certificate, privateKey, app, onLink: () => {} });
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
    let before = -1;
    while (before !== state.given) {
      before = state.given;
      // The kernel's buffers take some; then it stands still.
      await new Promise((resolve) => setTimeout(resolve, 50));
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
