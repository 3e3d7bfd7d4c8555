import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isClose } from "#proxy/testing/journal.ts";
import { errorField, RawClient, type Reply, say, shape } from "#proxy/testing/raw-client.ts";
import { grantFor, role, roleSQL, startStand, type Stand } from "#proxy/testing/stand.ts";
import { startPostgres, type TestPostgres } from "#test/harness/postgres.ts";
import type { HazardPolicy } from "#wire/link.ts";

import { functionHazards, functionOIDHazards, textRunnerOIDs, textRunners } from "./postgres-words.ts";

let postgres: TestPostgres;
let stand: Stand;

beforeAll(async () => {
  postgres = await startPostgres({ initSQL: `${roleSQL} create table t (n int); grant all on t to ${role.username};` });
  stand = await startStand(postgres);
});
afterAll(async () => {
  await stand?.stop();
  await postgres?.stop();
});
beforeEach(() => {
  stand.journal.clear();
});

const deny: HazardPolicy = { policy: "Deny", sessionReads: "Deny", expectedSettings: [] };

async function client(hazards: HazardPolicy | "absent" = deny): Promise<RawClient> {
  stand.grant = grantFor(postgres, hazards === "absent" ? {} : { hazards });
  return RawClient.start(stand.port, { user: role.username, database: postgres.database });
}

async function leave(one: RawClient): Promise<void> {
  one.send(say.terminate());
  one.socket.end();
  await one.untilClosed();
  await stand.journal.until(isClose);
  await stand.quiet();
}

const errorOf = (replies: readonly Reply[]): Reply | undefined => replies.find(({ type }) => type === "E");
const rowsOf = (replies: readonly Reply[]): string[] =>
  replies.filter(({ type }) => type === "D").map(({ body }) => body.toString("latin1", 6));

