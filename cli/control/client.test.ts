import type { ServerResponse } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { manualClock, systemClock } from "#lib/clock.ts";
import { Secret } from "#lib/secret.ts";
import { type FakeApi, type FakeHandler, startFakeApi } from "#test/cli/fake-api.ts";
import { ControlClient, streamSilenceMaxMs } from "./client.ts";
import { isTransient } from "./failure.ts";

let api: FakeApi;
let client: ControlClient;
const never = new AbortController().signal;

beforeEach(async () => {
  api = await startFakeApi();
  client = new ControlClient(api, systemClock);
});
afterEach(async () => {
  client.close();
  await api[Symbol.asyncDispose]();
});

/** Takes the token `fresh` only. */
const guarded: FakeHandler = ({ token }) =>
  token === "fresh"
    ? { body: { ok: true } }
    : { status: 401, body: { error: { code: "NotSignedIn", message: "your session is over" } } };

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) {
    all.push(item);
  }
  return all;
}

describe("a call", () => {
  it("gives what the API answers, and its own words when it refuses", async () => {
    api.handlers.set("GET /ok", () => ({ body: { n: 1 } }));
    api.handlers.set("POST /refused", () => ({
      status: 422,
      body: { error: { code: "TooLong", message: "too long", why: "because", next: "shorter" } },
    }));

    expect(await client.get("/ok")).toEqual({ n: 1 });
    await expect(client.post("/refused", { a: 1 })).rejects.toMatchObject({
      code: "TooLong",
      message: "too long",
      why: "because",
      next: "shorter",
      status: 422,
    });
    expect(api.calls.map((call) => call.body)).toEqual([undefined, { a: 1 }]);
  });

  it.each<[string, FakeHandler]>([
    ["a page of some other server", (_, response) => void response.end("<html>")],
    ["JSON of another shape with an error status", () => ({ status: 500, body: { message: "no" } })],
    ["null", () => ({ status: 400, body: null })],
  ])("is not confused by %s", async (_, handler) => {
    api.handlers.set("GET /odd", handler);

    await expect(client.get("/odd")).rejects.toMatchObject({ code: "UnexpectedAnswer" });
  });

  it("says what to do about a certificate of one's own authority", async () => {
    using stranger = closing(new ControlClient({ url: api.url }, systemClock));

    await expect(stranger.client.get("/x")).rejects.toMatchObject({
      code: "ControllerUnreachable",
      next: expect.stringContaining("--ca-file"),
    });
  });

  it("that broke off, or found nobody, may be tried again", async () => {
    api.handlers.set("GET /half", (_, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("{", () => response.destroy());
      return undefined;
    });
    using nobody = closing(new ControlClient({ url: "https://127.0.0.1:1" }, systemClock));

    const failures = await Promise.all([
      client.get("/half").catch((error: unknown) => error),
      nobody.client.get("/x").catch((error: unknown) => error),
    ]);

    expect(failures.map(isTransient)).toEqual([true, true]);
    expect(failures.map((failure) => (failure as { code: string }).code)).toEqual([
      "ControllerUnreachable",
      "ControllerUnreachable",
    ]);
  });

  it("on a connection that the server had given up is sent once more, on a new one", async () => {
    api.handlers.set("GET /ok", (_, response) => {
      if (api.calls.length === 2) {
        response.destroy();
        return undefined;
      }
      return { body: {} };
    });

    await client.get("/ok");
    await client.get("/ok");

    expect(api.calls).toHaveLength(3);
  });

  it("ends with the reason of its signal", async () => {
    const stopping = new AbortController();
    api.handlers.set("GET /slow", () => new Promise(() => {}));

    const call = client.get("/slow", { signal: stopping.signal });
    stopping.abort();

    await expect(call).rejects.toMatchObject({ name: "AbortError" });
  });
});

