import { describe, expect, it } from "vitest";
import { testServices, type TestServices } from "#test/serve/services.ts";
import { aDatabase, aGrant, aProxy } from "../../reconcile/testing.ts";
import { connectInfo } from "./connect-info.ts";

const taskARN = "arn:aws:ecs:eu-west-1:111122223333:task/sallyport/1";
const grant = (change: object = {}, conditions: object[] = [{ type: "Active", status: "True" }]) =>
  aGrant({
    status: {
      grantID: "g1",
      conditions,
      expiryTime: "2026-01-01T01:00:00.000Z",
      target: {
        engine: "PostgreSQL",
        host: "db",
        port: 5432,
        databaseName: "orders",
        username: "ro",
        roleName: "read_only",
        proxy: "main",
        localPort: 15_432,
      },
      external: { accountID: "111122223333" },
      ...change,
    } as never,
  });
const task = (name: string, more: object = {}) => ({ taskARN: name, target: `ecs:${name}`, connected: true, ...more });

function servicesWith(tasks: object[], linked: string[] = [taskARN], spec: object = {}): TestServices {
  const proxy = aProxy({ spec: spec as never, status: { tasks } as never });
  return testServices([proxy, aDatabase()], {
    linked: linked.map((name) => ({ taskARN: name, version: "", skewMs: 0 })),
  });
}

describe("how to reach the database", () => {
  it("names the task of the moment, and what the person's proof must be bound to", () => {
    expect(connectInfo(grant(), servicesWith([task(taskARN)]))).toEqual({
      grantID: "g1",
      installation: "test",
      proxy: "default/main",
      target: `ecs:${taskARN}`,
      port: 9432,
      region: "eu-west-1",
      accountID: "111122223333",
      permissionSet: "g1",
      document: "AWS-StartPortForwardingSession",
      engine: "PostgreSQL",
      database: "orders",
      role: "read_only",
      databaseName: "orders",
      username: "ro",
      endpoint: { host: "db", port: 5432 },
      localPort: 15_432,
      expiryTime: "2026-01-01T01:00:00.000Z",
      sts: { url: "https://sts.test", region: "eu-west-1" },
    });
  });

  it("never names a task that is being replaced, whoever knows it first", () => {
    const other = taskARN.replace(/1$/, "2");
    const bothKnown = servicesWith([task(other, { draining: true }), task(taskARN)], [other, taskARN]);
    const told = testServices([aProxy({ status: { tasks: [task(other)] } as never }), aDatabase()], {
      linked: [{ taskARN: other, version: "", skewMs: 0, draining: true }],
    });

    expect(connectInfo(grant(), bothKnown).target).toBe(`ecs:${taskARN}`);
    expect(() => connectInfo(grant(), told)).toThrow(/no task .* is ready/);
  });

  it("takes the Proxy's own port where it names one", () => {
    expect(connectInfo(grant(), servicesWith([task(taskARN)], [taskARN], { port: 7_000 })).port).toBe(7_000);
  });

  it.each<[string, TestServices]>([
    ["there is none", servicesWith([])],
    ["SSM cannot reach any yet", servicesWith([task(taskARN, { target: undefined })])],
    ["none is linked", servicesWith([task(taskARN)], [])],
    ["only another is linked", servicesWith([task(taskARN)], ["other"])],
    ["the Proxy is gone", testServices([])],
  ])("is not known while %s, which passes by itself", (_, services) => {
    expect(() => connectInfo(grant(), services)).toThrow(
      expect.objectContaining({ status: 503, body: { error: expect.objectContaining({ code: "ProxyNotReady" }) } }),
    );
  });

  it.each([
    ["is provisioning", grant({}, [{ type: "Ready", status: "False", reason: "Provisioning" }])],
    ["is being revoked", grant({ endRequest: {} })],
    ["has ended", grant({ end: {} }, [{ type: "Ready", status: "True" }])],
    ["has expired, though nobody has noted it yet", grant({ expiryTime: "2026-01-01T00:00:00.000Z" })],
    ["was never looked at", aGrant()],
  ])("is nobody's business for a grant that %s", (_, other) => {
    expect(() => connectInfo(other, servicesWith([task(taskARN)]))).toThrow(
      expect.objectContaining({ status: 409, body: { error: expect.objectContaining({ code: "GrantNotLive" }) } }),
    );
  });

  it("spreads people over the tasks", () => {
    const names = ["a", "b", "c"];
    const services = servicesWith(
      names.map((name) => task(name)),
      names,
    );
    let byte = 0;
    const counting = { ...services, random: () => new Uint8Array([byte++]) };

    const targets = names.map(() => connectInfo(grant(), counting).target);

    expect(targets.sort()).toEqual(["ecs:a", "ecs:b", "ecs:c"]);
  });
});
