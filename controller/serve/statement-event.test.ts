import { describe, expect, it } from "vitest";
import type { AuditRecord } from "#audit/record.ts";
import type { SessionEntry, SessionOwner, StatementView, TailEntry } from "#audit/store/types.ts";
import { eventOf, searchEventOf, sessionViewOf } from "./statement-event.ts";

const owner: SessionOwner = {
  session: "s1",
  grantID: "g1",
  userName: "ada",
  userID: "u1",
  database: "default/orders",
  databaseName: "orders",
  engine: "PostgreSQL",
  roleName: "read_only",
  username: "ro",
};
const statement: StatementView = {
  ...owner,
  proxy: "default/main",
  task: "t1",
  storeSeq: 9,
  statement: 3,
  startTime: "2026-01-01T00:00:01.000Z",
  endTime: "2026-01-01T00:00:02.000Z",
  sql: { base64: Buffer.from("select '\xff'", "latin1").toString("base64") },
  parameters: [
    { format: "text", value: "a" },
    { format: "text", value: null },
    { format: "binary", value: { base64: "AAE=" } },
  ] as never,
  outcome: "error",
  tag: "SELECT 1",
  rows: 0,
  durationMs: 0,
  sqlState: "42P01",
  message: "no",
};
const entry = (record: object | undefined, change: Partial<TailEntry> = {}): TailEntry => ({
  storeSeq: 9,
  receivedTime: "2026-01-01T00:00:09.000Z",
  proxy: "default/main",
  task: "t1",
  owner,
  ...(record === undefined ? {} : { record: { time: "2026-01-01T00:00:01.000Z", ...record } as AuditRecord }),
  ...change,
});
const who = {
  storeSeq: 9,
  time: "2026-01-01T00:00:01.000Z",
  grantID: "g1",
  session: "s1",
  userName: "ada",
  database: "orders",
  role: "read_only",
};

describe("an entry of the trail as an event", () => {
  it.each<[string, TailEntry, object]>([
    ["an opened session", entry({ kind: "session.open" }), { event: "session-open" }],
    [
      "a closed session, with the reason for people where there is one",
      entry({ kind: "session.close", reason: "grant-expired", message: "it expired" }),
      { event: "session-close", message: "it expired" },
    ],
    [
      "a closed session without one",
      entry({ kind: "session.close", reason: "client-closed" }),
      { event: "session-close", message: "client-closed" },
    ],
    [
      "a gap",
      entry({ kind: "gap", count: 4, reason: "spool-full" }),
      { event: "gap", message: "4 records are missing: spool-full" },
    ],
    [
      "a statement's start, bytes that are no UTF-8 shown as such",
      entry({ kind: "statement.start", statement: 3 }, { statement }),
      { event: "statement-start", statement: 3, sql: "select '�'", parameters: ["a", null, "\u0000\u0001"] },
    ],
    [
      "a statement's end, with zeros",
      entry({ kind: "statement.end", statement: 3 }, { statement }),
      {
        event: "statement-end",
        statement: 3,
        outcome: "error",
        tag: "SELECT 1",
        rows: 0,
        durationMs: 0,
        sqlState: "42P01",
        message: "no",
      },
    ],
    [
      "a statement of which nothing else is known",
      entry({ kind: "statement.end", statement: 3 }),
      {
        event: "statement-end",
        statement: 3,
      },
    ],
  ])("shows %s", (_, given, expected) => {
    expect(eventOf(given)).toEqual({ ...who, ...expected });
  });

  it("gives an end with its SQL to a reader who asked for statements by how they ended, and saw no start", () => {
    const view = { ...statement, sql: "select 1" };
    const end = entry({ kind: "statement.end", statement: 3 }, { statement: view });

    expect(eventOf(end, true)).toMatchObject({ event: "statement-end", sql: "select 1", outcome: "error" });
    expect(eventOf(end)).not.toHaveProperty("sql");
  });

  it("shows bytes that are no record as a gap, at the time when they came", () => {
    const { owner: _, ...stranger } = entry(undefined, { flag: "unreadable" });

    expect(eventOf(stranger)).toEqual({
      storeSeq: 9,
      time: "2026-01-01T00:00:09.000Z",
      grantID: "",
      session: "",
      userName: "",
      database: "",
      role: "",
      event: "gap",
      message: "a record could not be read (unreadable)",
    });
  });
});

it("a found statement shows start and end in one, or that it still runs", () => {
  const { endTime: _, outcome: __, ...running } = statement;

  expect(searchEventOf(statement)).toMatchObject({
    ...who,
    event: "statement-end",
    sql: "select '�'",
    outcome: "error",
  });
  expect(searchEventOf(running)).toMatchObject({ event: "statement-start", time: statement.startTime });
});

it("a session shows what is known of it", () => {
  const open: SessionEntry = { ...owner, proxy: "p", task: "t", statements: 2 };

  expect(sessionViewOf(open)).toEqual({
    session: "s1",
    grantID: "g1",
    userName: "ada",
    database: "orders",
    role: "read_only",
    startTime: "",
    statements: 2,
  });
  expect(sessionViewOf({ ...open, openTime: "a", closeTime: "b", closeReason: "drained" })).toMatchObject({
    startTime: "a",
    endTime: "b",
    closeReason: "drained",
  });
});
