import { afterEach, describe, expect, it } from "vitest";
import type { Challenge, FromTask, KillSession, LinkGrant } from "#wire/link.ts";
import { aDatabase, aGrant, aProxy } from "../../reconcile/testing.ts";
import { type LinkStand, proof, startLinkStand, taskARN, taskID, type TaskSide } from "#test/serve/link-stand.ts";
import { killTimeoutMs } from "./link.ts";
import { unprovenMax } from "./links.ts";

let stand: LinkStand;
afterEach(() => stand[Symbol.asyncDispose]());

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const time = "2026-01-01T00:00:00.000Z";
const cut: FromTask = { type: "cut", grantID: "g1", sessions: 1, backendsGone: 1, time };
const status: FromTask = {
  type: "status",
  sessions: [],
  databases: [
    { key: "default/orders", role: "read_only", health: "Reachable", detail: "", time },
    { key: "default/other", role: "read_only", health: "Unreachable", detail: "", time },
  ],
};

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await settle();
  }
}

describe("all links", () => {
  it("hold one link of a task: the newest. The old one is closed and takes nothing with it", async () => {
    stand = await startLinkStand({ objects: [aProxy(), aDatabase()] });
    const first = await stand.linked();
    const second = await stand.linked();
    second.say(status);

    expect(await first.closed).toEqual({ code: 1001, reason: "the task has a newer link" });
    await until(() => stand.links.reportsOn("default/orders").length > 0);

    expect(stand.links.tasksOf("default/main")).toHaveLength(1);
    second.socket.terminate();
    await until(() => stand.links.tasksOf("default/main").length === 0);
    expect(stand.links.reportsOn("default/orders")).toEqual([]);
  });

  it("hear a proxy on the Databases of its own Proxy only", async () => {
    const other = aDatabase({ metadata: { name: "other" }, spec: { proxyRef: { name: "second" } } });
    stand = await startLinkStand({ objects: [aProxy(), aDatabase(), other] });
    const task = await stand.linked();

    task.say(status);
    await until(() => stand.events.includes("databases default/orders default/other"));

    expect(stand.links.reportsOn("default/orders")).toMatchObject([{ health: "Reachable" }]);
    expect(stand.links.reportsOn("default/other")).toEqual([]);
    expect(stand.links.reportsOn("default/none")).toEqual([]);
  });

  it("show what a task says of its audit spool, and take a task that does not", async () => {
    stand = await startLinkStand({ objects: [aProxy(), aDatabase()] });
    const task = await stand.linked();
    const audit = {
      bytes: 9,
      bytesMax: 10,
      records: 1,
      oldestMs: 2,
      denied: 3,
      gaps: 0,
      gapRecords: 0,
      failedWrites: 0,
    };

    task.say(status);
    await until(() => stand.links.tasksOf("default/main")[0]?.sessions !== undefined);
    const before = stand.links.tasksOf("default/main")[0];
    task.say({ ...status, audit: { ...audit, lastDenied: time } });
    await until(() => stand.links.tasksOf("default/main")[0]?.audit !== undefined);

    expect(before).not.toHaveProperty("audit");
    expect(stand.links.overview()).toMatchObject([{ tasks: [{ audit: { ...audit, lastDenied: time } }] }]);
  });

  it("hear of a cut from the grant's own Proxy only", async () => {
    const grant = (proxy: string) => aGrant({ status: { grantID: "g1", target: { proxy } } as never });
    stand = await startLinkStand({ objects: [aProxy(), grant("second")] });
    const task = await stand.linked();

    task.say(cut);
    await until(() => stand.log.some((line) => line.startsWith("a proxy reported on another proxy's grant")));
    stand.source.put(grant("main"));
    task.say(cut);
    await until(() => stand.events.includes(`cut ${taskID} g1`));

    expect(stand.events.filter((event) => event.startsWith("cut"))).toHaveLength(1);
  });

  it.each(["onCut", "onProxyChanged"] as const)(
    "survive a failure of their host in %s: that link ends, the others go on",
    async (method) => {
      stand = await startLinkStand({
        links: {
          [method]: () => {
            throw new Error("host is broken");
          },
        },
      });
      const task = await stand.connect();
      task.say(proof((await task.hear("challenge")) as Challenge, stand.clock));
      await task.hear("accepted");
      task.say(cut);

      expect((await task.closed).code).toBe(1011);
      expect(stand.log.join()).toContain("host is broken");
      const other = await stand.connect();
      expect(await other.hear()).toMatchObject({ type: "challenge" });
    },
  );

  it("that could not be told a change are ended: they must not go on with an old state", async () => {
    let isBroken = false;
    const grant = aGrant({ status: { grantID: "g1", target: { proxy: "main" } } as never });
    stand = await startLinkStand({
      objects: [aProxy(), grant],
      links: {
        linkGrantOf: () => {
          if (isBroken) {
            throw new Error("no database");
          }
          return { grantID: "g1" } as LinkGrant;
        },
      },
    });
    const task = await stand.linked();
    isBroken = true;

    stand.links.grantChanged(grant);

    expect(await task.closed).toEqual({ code: 1001, reason: "the controller could not tell a change" });
  });

  it("make room for a new connection by ending the oldest that has proven nothing", async () => {
    stand = await startLinkStand();
    const linked = await stand.linked();
    const first = await stand.connect();
    const rest = await Promise.all(Array.from({ length: unprovenMax }, () => stand.connect()));

    expect(await first.closed).toEqual({ code: 1001, reason: "too many connections without a proof" });
    expect(rest.filter((task) => task.socket.readyState === task.socket.OPEN).length).toBeGreaterThan(unprovenMax - 3);
    expect(linked.socket.readyState).toBe(linked.socket.OPEN);
    expect(stand.links.tasksOf("default/main")).toMatchObject([{ taskARN }]);
  });

  it("end in order when the controller stops, though a proxy does not answer", async () => {
    stand = await startLinkStand();
    const task = await stand.linked();
    const mute = await stand.linked();
    mute.socket.pause();

    stand.links.close();
    await stand.server.close();

    expect((await task.closed).code).toBe(1001);
  });
});

