import { once } from "node:events";
import { afterEach, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { isKubeFailure } from "./failure.ts";
import { answer, startStage, type Script, type TransportStage } from "./transport-stage.ts";
import { patchTypes } from "./transport.ts";

let stage: TransportStage;
afterEach(() => stage.close());

const get = { method: "GET", path: "/api" } as const;

it("sends method, path below the server's own, query, body and who asks", async () => {
  stage = await startStage((_, response) => answer(response, 200, { ok: true }));

  const body = { metadata: { name: "ada" } };
  const query = { fieldManager: "sally port", force: true, dryRun: undefined };
  await stage.transport.request({ method: "PATCH", path: "/apis/x", query, body, contentType: patchTypes.apply });

  const [seen] = stage.seen;
  expect(seen).toMatchObject({ method: "PATCH", url: "/prefix/apis/x?fieldManager=sally+port&force=true" });
  expect(seen?.headers).toMatchObject({
    authorization: "Bearer first",
    "user-agent": "sallyport/1.2.3",
    "content-type": "application/apply-patch+yaml",
  });
  expect(JSON.parse(seen?.body ?? "")).toEqual(body);
});

it("sends many requests over one connection", async () => {
  stage = await startStage((_, response) => answer(response, 200, {}));

  for (let request = 0; request < 20; request += 1) {
    await stage.transport.request(get);
  }

  expect(stage.connections()).toBe(1);
});

it("tells what a refusal means, in the server's words, and for how long to wait", async () => {
  const status = { kind: "Status", code: 409, reason: "Conflict", message: "the object has been modified" };
  stage = await startStage((_, response) => answer(response, 409, status, { "retry-after": "3" }));

  const failure: unknown = await stage.transport.request(get).catch((thrown: unknown) => thrown);

  expect(failure).toMatchObject({ kind: "conflict", code: 409, reason: "Conflict", retryAfterMs: 3_000 });
  expect(String(failure)).toContain("the object has been modified");
  expect(JSON.stringify(failure) + String(failure)).not.toContain("first");
});

it("gives up after the time limit, and tries no other idle connection to a server that is silent", async () => {
  const clock = manualClock();
  const arrived = Promise.withResolvers<void>();
  stage = await startStage(
    ({ url }, response) => (url.endsWith("/silent") ? arrived.resolve() : answer(response, 200, {})),
    { clock },
  );
  await Promise.all([stage.transport.request(get), stage.transport.request(get)]);
  expect(stage.connections()).toBe(2);

  const silent = stage.transport.request({ ...get, path: "/silent", timeoutMs: 5_000 });
  await arrived.promise;
  clock.advance(5_000);

  await expect(silent).rejects.toMatchObject({ kind: "unavailable", reason: "Timeout" });
  await stage.transport.request(get);
  expect(stage.seen.at(-1)?.connection).toBe(3);
});

it("is refused where nobody listens", async () => {
  stage = await startStage(() => {});
  const { host } = stage;
  await stage.close();
  stage = await startStage(() => {}, {
    access: {
      server: new URL(`http://${host}`),
      namespace: undefined,
      credentials: async () => ({ headers: {}, tls: {} }),
      refresh: async () => {},
    },
  });

  await expect(stage.transport.request(get)).rejects.toMatchObject({
    kind: "unavailable",
    reason: "ECONNREFUSED",
    code: 0,
  });
  expect(stage.records).toMatchObject([{ code: "<error>", method: "GET", host }]);
});

it("repeats a read whose kept connection was closed under it, and never a write", async () => {
  const closesKept: Script = (seen, response, socket) => {
    const isKept = stage.seen.filter(({ connection }) => connection === seen.connection).length > 1;
    return isKept ? socket.resetAndDestroy() : answer(response, 200, { connection: seen.connection });
  };
  stage = await startStage(closesKept);
  await stage.transport.request(get);

  expect(await stage.transport.request(get)).toEqual({ connection: 2 });
  await expect(stage.transport.request({ method: "POST", path: "/api", body: {} })).rejects.toMatchObject({
    kind: "unavailable",
    reason: "ECONNRESET",
  });
});

it("reads its configuration again when it is not let in, once", async () => {
  stage = await startStage(({ headers }, response) =>
    headers.authorization === "Bearer second" ? answer(response, 200, {}) : answer(response, 401, {}),
  );
  await stage.transport.request(get);
  expect(stage.refreshes()).toBe(1);
  await stage.close();

  stage = await startStage((_, response) => answer(response, 401, { kind: "Status", message: "Unauthorized" }));
  await expect(stage.transport.request(get)).rejects.toMatchObject({ kind: "unauthorized" });
  await expect(stage.transport.request(get)).rejects.toMatchObject({ kind: "unauthorized" });
  expect(stage.refreshes()).toBe(1);
  expect(stage.seen).toHaveLength(3);
});

it("rejects with the caller's own reason, and when it is closed", async () => {
  const arrivals: (() => void)[] = [];
  stage = await startStage(() => arrivals.shift()?.());
  const arrived = (): Promise<void> => new Promise((resolve) => arrivals.push(resolve));
  const own = new AbortController();
  const reason = new Error("no longer wanted");

  const first = arrived();
  const aborted = stage.transport.request({ ...get, signal: own.signal });
  await first;
  own.abort(reason);
  await expect(aborted).rejects.toBe(reason);
  await expect(stage.transport.request({ ...get, signal: own.signal })).rejects.toBe(reason);

  const second = arrived();
  const closed = stage.transport.request(get);
  await second;
  stage.transport.close();
  await expect(closed).rejects.toMatchObject({ kind: "unavailable" });
});

it("keeps no answer that is longer than the limit, and takes nothing for JSON that is none", async () => {
  stage = await startStage(
    ({ url }, response) => (url.endsWith("/long") ? answer(response, 200, "x".repeat(100)) : response.end("<html>")),
    { answerBytesMax: 101 },
  );

  await expect(stage.transport.request({ ...get, path: "/long" })).rejects.toMatchObject({ reason: "TooLong" });
  await expect(stage.transport.request(get)).rejects.toMatchObject({ kind: "unavailable", reason: "NotJSON" });
});

it("counts each request with its code, method and host", async () => {
  stage = await startStage(({ method }, response) => answer(response, method === "GET" ? 200 : 404, {}));

  await stage.transport.request(get);
  await stage.transport.request({ method: "DELETE", path: "/api" }).catch(() => {});

  expect(stage.records).toMatchObject([
    { code: "200", method: "GET", host: stage.host },
    { code: "404", method: "DELETE", host: stage.host },
  ]);
  expect(stage.records.every(({ durationMs }) => durationMs >= 0)).toBe(true);
});

async function collect(lines: AsyncIterable<string>): Promise<{ lines: string[]; failure: unknown }> {
  const found: string[] = [];
  try {
    for await (const line of lines) {
      found.push(line);
    }
  } catch (thrown) {
    return { lines: found, failure: thrown };
  }
  return { lines: found, failure: undefined };
}

it("gives a watch's lines as they come, however they were cut into packets", async () => {
  const bytes = Buffer.from("größe\n\nzwei\n");
  stage = await startStage((_, response) => {
    response.write(bytes.subarray(0, 3));
    setImmediate(() => response.end(bytes.subarray(3)));
  });

  expect(await collect(stage.transport.lines(get))).toEqual({ lines: ["größe", "zwei"], failure: undefined });
});

it.each([
  ["the connection is reset within a line", (response: Parameters<Script>[1]) => response.socket?.resetAndDestroy()],
  ["the answer ends within a line", (response: Parameters<Script>[1]) => response.end()],
])("never takes half a line for none: %s", async (_, end) => {
  stage = await startStage((__, response) => {
    response.write("whole\nhal", () => setImmediate(() => end(response)));
  });

  const { lines, failure } = await collect(stage.transport.lines(get));

  expect(lines).toEqual(["whole"]);
  expect(isKubeFailure(failure, "unavailable")).toBe(true);
});

it("refuses a watch at its first line, with the server's reason", async () => {
  stage = await startStage((_, response) => answer(response, 410, { kind: "Status", code: 410, reason: "Expired" }));

  expect(await collect(stage.transport.lines(get))).toMatchObject({ lines: [], failure: { kind: "gone" } });
});

it("ends a watch that is closed, at once and without a complaint, and the server sees it", async () => {
  const gone = Promise.withResolvers<unknown>();
  stage = await startStage((_, response) => {
    gone.resolve(once(response, "close"));
    response.write("one\n");
  });

  const lines = stage.transport.lines(get);
  const found: string[] = [];
  for await (const line of lines) {
    found.push(line);
    lines.close();
  }

  expect(found).toEqual(["one"]);
  await gone.promise;
});

it("waits for a watch's first words no longer than for any answer, and for the next ones as long as it takes", async () => {
  const clock = manualClock();
  const arrived = Promise.withResolvers<void>();
  let go = (): void => {};
  stage = await startStage(
    ({ url }, response) => {
      if (url.endsWith("/silent")) {
        arrived.resolve();
        return;
      }
      response.write("one\n");
      go = () => response.end("two\n");
    },
    { clock, requestTimeoutMs: 1_000 },
  );

  const silent = collect(stage.transport.lines({ ...get, path: "/silent" }));
  await arrived.promise;
  clock.advance(1_000);
  expect(await silent).toMatchObject({ failure: { reason: "Timeout" } });

  const found: string[] = [];
  for await (const line of stage.transport.lines(get)) {
    found.push(line);
    clock.advance(1_000_000);
    go();
  }
  expect(found).toEqual(["one", "two"]);
});
