import { describe, expect, it } from "vitest";
import type { ProxyStatus } from "#wire/link.ts";
import { aProxy } from "../../reconcile/testing.ts";
import { databasesOfNews, dutyOf, isNewsOfProxy } from "./duty.ts";

const taskARN = "arn:aws:ecs:eu-west-1:111122223333:task/sallyport/00000000000000000000000000000001";
const proxyWith = (draining: boolean, drainLimitSeconds?: number) => {
  const proxy = aProxy({ status: { tasks: [{ taskARN, target: "ecs:1", connected: true, draining }] } as never });
  const service = { ...proxy.spec.service, ...(drainLimitSeconds === undefined ? {} : { drainLimitSeconds }) };
  return { ...proxy, spec: { ...proxy.spec, service } } as typeof proxy;
};

describe("a task's duty", () => {
  it("is what its Proxy's status says, with the limit of the spec; two days where it names none", () => {
    expect(dutyOf(proxyWith(true, 60), taskARN)).toEqual({ duty: "drain", limitMs: 60_000 });
    expect(dutyOf(proxyWith(true), taskARN)).toEqual({ duty: "drain", limitMs: 172_800_000 });
    expect(dutyOf(proxyWith(false), taskARN).duty).toBe("serve");
    expect(dutyOf(undefined, taskARN).duty).toBe("serve");
  });

  it("is worth no look at ECS for each session that comes and goes", () => {
    const session = { session: "s", grantID: "g", since: "" };
    const idle: ProxyStatus = { type: "status", sessions: [], databases: [] };
    const busy: ProxyStatus = { ...idle, sessions: [session] };

    expect(isNewsOfProxy(idle, busy)).toBe(false);
    expect(isNewsOfProxy(busy, { ...busy, draining: true })).toBe(true);
    expect(isNewsOfProxy({ ...busy, draining: true }, { ...idle, draining: true })).toBe(true);
    expect(isNewsOfProxy(idle, { ...idle, protectionProblem: "denied" })).toBe(true);
  });

  it("and what is told of a database is news once", () => {
    const report = { key: "default/orders", role: "ro", health: "Reachable" as const, detail: "", time: "1" };
    const one: ProxyStatus = { type: "status", sessions: [], databases: [report] };

    expect(databasesOfNews(undefined, one)).toEqual(["default/orders"]);
    expect(databasesOfNews(one, { ...one, databases: [{ ...report, time: "2" }] })).toEqual([]);
    expect(databasesOfNews(one, { ...one, databases: [{ ...report, health: "Unreachable" }] })).toEqual([
      "default/orders",
    ]);
  });
});
