import type { ServerResponse } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Clock, systemClock } from "#lib/clock.ts";
import type { StatementEvent } from "#wire/control-api.ts";
import { type FakeInstallation, startFakeInstallation } from "#test/cli/fake-installation.ts";
import { auditSearch, auditTail } from "./audit.ts";

let installation: FakeInstallation;

/** Pauses take a twentieth: the server of these tests is a real one, so the clock has to move by itself. */
const clock: Clock = { ...systemClock, after: (delayMs, fire) => systemClock.after(delayMs / 20, fire) };

beforeAll(async () => {
  installation = await startFakeInstallation();
});
afterAll(() => installation[Symbol.asyncDispose]());
beforeEach(() => {
  installation.api.calls.length = 0;
});

const event = (storeSeq: number, change: Partial<StatementEvent> = {}): StatementEvent => ({
  storeSeq,
  event: "statement-start",
  time: "2026-03-01T10:20:30.456Z",
  grantID: "g1",
  session: "s1",
  userName: "ada",
  database: "orders",
  role: "read_only",
  statement: storeSeq,
  sql: `select ${storeSeq}`,
  ...change,
});
const heartbeat = (storeSeq: number): StatementEvent => event(storeSeq, { event: "heartbeat" });

/** Answers each tail with the next script, which writes and then ends, breaks or stays. */
function tails(...scripts: ((response: ServerResponse) => void)[]): void {
  installation.on("GET /v1/audit/tail", (_, response) => {
    response.writeHead(200, { "content-type": "application/x-ndjson" });
    scripts.shift()?.(response);
    return undefined;
  });
}
const write = (response: ServerResponse, ...events: StatementEvent[]): void => {
  response.write(events.map((one) => `${JSON.stringify(one)}\n`).join(""));
};
const positions = (): (string | null)[] =>
  installation.api.calls.filter((call) => call.path === "/v1/audit/tail").map((call) => call.query.get("after"));

describe("audit tail", () => {
  it("resumes where it stopped, across a clean end, a broken connection and an expired token", async () => {
    using computer = installation.computerOf("ada", { clock });
    tails(
      (response) => {
        write(response, heartbeat(3), event(4));
        response.end();
        installation.expireTokens();
      },
      (response) => {
        write(response, event(5));
        setImmediate(() => response.destroy());
      },
      (response) => write(response, event(6)),
    );

    const done = computer.run([auditTail], "audit", "tail", "-o", "json");
    await computer.hears('"storeSeq":6');
    computer.stop();
    const { code, out } = await done;

    expect(code).toBe(0);
    expect(
      out
        .trim()
        .split("\n")
        .map((line) => (JSON.parse(line) as StatementEvent).storeSeq),
    ).toEqual([4, 5, 6]);
    // The second call was made with the token that was over, and once more with the next.
    expect(positions()).toEqual([null, "4", "4", "5"]);
  });

  it("that is lost before its first event resumes at the position of its heartbeat", async () => {
    using computer = installation.computerOf("ada", { clock });
    tails(
      (response) => {
        write(response, heartbeat(17));
        response.end();
      },
      (response) => write(response, event(18)),
    );

    const done = computer.run([auditTail], "audit", "tail");
    await computer.hears("select 18");
    computer.stop();

    expect((await done).out).toBe("10:20:30.456 ada orders/read_only #18 ▸ select 18\n");
    expect(positions()).toEqual([null, "17"]);
  });

  it("begins where it was told, with its filter", async () => {
    using computer = installation.computerOf("ada", { clock });
    tails((response) => write(response, event(1)));

    const done = computer.run([auditTail], "audit", "tail", "--after", "0", "--database", "orders", "--text", "a b");
    await computer.hears("select 1");
    computer.stop();
    await done;

    const query = installation.api.calls.findLast((call) => call.path === "/v1/audit/tail")?.query;
    expect(Object.fromEntries(query ?? [])).toEqual({ after: "0", database: "orders", text: "a b" });
  });

  it("ends with a refusal, and says an outage once", async () => {
    using computer = installation.computerOf("ada", { clock });
    const error = { code: "Forbidden", message: "you may see your own statements only" };
    const answers = [
      { status: 503, body: { error: { code: "AwsUnavailable", message: "not now" } } },
      { status: 503, body: { error: { code: "AwsUnavailable", message: "not now" } } },
      { status: 403, body: { error } },
    ];
    installation.on("GET /v1/audit/tail", () => answers.shift());

    const { code, err } = await computer.run([auditTail], "audit", "tail", "--user", "grace");

    expect(code).toBe(1);
    expect(err).toBe("[i] not now; trying again\n[✘] you may see your own statements only\n");
  });
});

describe("audit search", () => {
  it("asks page by page for as many as were wanted", async () => {
    using computer = installation.computerOf("ada", { clock });
    const pages = [
      { items: Array.from({ length: 1_000 }, (_, index) => event(2_000 - index)), next: 1_001 },
      { items: [event(1_000), event(999)], next: 999 },
    ];
    installation.on("GET /v1/audit/statements", () => ({ body: pages.shift() }));

    const { out } = await computer.run([auditSearch], "audit", "search", "--limit", "1002", "-o", "json");

    expect((JSON.parse(out) as { items: unknown[] }).items).toHaveLength(1_002);
    const queries = installation.api.calls
      .filter((call) => call.path === "/v1/audit/statements")
      .map((call) => Object.fromEntries(call.query));
    expect(queries).toEqual([{ limit: "1000" }, { limit: "2", after: "1001" }]);
  });

  it("shows a line for each, or that there is none", async () => {
    using computer = installation.computerOf("ada", { clock });
    const answers = [{ items: [event(1)] }, { items: [] }];
    installation.on("GET /v1/audit/statements", () => ({ body: answers.shift() }));

    expect((await computer.run([auditSearch], "audit", "search")).out).toBe(
      "10:20:30.456 ada orders/read_only #1 ▸ select 1\n",
    );
    expect(await computer.run([auditSearch], "audit", "search")).toMatchObject({
      out: "",
      err: "[i] Nothing recorded fits.\n",
    });
  });

  it("refuses a limit that is no number before it signs in", async () => {
    using computer = installation.computerOf("ada", { clock });

    expect((await computer.run([auditSearch], "audit", "search", "--limit", "many")).err).toContain("--limit must be");
    expect(installation.api.calls).toEqual([]);
  });
});
