import { beforeEach, describe, expect, it } from "vitest";
import { type ManualClock, manualClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { type CutReason, type Session, SessionRegistry } from "../session/registry.ts";
import { Drain } from "./drain.ts";
import { lingerMs, renewEveryMs, retryMs, TaskProtection } from "./protection.ts";

let clock: ManualClock;
let events: string[];
/** What the agent was asked for, newest last; what it answers. */
let asked: (boolean | number)[];
let answer: unknown;
let sessions: SessionRegistry;
let protection: TaskProtection;
let drain: Drain;

/** Lets what was asked of the agent be answered. */
const answered = () => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => {
  clock = manualClock();
  events = [];
  asked = [];
  answer = { protection: {} };
  sessions = new SessionRegistry(() => drain.sessionsChanged());
  protection = new TaskProtection({
    clock,
    log: silentLog,
    agentURI: "http://agent",
    onProblem: () => events.push(`problem ${protection.problem}`),
    fetch: (async (url: string, { body }: { body: string }) => {
      const { ProtectionEnabled, ExpiresInMinutes } = JSON.parse(body);
      asked.push(ProtectionEnabled ? ExpiresInMinutes : false);
      return { url, json: async () => answer };
    }) as never,
  });
  drain = new Drain({
    clock,
    log: silentLog,
    sessions,
    protection,
    tellTunnels: () => events.push("tunnels told"),
    endTunnels: ({ reason }) => events.push(`tunnels end: ${reason}`),
    onChange: () => events.push("changed"),
  });
});

function open(id: string): Session {
  const session = {
    id,
    grantID: "g",
    cut: async (reason: CutReason) => {
      events.push(`cut ${id}: ${reason}`);
      sessions.remove(session);
      return "gone" as const;
    },
  } as unknown as Session;
  sessions.add(session);
  return session;
}

describe("a task's protection", () => {
  it("stands while there are sessions, is renewed, and ends some seconds after the last one", async () => {
    const first = open("1");
    await answered();
    open("2");
    clock.advance(renewEveryMs);
    await answered();
    sessions.remove(first);
    for (const session of sessions.all()) {
      sessions.remove(session);
    }
    clock.advance(lingerMs - 1);
    const before = [...asked];
    clock.advance(1);
    await answered();

    expect(before).toEqual([30, 30]);
    expect(asked).toEqual([30, 30, false]);
  });

  it("outlasts the pause between two short sessions", async () => {
    sessions.remove(open("1"));
    await answered();
    clock.advance(lingerMs - 1);
    open("2");
    clock.advance(lingerMs);
    await answered();

    expect(asked.filter((one) => one === false)).toEqual([]);
  });

  it("lifts what a killed process of the task may have left", async () => {
    drain.start();
    await answered();

    expect(asked).toEqual([false]);
  });

  it("that is refused is reported, tried again, and reported as mended", async () => {
    answer = {
      error: { Code: "AccessDeniedException", Message: "not authorized to perform: ecs:UpdateTaskProtection" },
    };
    open("1");
    await answered();
    answer = { protection: {} };
    clock.advance(retryMs);
    await answered();

    expect(events.filter((event) => event.startsWith("problem"))).toEqual([
      "problem AccessDeniedException: not authorized to perform: ecs:UpdateTaskProtection",
      "problem undefined",
    ]);
    expect(asked).toEqual([30, 30]);
  });
});

describe("a task that is being replaced", () => {
  it("moves its tunnels, keeps its sessions, and lifts its protection with the last one at once", async () => {
    const session = open("1");
    await answered();

    drain.duty("drain", 60_000);
    drain.duty("drain", 60_000);
    const during = [...events];
    sessions.remove(session);
    await answered();

    expect(drain.isDraining).toBe(true);
    expect(during).toEqual(["tunnels told", "changed"]);
    expect(asked).toEqual([30, false]);
  });

  it("ends what is left at its limit, which counts from the first word of it", async () => {
    open("1");
    drain.duty("drain", 60_000);
    clock.advance(40_000);
    drain.duty("drain", 60_000);
    clock.advance(19_999);
    const before = [...events];
    clock.advance(1);
    await answered();

    expect(before).toEqual(["tunnels told", "changed"]);
    expect(events.slice(2)).toEqual(["tunnels end: drain", "cut 1: drained"]);
  });

  it("serves again where the deployment was undone", () => {
    open("1");
    drain.duty("drain", 1_000);
    drain.duty("serve", 1_000);
    clock.advance(10_000);

    expect(drain.isDraining).toBe(false);
    expect(events).toEqual(["tunnels told", "changed", "changed"]);
  });
});

describe("a task that ECS stops", () => {
  it("waits for its sessions, and no longer than ECS gives", async () => {
    const session = open("1");
    const signal = new AbortController().signal;

    const ended = drain.stop(95_000, signal).then(() => events.push("ended"));
    await answered();
    const before = [...events];
    sessions.remove(session);
    await ended;
    open("2");
    const late = drain.stop(95_000, signal).then(() => events.push("late"));
    clock.advance(95_000);
    await late;

    expect(before).toEqual(["tunnels told", "changed"]);
    expect(events.slice(2)).toEqual(["ended", "tunnels told", "changed", "late"]);
    expect(drain.isDraining).toBe(true);
  });

  it("goes at once without sessions, and when it is told a second time", async () => {
    await drain.stop(95_000, new AbortController().signal);
    open("1");
    const again = new AbortController();
    const ended = drain.stop(95_000, again.signal);
    again.abort();

    await ended;
    expect(events.filter((event) => event.startsWith("cut"))).toEqual([]);
  });

  it("does not serve again because its controller says so", () => {
    void drain.stop(1_000, new AbortController().signal);
    drain.duty("serve", 1_000);

    expect(drain.isDraining).toBe(true);
  });
});