describe("a refused statement", () => {
  it("is an error of the statement, names policy and Database, and the session goes on", async () => {
    const one = await client();

    one.send(say.query(`alter role ${role.username} password 'x'`));
    const refused = await one.until("Z");
    one.send(say.query("select 1"));
    const next = await one.until("Z");

    expect(shape(refused)).toBe("E Z");
    expect(errorField(errorOf(refused), "C")).toBe("42501");
    expect(errorField(errorOf(refused), "M")).toContain("Database default/orders, sharedUserHazards.policy: Deny");
    expect(errorField(errorOf(refused), "H")).toContain("Ask an administrator");
    expect(shape(next)).toBe("T D C Z");
    await leave(one);
    const [first] = stand.journal.statements();
    expect(first?.start).toMatchObject({ notices: ["hazard:credential-change", "refused"] });
    expect(String(first?.start.sql)).toBe(`alter role ${role.username} password '[redacted]'`);
    expect(first?.end).toMatchObject({ outcome: "not-executed", sqlState: "42501", transaction: "idle" });
    const again = await client();
    await leave(again);
  });

  it("keeps its place behind answers that are still to come, and fails its transaction as the server would", async () => {
    const one = await client();

    one.send(
      say.query("begin"),
      say.query("select pg_sleep(0.05), 7"),
      say.query("select pg_terminate_backend(1)"),
      say.query("select 8"),
      say.query("rollback"),
      say.query("select 9"),
    );
    const replies = await one.until("Z", 6);

    expect(shape(replies)).toBe("C Z T D C Z E Z E Z C Z T D C Z");
    const states = replies.filter(({ type }) => type === "Z").map(({ body }) => body.toString());
    expect(states).toEqual(["T", "T", "E", "E", "I", "I"]);
    expect(replies.filter(({ type }) => type === "E").map((reply) => errorField(reply, "C"))).toEqual([
      "42501",
      "25P02",
    ]);
    await leave(one);
  });

  it("makes the server skip to Sync when it comes as Parse, and is recorded with each execution", async () => {
    const one = await client();

    one.send(
      say.parse("", "insert into t values (1)"),
      say.bind("", ""),
      say.execute(),
      say.parse("k", "select pg_cancel_backend($1)", [23]),
      say.bind("", "k", ["1"]),
      say.describe("P", ""),
      say.execute(),
      say.parse("", "insert into t values (2)"),
      say.bind("", ""),
      say.execute(),
      say.sync(),
      say.query("select count(*) from t"),
    );
    const replies = await one.until("Z", 2);

    expect(shape(replies)).toBe("1 2 C E Z T D C Z");
    expect(errorField(errorOf(replies), "C")).toBe("42501");
    // The whole pipeline is one transaction: what came before the error is undone by it.
    expect(rowsOf(replies)).toEqual(["0"]);
    await leave(one);
    const told = stand.journal
      .statements()
      .map(({ start, end }) => [start.sql, start.notices, end?.outcome, end?.sqlState]);
    expect(told).toContainEqual([
      "select pg_cancel_backend($1)",
      ["hazard:session-end", "refused"],
      "not-executed",
      "42501",
    ]);
  });

  it("is recorded too when it is only parsed", async () => {
    const one = await client();

    one.send(say.parse("a", "select * from pg_stat_activity"), say.sync());
    const replies = await one.until("Z");

    expect(shape(replies)).toBe("E Z");
    await leave(one);
    expect(stand.journal.statements().map(({ start, end }) => [start.notices, end?.outcome])).toEqual([
      [["parse-only", "hazard:session-read", "refused"], "not-executed"],
    ]);
  });

  it("is refused as the protocol's function call", async () => {
    const one = await client();

    one.send(
      say.functionCall(2171, ["1"]),
      say.functionCall(2924, ["select pg_terminate_backend(1)", "t", "f", ""]),
      say.query("select 1"),
    );
    const replies = await one.until("Z", 3);

    expect(shape(replies)).toBe("E Z E Z T D C Z");
    expect(errorField(errorOf(replies), "C")).toBe("42501");
    await leave(one);
  });

  it("reaches the server in no piece, wherever the stream is cut, and its answer is replaced wherever it is cut", async () => {
    const one = await client();
    const bytes = Buffer.concat([
      say.query("select 5"),
      say.query(`alter role ${role.username} set search_path = evil`),
      say.query("select 6"),
    ]);

    for (let cut = 1; cut < bytes.length; cut += 1) {
      one.socket.write(bytes.subarray(0, cut));
      await new Promise((resolve) => setImmediate(resolve));
      one.socket.write(bytes.subarray(cut));
      const replies = await one.until("Z", 3);
      expect(shape(replies)).toBe("T D C Z E Z T D C Z");
      expect(errorField(errorOf(replies), "C")).toBe("42501");
    }

    await leave(one);
    expect(await postgres.query("select 1 from pg_db_role_setting")).toEqual([]);
  });

  it("is every statement of a query text that holds one, as the server parses them together", async () => {
    const one = await client();

    one.send(say.query("insert into t values (3); select pg_terminate_backend(1); select 2"), say.query("select 3"));
    const replies = await one.until("Z", 2);

    expect(shape(replies)).toBe("E Z T D C Z");
    await leave(one);
    const [first] = stand.journal.statements();
    expect(first?.end?.results?.map(({ outcome }) => outcome)).toEqual([
      "not-executed",
      "not-executed",
      "not-executed",
    ]);
  });

  it("EXECUTE runs what was prepared in sight, and nothing else", async () => {
    const one = await client();

    one.send(
      say.query("prepare a as select 1; execute a"),
      say.query("execute a"),
      say.query("prepare b as select pg_cancel_backend(1)"),
      say.query("execute b"),
      say.query("do $$ begin execute 'pre' || 'pare c as select 1'; end $$"),
      say.query("execute c"),
    );
    const replies = await one.until("Z", 6);

    expect(replies.filter(({ type }) => type === "E").map((reply) => errorField(reply, "C"))).toEqual([
      "42501",
      "42501",
      "42501",
    ]);
    await leave(one);
    expect(stand.journal.starts.map(({ notices }) => notices)).toEqual([
      undefined,
      undefined,
      ["hazard:session-end", "refused"],
      ["hazard:unseen-sql", "refused"],
      ["hazard:dynamic-sql"],
      ["hazard:unseen-sql", "refused"],
    ]);
  });
});

it("the numbers of functions are the server's", async () => {
  const rows = await postgres.query<{ oid: number; name: string }>(
    "select oid::int, proname as name from pg_proc where oid = any($1)",
    [[...functionOIDHazards.keys(), ...textRunnerOIDs]],
  );

  for (const { oid, name } of rows) {
    expect([name, functionHazards.get(name)]).toEqual([name, functionOIDHazards.get(oid)]);
    expect([name, textRunners.has(name)]).toEqual([name, textRunnerOIDs.has(oid)]);
  }
  expect(rows).toHaveLength(functionOIDHazards.size + textRunnerOIDs.size);
});

describe("policy", () => {
  it("Flag, which is the default, marks and forwards", async () => {
    const one = await client("absent");

    one.send(say.query("select count(*) from pg_stat_activity"));
    const replies = await one.until("Z");

    expect(shape(replies)).toBe("T D C Z");
    await leave(one);
    expect(stand.journal.starts[0]?.notices).toEqual(["hazard:session-read"]);
  });

  it("can let reading pass where the rest is refused", async () => {
    const one = await client({ ...deny, sessionReads: "Flag" });

    one.send(say.query("select count(*) from pg_stat_activity"), say.query("select pg_cancel_backend(1)"));
    const replies = await one.until("Z", 2);

    expect(shape(replies)).toBe("T D C Z E Z");
    await leave(one);
  });
});
