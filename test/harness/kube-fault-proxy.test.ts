import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { Agent } from "node:https";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { gone, resourceVersionTooLarge, serverError, tooManyRequests } from "./kube-fault-proxy-faults.ts";
import { type FaultStand, grants, modified, startFaultStand } from "./kube-fault-proxy-stand.ts";
import { eventually } from "./process.ts";

let stand: FaultStand;

beforeEach(async () => {
  stand = await startFaultStand();
});
afterEach(() => stand.close());

describe("without a fault", () => {
  test("requests and answers pass, and are counted by verb and path", async () => {
    const list = await stand.get(grants);
    await stand.get(`${grants}/one`);
    await stand.send("PATCH", `${grants}/one/status`);

    expect(list).toEqual({ status: 200, headers: expect.anything(), body: '{"kind":"GrantList","items":[]}' });
    expect(stand.proxy.requests.map(({ verb }) => verb)).toEqual(["list", "get", "patch"]);
    expect(stand.proxy.count({ path: /grants\/one$/ })).toBe(1);
    expect(stand.proxy.count({ verb: "patch", path: "/status" })).toBe(1);
    expect(stand.proxy.count()).toBe(3);
  });

  test.each([
    ["GET", "/api/v1/namespaces", "list"],
    ["GET", "/api/v1/namespaces/shop", "get"],
    ["GET", "/api/v1/namespaces/shop/configmaps", "list"],
    ["GET", "/api/v1/namespaces/shop/configmaps?watch=1", "watch"],
    ["GET", "/apis/coordination.k8s.io/v1/leases", "list"],
    ["GET", "/readyz", "get"],
    ["POST", grants, "create"],
    ["PUT", `${grants}/one`, "update"],
    ["DELETE", `${grants}/one`, "delete"],
    ["DELETE", grants, "deletecollection"],
  ])("%s %s is a %s", async (method, path, verb) => {
    const watch = /watch/.test(path);

    await (watch ? stand.open(path) : stand.send(method, path));

    expect(stand.proxy.requests[0]?.verb).toBe(verb);
  });

  test("connections are counted: one for requests that share it, and none when it is closed", async () => {
    await stand.get(grants);
    await stand.get(grants);
    const shared = stand.proxy.connections();

    stand.agent.destroy();

    expect(shared).toEqual({ opened: 1, open: 1 });
    expect(stand.proxy.requests.map(({ connection }) => connection)).toEqual([1, 1]);
    await eventually("it is closed", () => stand.proxy.connections().open === 0 || undefined);
  });

  test("a watch's events pass as they come", async () => {
    const watch = await stand.open();

    stand.streams[0]?.write(modified);

    expect(await watch.line()).toBe(modified);
    expect(stand.proxy.openWatches({ path: "/grants" })).toBe(1);
  });

  test("a client that leaves a watch ends it at the server", async () => {
    const watch = await stand.open();
    const closed = once(stand.streams[0] as ServerResponse, "close");

    watch.response.destroy();

    await closed;
    expect(stand.proxy.openWatches()).toBe(0);
  });
});

describe("answers in the server's place", () => {
  test.each([
    [gone, 410, "Expired"],
    [resourceVersionTooLarge, 504, "ResourceVersionTooLarge"],
    [tooManyRequests(7), 429, "TooManyRequests"],
    [serverError(), 500, "InternalError"],
    [serverError(503), 503, "ServiceUnavailable"],
  ])("$code $reason", async (status, code, words) => {
    stand.proxy.inject({ kind: "answer", status });

    const answer = await stand.get(grants);

    expect(answer.status).toBe(code);
    expect(answer.headers["retry-after"]).toBe(status.retryAfterSeconds?.toString());
    expect(JSON.parse(answer.body)).toMatchObject({ kind: "Status", status: "Failure", code });
    expect(answer.body).toContain(words);
    expect(stand.served).toEqual([]);
  });

  test("only for the requests that are meant, only as often as was said, and until they are cleared", async () => {
    stand.proxy.inject({ kind: "answer", status: gone }, { verb: "list" }, 2);
    stand.proxy.inject({ kind: "answer", status: serverError() }, { path: "/one" });

    const lists = [await stand.get(grants), await stand.get(grants), await stand.get(grants)].map(
      ({ status }) => status,
    );
    const before = await stand.get(`${grants}/one`);
    await stand.proxy.clear();
    const after = await stand.get(`${grants}/one`);

    expect(lists).toEqual([410, 410, 200]);
    expect([before.status, after.status]).toEqual([500, 200]);
  });
});

