import { expect, it } from "vitest";
import type { AuditRecord } from "#audit/record.ts";
import type { LogEntry } from "#proxy/testing/general-log.ts";
import { disagreements } from "./account.ts";
import { mysqlDisagreements } from "./mysql-account.ts";
import { type Logged, parametersOf } from "./server-log.ts";

// The matrix believes these judges, so they are shown to say no.

const session = "s";
const open = { kind: "session.open", session, server: { host: "h", port: 1, processID: 7 } };
const start = (statement: number, sql: string, more: object = {}): object => ({
  kind: "statement.start",
  session,
  statement,
  protocol: "simple",
  sql,
  transaction: "idle",
  ...more,
});
const end = (statement: number, outcome = "ok"): object => ({
  kind: "statement.end",
  session,
  statement,
  outcome,
  tag: "SELECT 1",
});
const trail = (...records: object[]): AuditRecord[] => [open, ...records] as unknown as AuditRecord[];
const logged = (text: string, more: Partial<Logged> = {}): Logged => ({
  connection: 7,
  database: "d",
  user: "u",
  application: "",
  kind: "statement",
  text,
  ...more,
});
const entry = (command: string, text: string, thread = 7): LogEntry => ({ thread, command, text });

it("Postgres: agrees where each statement has its record, and says what has none on either side", () => {
  const two = trail(start(1, "select 1"), end(1), start(2, "select 2"), end(2));

  expect(disagreements(two, [logged("select 1"), logged("select 2")])).toEqual([]);
  expect(disagreements(two, [logged("select 2"), logged("select 1")])).toHaveLength(1);
  expect(disagreements(two, [logged("select 1")])).toEqual([expect.stringContaining("nothing in the log")]);
  expect(disagreements(two, [logged("select 1"), logged("select 2"), logged("select 3")])).toEqual([
    "not on record: select 3",
  ]);
  expect(
    disagreements(two, [
      ...two.map(() => logged("x", { connection: 8 })).slice(0, 1),
      logged("select 1"),
      logged("select 2"),
    ]),
  ).toEqual([expect.stringContaining("which the trail does not know")]);
  expect(disagreements(two, [logged("select 1"), logged("select 2"), logged("selec", { kind: "error" })])).toEqual([
    "failed and not on record: selec",
  ]);
});

it("Postgres: compares bound values, as many as there are, and puts large texts together again", () => {
  const values = [
    { type: 0, format: "text", value: "it" },
    { type: 0, format: "text", value: null },
  ];
  const bound = trail(start(1, "select $1", { protocol: "extended", parameters: values }), end(1));
  const large = trail(
    { kind: "statement.text", session, text: 1, index: 0, data: "select " },
    { kind: "statement.text", session, text: 1, index: 1, data: "1" },
    start(1, "sel", { sqlText: { text: 1, bytes: 8 } }),
    end(1),
  );

  expect(disagreements(bound, [logged("select $1", { parameters: ["it", null] })])).toEqual([]);
  expect(disagreements(bound, [logged("select $1", { parameters: ["it", "x"] })])).toHaveLength(1);
  expect(disagreements(bound, [logged("select $1", { parameters: ["other", null] })])).toHaveLength(1);
  expect(disagreements(bound, [logged("select $1", { parameters: ["it"] })])).toHaveLength(1);
  expect(disagreements(large, [logged("select 1")])).toEqual([]);
});

it("Postgres: reads the values that the server logs, quotes and NULL included", () => {
  expect(parametersOf("Parameters: $1 = 'it''s', $2 = NULL, $3 = '', $4 = '$5 = ''x''', $5 = ''''")).toEqual({
    parameters: ["it's", null, "", "$5 = 'x'", "'"],
  });
  expect(parametersOf("prepare: PREPARE a AS select 1")).toEqual({});
});

it("MySQL: agrees where each statement has its record, and says what has none on either side", () => {
  const several = trail(
    start(1, "select 1; select 2"),
    end(1),
    start(2, "select ? + ?", { protocol: "extended", notices: ["prepared"] }),
    end(2),
    start(3, "select ? + ?", { protocol: "extended" }),
    end(3),
  );
  const rest = [entry("Prepare", "select ? + ?"), entry("Execute", "select 3 + '4'")];

  expect(mysqlDisagreements(several, [entry("Query", "select 1; select 2"), ...rest])).toEqual([]);
  expect(mysqlDisagreements(several, [entry("Query", "select 1"), entry("Query", "select 2"), ...rest])).toEqual([]);
  expect(mysqlDisagreements(several, [entry("Query", "select 9"), ...rest])).toHaveLength(1);
  expect(mysqlDisagreements(several, [entry("Query", "select 1"), ...rest, entry("Query", "drop table t")])).toEqual([
    "not on record: drop table t",
  ]);
  expect(
    mysqlDisagreements(several, [entry("Query", "select 1"), rest[0] as LogEntry, entry("Execute", "select 3 - 4")]),
  ).toHaveLength(1);
  expect(mysqlDisagreements(several, [entry("Query", "select 1"), ...rest, entry("Query", "x", 8)])).toEqual([
    expect.stringContaining("which the trail does not know"),
  ]);
});
