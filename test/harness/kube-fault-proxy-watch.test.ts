import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { gone, resourceVersionTooLarge } from "./kube-fault-proxy-faults.ts";
import { bookmark, type FaultStand, grants, modified, startFaultStand } from "./kube-fault-proxy-stand.ts";
import { eventually } from "./process.ts";

let stand: FaultStand;

beforeEach(async () => {
  stand = await startFaultStand();
});
afterEach(() => stand.close());

describe("watches to come", () => {
  test("an ERROR event comes after so many events, and then the end", async () => {
    stand.proxy.inject({ kind: "errorEvent", afterEvents: 1, status: gone }, {}, 1);
    const watch = await stand.open();

    stand.streams[0]?.write(modified + modified);

    const [first, second, ...rest] = (await watch.all()).split("\n");
    expect(first).toBe(modified.trim());
    expect(JSON.parse(second ?? "")).toMatchObject({ type: "ERROR", object: { code: 410, reason: "Expired" } });
    expect(rest).toEqual([""]);
  });

  test("an ERROR event comes at once, before any other", async () => {
    stand.proxy.inject({ kind: "errorEvent", afterEvents: 0, status: resourceVersionTooLarge });
    const watch = await stand.open();

    expect(JSON.parse(await watch.all())).toMatchObject({ type: "ERROR", object: { code: 504 } });
  });

  test("a line is cut in its middle", async () => {
    stand.proxy.inject({ kind: "cutLine", afterEvents: 1 });
    const watch = await stand.open();

    stand.streams[0]?.write(modified + modified);

    expect(await watch.all()).toBe(modified + modified.slice(0, modified.length / 2));
  });

  test("events come twice", async () => {
    stand.proxy.inject({ kind: "duplicateEvents" });
    const watch = await stand.open();

    stand.streams[0]?.end(modified + bookmark);

    expect(await watch.all()).toBe(modified + modified + bookmark + bookmark);
  });

  test("events wait until they are let go, and keep their order", async () => {
    const { promise: until, resolve: letGo } = Promise.withResolvers<void>();
    stand.proxy.inject({ kind: "holdEvents", until });
    const watch = await stand.open();
    stand.streams[0]?.end(modified + bookmark);
    await stand.get(grants);
    const before = watch.taken();

    letGo();

    expect(await watch.all()).toBe(modified + bookmark);
    expect(before).toBe("");
  });

  test("bookmarks are swallowed", async () => {
    stand.proxy.inject({ kind: "withoutBookmarks" });
    const watch = await stand.open();

    stand.streams[0]?.end(bookmark + modified + bookmark);

    expect(await watch.all()).toBe(modified);
  });

  test("a stream falls silent, and its end is not told either", async () => {
    stand.proxy.inject({ kind: "silentStream", afterEvents: 1 }, {}, 1);
    const watch = await stand.open();
    stand.streams[0]?.end(modified + modified);
    await watch.line();

    await stand.get(grants);

    expect(watch.taken()).toBe(modified);
    expect(watch.response.complete).toBe(false);
  });

  test("are no concern of other requests", async () => {
    stand.proxy.inject({ kind: "errorEvent", afterEvents: 0, status: gone });

    expect((await stand.get(grants)).status).toBe(200);
  });
});

describe("watches that are open", () => {
  test.each([
    ["end", ""],
    ["halfLine", '{"type":"MODIFIED","object":{"metad'],
    ["goneEvent", '"code":410'],
  ] as const)("%s: at once, without an event to wait for", async (how, words) => {
    const watch = await stand.open();

    const struck = stand.proxy.interrupt(how);

    expect(await watch.all()).toContain(words);
    expect(struck).toBe(1);
    await eventually("the server's side is gone", () => stand.streams[0]?.destroyed || undefined);
  });

  test("reset: the connection breaks", async () => {
    const watch = await stand.open();
    const broken = once(watch.response, "error");

    stand.proxy.interrupt("reset", { path: "/grants" });

    const [error] = (await broken) as [Error];
    expect(error.message).toContain("aborted");
  });

  test("silence: events are lost", async () => {
    const watch = await stand.open();
    stand.proxy.interrupt("silence");
    stand.streams[0]?.write(modified);

    await stand.get(grants);

    expect(watch.taken()).toBe("");
  });

  test("only those that are meant", async () => {
    await stand.open();

    expect(stand.proxy.interrupt("end", { path: "/proxies" })).toBe(0);
    expect(stand.proxy.openWatches()).toBe(1);
  });

  test("break when the server's connection does", async () => {
    const watch = await stand.open();
    const broken = once(watch.response, "error");

    stand.streams[0]?.destroy();

    await broken;
  });
});