describe("connections that fail", () => {
  test("a request is taken and never answered", async () => {
    stand.proxy.inject({ kind: "silence" }, {}, 1);
    const silent = stand.get(grants);
    let isOver = false;
    void silent.finally(() => (isOver = true)).catch(() => {});

    const next = await stand.get(grants);

    expect(next.status).toBe(200);
    expect(isOver).toBe(false);
    expect(stand.served).toHaveLength(1);
    stand.agent.destroy();
    await expect(silent).rejects.toThrow();
  });

  test("a request's connection is reset before the server sees it", async () => {
    stand.proxy.inject({ kind: "reset" });

    await expect(stand.get(grants)).rejects.toThrow("ECONNRESET");

    expect(stand.served).toEqual([]);
  });

  test("the server does what it was asked, and its answer is lost", async () => {
    stand.proxy.inject({ kind: "lostAnswer" });

    await expect(stand.send("PATCH", `${grants}/one`)).rejects.toThrow("ECONNRESET");

    expect(stand.served).toEqual([`PATCH ${grants}/one`]);
  });

  test("an answer is cut in its body", async () => {
    stand.proxy.inject({ kind: "cutBody", bytes: 5 });
    const response = await stand.answered("GET", grants);
    const [first] = (await once(response, "data")) as [Buffer];

    const [error] = (await once(response, "error")) as [Error];

    expect(first.toString()).toBe('{"kin');
    expect(error.message).toContain("aborted");
  });

  test("a slow answer is whole in the end", async () => {
    stand.proxy.inject({ kind: "slowBody", bytes: 10, pauseMs: 1 });
    const response = await stand.answered("GET", grants);
    const pieces: string[] = [];

    for await (const piece of response) {
      pieces.push((piece as Buffer).toString());
    }

    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.join("")).toBe('{"kind":"GrantList","items":[]}');
  });

  test("a request is held until it is let go", async () => {
    const { promise: until, resolve: letGo } = Promise.withResolvers<void>();
    stand.proxy.inject({ kind: "hold", until }, { path: "/one" });
    const held = stand.get(`${grants}/one`);
    await stand.get(grants);
    const before = [...stand.served];

    letGo();

    expect((await held).status).toBe(200);
    expect(before).toEqual([`GET ${grants}`]);
  });

  test("nobody listens, and later somebody does at the same port", async () => {
    await stand.proxy.setConnectivity("refuse");
    await expect(stand.get(grants)).rejects.toThrow("ECONNREFUSED");

    await stand.proxy.setConnectivity("pass");

    expect((await stand.get(grants)).status).toBe(200);
  });

  test("connections are reset, the open ones too", async () => {
    const watch = await stand.open();
    const broken = once(watch.response, "error");

    await stand.proxy.setConnectivity("reset");

    await broken;
    await expect(stand.get(grants)).rejects.toThrow("ECONNRESET");
    await stand.proxy.clear();
    expect((await stand.get(grants)).status).toBe(200);
  });

  test("connections are half-open: a new one gets no handshake, an old one no answer and no event", async () => {
    const watch = await stand.open();
    await stand.get(grants);
    await stand.proxy.setConnectivity("silent");
    const fresh = new Agent({ ca: stand.proxy.caPEM });
    const asked = [stand.get(grants), stand.get(grants, fresh)];
    let over = 0;
    for (const one of asked) {
      one.catch(() => {}).finally(() => (over += 1));
    }
    stand.streams[0]?.write(modified);
    await eventually("both have come", () =>
      stand.proxy.connections().opened === 3 && stand.proxy.count() === 3 ? true : undefined,
    );

    await stand.proxy.clear();

    const next = await stand.get(grants, new Agent({ ca: stand.proxy.caPEM }));
    expect(next.status).toBe(200);
    expect([over, watch.taken()]).toEqual([0, ""]);
    fresh.destroy();
    stand.agent.destroy();
    await Promise.allSettled(asked);
  });
});
