import { describe, expect, it } from "vitest";
import type { StatementEvent } from "#wire/control-api.ts";
import { eventLine } from "./statement-line.ts";

const base: StatementEvent = {
  storeSeq: 7,
  event: "statement-start",
  time: "2026-03-01T10:20:30.456Z",
  grantID: "g1",
  session: "0123456789abcdef",
  userName: "ada",
  database: "orders",
  role: "read_only",
};

describe("a line of the trail", () => {
  it.each<[string, Partial<StatementEvent>]>([
    ["session 01234567 opened", { event: "session-open" }],
    ["session 01234567 closed: client-closed", { event: "session-close", message: "client-closed" }],
    ["#1 ▸ select 1", { statement: 1, sql: "select\n\t 1 " }],
    ['#1 ▸ select $1  ["a",null]', { statement: 1, sql: "select $1", parameters: ["a", null] }],
    [
      "#1 ✔ ok  SELECT 5  5 rows  1.3 ms",
      { event: "statement-end", statement: 1, outcome: "ok", tag: "SELECT 5", rows: 5, durationMs: 1.26, message: "x" },
    ],
    [
      "#1 ✘ error  0.5 ms  42P01  no such table",
      {
        event: "statement-end",
        statement: 1,
        outcome: "error",
        durationMs: 0.5,
        sqlState: "42P01",
        message: "no such table",
      },
    ],
    ["#1 ✘ unknown", { event: "statement-end", statement: 1 }],
    [
      "#1 ▸ select 1  ✔ ok  SELECT 1  1 rows  0.1 ms",
      {
        event: "statement-end",
        statement: 1,
        sql: "select 1",
        outcome: "ok",
        tag: "SELECT 1",
        rows: 1,
        durationMs: 0.1,
      },
    ],
    ["GAP: 3 records are missing", { event: "gap", message: "3 records are missing" }],
  ])("reads %s", (text, change) => {
    expect(eventLine({ ...base, ...change })).toBe(`10:20:30.456 ada orders/read_only ${text}`);
  });

  it("is one line and short, whatever the statement holds", () => {
    const line = eventLine({ ...base, statement: 1, sql: `select '\u001b[31m${"x".repeat(1_000)}\r\n'` });

    expect(line).toContain("\\e[31m");
    expect(line).not.toContain("\n");
    expect(line.length).toBeLessThan(260);
    expect(line.endsWith("…")).toBe(true);
  });
});
