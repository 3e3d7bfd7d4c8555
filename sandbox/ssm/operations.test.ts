import { describe, expect, it } from "vitest";
import { historyMax } from "./session-registry.ts";
import { echo, portSession, startBench, targetName } from "./test-bench.ts";
import type { Bench } from "./test-bench.ts";
import { TestClient } from "./test-client.ts";

interface Described {
  Sessions: { SessionId: string; Status: string; Target: string }[];
  NextToken?: string;
}

async function describeSessions(bench: Bench, input: Record<string, unknown>): Promise<Described> {
  return (await bench.call("DescribeSessions", input)) as Described;
}

describe("StartSession", () => {
  it.each([
    ["no target", { ...portSession(1), Target: undefined }, "ValidationException"],
    ["an empty target", { ...portSession(1), Target: "" }, "ValidationException"],
    ["a target that does not exist", portSession(1, "ecs:main_abc_abc-1"), "TargetNotConnected"],
    ["a target that is no ECS task", portSession(1, "i-0123456789abcdef0"), "TargetNotConnected"],
    ["an unknown document", { Target: targetName, DocumentName: "AWS-Nothing" }, "InvalidDocument"],
    ["a document name of the wrong form", { Target: targetName, DocumentName: "a b" }, "ValidationException"],
    ["an unknown parameter", { ...portSession(1), Parameters: { host: ["db"] } }, "ValidationException"],
    ["a port that is not a list", { ...portSession(1), Parameters: { portNumber: "1" } }, "ValidationException"],
    ["port 0", portSession(0), "ValidationException"],
    ["port 65536", portSession(65_536), "ValidationException"],
    ["parameters that are a list", { ...portSession(1), Parameters: [] }, "SerializationException"],
    ["a reason of 257 characters", { ...portSession(1), Reason: "x".repeat(257) }, "ValidationException"],
  ])("refuses %s", async (_what, input, code) => {
    await using bench = await startBench(echo);

    await expect(bench.call("StartSession", input)).rejects.toMatchObject({ code });
    expect(bench.ssm.sessions()).toEqual([]);
  });
});

describe("DescribeSessions", () => {
  it("follows a session from Connecting to Terminated", async () => {
    await using bench = await startBench(echo);
    const ticket = await bench.start();
    const statuses: unknown[] = [];
    const note = async (State: string): Promise<void> => {
      statuses.push((await describeSessions(bench, { State })).Sessions.map((session) => session.Status));
    };

    await note("Active");
    await new TestClient().open(ticket);
    await bench.ssm.until(() => bench.ssm.sessions().find((session) => session.status === "Connected"));
    await note("Active");
    bench.ssm.cut();
    await note("Active");
    await bench.call("TerminateSession", { SessionId: ticket.SessionId });
    await note("Active");
    await note("History");

    expect(statuses).toEqual([["Connecting"], ["Connected"], ["Disconnected"], [], ["Terminated"]]);
  });

  it("filters by target, owner, status and ID, newest first, in pages", async () => {
    await using bench = await startBench(echo);
    const ids: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      ids.unshift((await bench.start()).SessionId);
    }
    const list = async (input: Record<string, unknown>): Promise<string[]> =>
      (await describeSessions(bench, { State: "Active", ...input })).Sessions.map((session) => session.SessionId);
    const filter = (key: string, value: string): Record<string, unknown> => ({ Filters: [{ key, value }] });

    const first = await describeSessions(bench, { State: "Active", MaxResults: 2 });

    expect(await list({})).toEqual(ids);
    expect(await list(filter("Target", targetName))).toEqual(ids);
    expect(await list(filter("Target", "other"))).toEqual([]);
    expect(
      await list(filter("Owner", "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_g1_0123456789abcdef/ada")),
    ).toEqual(ids);
    expect(await list(filter("SessionId", ids[1] ?? ""))).toEqual([ids[1]]);
    expect(await list(filter("Status", "Connected"))).toEqual([]);
    expect(first.Sessions.map((session) => session.SessionId)).toEqual(ids.slice(0, 2));
    expect(await list({ MaxResults: 2, NextToken: first.NextToken })).toEqual(ids.slice(2));
  });

  it.each([
    ["no state", {}, "ValidationException"],
    ["an unknown filter", { State: "Active", Filters: [{ key: "Colour", value: "red" }] }, "InvalidFilterKey"],
    ["a token of its own making", { State: "Active", NextToken: "x" }, "InvalidNextToken"],
    ["201 results", { State: "Active", MaxResults: 201 }, "ValidationException"],
  ])("refuses %s", async (_what, input, code) => {
    await using bench = await startBench(echo);

    await expect(bench.call("DescribeSessions", input)).rejects.toMatchObject({ code });
  });
});

describe("the history of sessions", () => {
  it("keeps the newest thousand that have ended, and every one that lives", async () => {
    await using bench = await startBench(echo);
    const { SessionId: living } = await bench.start();
    const { SessionId: oldest } = await bench.start();
    bench.ssm.terminate(oldest, "");
    for (let count = 0; count < historyMax; count += 1) {
      bench.ssm.terminate((await bench.start()).SessionId, "");
    }
    await bench.start();

    const ids = bench.ssm.sessions().map((session) => session.sessionID);

    expect(ids).toHaveLength(historyMax + 2);
    expect(ids).toContain(living);
    expect(ids).not.toContain(oldest);
  });
});

describe("GetConnectionStatus", () => {
  it("says whether an agent is there", async () => {
    await using bench = await startBench(echo);

    await expect(bench.call("GetConnectionStatus", { Target: targetName })).resolves.toEqual({
      Target: targetName,
      Status: "connected",
    });
    await expect(bench.call("GetConnectionStatus", { Target: "ecs:a_b_c" })).resolves.toEqual({
      Target: "ecs:a_b_c",
      Status: "notconnected",
    });
  });
});