describe("the end of one session", () => {
  const adas = aGrant({ status: { grantID: "g1", target: { proxy: "main" } } as never });
  const reports = (session: string): FromTask => ({
    type: "status",
    sessions: [{ session, grantID: "g1", since: time }],
    databases: [],
  });

  async function linkedWith(session: string) {
    stand = await startLinkStand({ objects: [aProxy(), adas] });
    const task = await stand.linked();
    await task.hear("grants");
    task.say(reports(session));
    await until(() => stand.links.tasksOf("default/main")[0]?.sessions === 1);
    return task;
  }

  it("is asked of the task that has it, with whose it is, and answered with what became of it", async () => {
    const task = await linkedWith("s1");

    const ended = stand.links.killSession(adas, "s1", "enough");
    const asked = (await task.hear("kill")) as KillSession;
    task.say({ type: "killed", id: asked.id, outcome: "gone" });

    expect(asked).toMatchObject({ session: "s1", grantID: "g1", message: "enough" });
    expect(await ended).toBe("gone");
  });

  it("is asked of every task of the Proxy where none has told of it yet", async () => {
    const task = await linkedWith("s1");

    const ended = stand.links.killSession(adas, "s2", "enough");
    const asked = (await task.hear("kill")) as KillSession;
    task.say({ type: "killed", id: asked.id, outcome: "unknown-session" });

    expect(await ended).toBe("unknown-session");
  });

  it.each<[string, (task: TaskSide) => void]>([
    ["is too old to know how", () => stand.clock.advance(killTimeoutMs)],
    ["goes away", (task) => task.socket.terminate()],
  ])("has no answer where the task %s", async (_, happens) => {
    const task = await linkedWith("s1");

    const ended = stand.links.killSession(adas, "s1", "enough");
    await task.hear("kill");
    happens(task);

    expect(await ended).toBe("no-answer");
  });

  it("has no answer where no task is linked, and none of another Proxy is asked", async () => {
    await linkedWith("s1");
    const others = aGrant({ status: { grantID: "g1", target: { proxy: "other" } } as never });

    expect(await stand.links.killSession(others, "s1", "enough")).toBe("no-answer");
  });
});