describe("a token that is over", () => {
  it("is replaced once for all calls that found it over, and each is sent again", async () => {
    api.handlers.set("GET /guarded", guarded);
    let renewals = 0;
    client.signIn(new Secret("stale"), async () => {
      renewals += 1;
      return new Secret("fresh");
    });

    const answers = await Promise.all([client.get("/guarded"), client.get("/guarded"), client.get("/guarded")]);

    expect(answers).toEqual([{ ok: true }, { ok: true }, { ok: true }]);
    expect(renewals).toBe(1);
  });

  it("is an error when the new one is not taken either: it does not go on for ever", async () => {
    api.handlers.set("GET /guarded", guarded);
    client.signIn(new Secret("stale"), async () => new Secret("stale too"));

    await expect(client.get("/guarded")).rejects.toMatchObject({ code: "NotSignedIn", status: 401 });
    expect(api.calls).toHaveLength(2);
  });

  it("leaves no trace when renewing fails: the next call tries again", async () => {
    api.handlers.set("GET /guarded", guarded);
    let renewals = 0;
    client.signIn(new Secret("stale"), async () => {
      renewals += 1;
      if (renewals === 1) {
        throw new Error("portal away");
      }
      return new Secret("fresh");
    });

    await expect(client.get("/guarded")).rejects.toThrow("portal away");
    expect(await client.get("/guarded")).toEqual({ ok: true });
  });

  it("is never sent where it does not belong", async () => {
    api.handlers.set("GET /public", () => ({ body: {} }));
    client.signIn(new Secret("fresh"), () => Promise.reject(new Error("asked")));

    await client.get("/public", { anonymous: true });

    expect(api.calls[0]?.token).toBeUndefined();
  });
});

describe("a stream", () => {
  it("gives each line as a value and ends with the server, dropping a line that was cut off", async () => {
    api.handlers.set("GET /tail", (_, response) => {
      response.write('{"n":1}\n\n{"n":2');
      response.write('}\n{"n":3');
      response.end();
      return undefined;
    });

    expect(await collect(client.stream("/tail", never))).toEqual([{ n: 1 }, { n: 2 }]);
  });

  it("signs in again before it begins", async () => {
    api.handlers.set("GET /tail", (call, response) => {
      if (call.token !== "fresh") {
        return guarded(call, response);
      }
      response.end('{"n":1}\n');
      return undefined;
    });
    client.signIn(new Secret("stale"), async () => new Secret("fresh"));

    expect(await collect(client.stream("/tail", never))).toEqual([{ n: 1 }]);
  });

  it("that breaks off is a failure that may be tried again, after what had come", async () => {
    api.handlers.set("GET /tail", (_, response) => void response.write('{"n":1}\n'));
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const value of client.stream("/tail", never)) {
        seen.push(value);
        api.breakConnections();
      }
    })();

    const failure = await reading.catch((error: unknown) => error);

    expect(seen).toEqual([{ n: 1 }]);
    expect(isTransient(failure)).toBe(true);
  });

  it("is given up after 45 s of silence, and not before", async () => {
    const clock = manualClock();
    using patient = closing(new ControlClient(api, clock));
    api.handlers.set("GET /tail", (_, response) => void response.write('{"n":1}\n'));
    const lines = patient.client.stream("/tail", never);

    await lines.next();
    const next = lines.next();
    next.catch(() => {});
    clock.advance(streamSilenceMaxMs - 1);
    const early = await Promise.race([next.catch(() => "failed"), Promise.resolve("waiting")]);
    clock.advance(streamSilenceMaxMs);

    expect(early).toBe("waiting");
    await expect(next).rejects.toMatchObject({ code: "ControllerUnreachable", why: "nothing heard for 45 s" });
  });

  it("does not take the reader's own slowness for silence", async () => {
    const clock = manualClock();
    using patient = closing(new ControlClient(api, clock));
    const answering = Promise.withResolvers<ServerResponse>();
    api.handlers.set("GET /tail", (_, response) => {
      response.write('{"n":1}\n');
      answering.resolve(response);
      return undefined;
    });
    const lines = patient.client.stream("/tail", never);

    await lines.next();
    clock.advance(10 * streamSilenceMaxMs);
    (await answering.promise).end('{"n":2}\n');

    expect(await lines.next()).toEqual({ done: false, value: { n: 2 } });
  });

  it("lets go of the connection when its reader stops early", async () => {
    const gone = new Promise<void>((resolve) => {
      api.handlers.set("GET /tail", (_, response) => {
        response.write('{"n":1}\n');
        response.on("close", resolve);
        return undefined;
      });
    });

    for await (const _ of client.stream("/tail", never)) {
      break;
    }

    await gone;
  });
});

function closing(other: ControlClient): Disposable & { client: ControlClient } {
  return { client: other, [Symbol.dispose]: () => other.close() };
}
