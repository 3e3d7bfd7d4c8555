import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { changesMade, changesOfQuery, mayChangeNames, readNameChange } from "./name-changes.ts";

describe("one statement", () => {
  it.each([
    ["prepare s as select 1", { kind: "prepare", name: "s", sql: " select 1" }],
    ['prepare"S"as select 1', { kind: "prepare", name: "S", sql: " select 1" }],
    ["PREPARE Su (numeric(10, 2), int) AS select 1", { kind: "prepare", name: "su", sql: " select 1" }],
    ["prepare /* /* */ */ s as select 1", { kind: "prepare", name: "s", sql: " select 1" }],
    ["prepare --\rs as select 1", { kind: "prepare", name: "s", sql: " select 1" }],
    [`prepare ${"n".repeat(70)} as x`, { kind: "prepare", name: "n".repeat(63), sql: " x" }],
    ['prepare U&"s" as select 1', { kind: "unreadable" }],
    ["prepare transaction 'x'", { kind: "unreadable" }],
    ["prepare s (", { kind: "unreadable" }],
    ["deallocate s", { kind: "deallocate", name: "s" }],
    ['deallocate prepare"a ""b"""', { kind: "deallocate", name: 'a "b"' }],
    ["deallocate prepare", { kind: "deallocate", name: "prepare" }],
    ["deallocate all", { kind: "deallocate", name: undefined }],
    ['deallocate "all"', { kind: "deallocate", name: "all" }],
    ['deallocate U&"s"', { kind: "unreadable" }],
    ["discard all", { kind: "discard" }],
    ["discard temp", undefined],
    ["close c", { kind: "close", name: "c" }],
    ["close all", { kind: "close", name: undefined }],
    ["declare c cursor for select 1", { kind: "declare", name: "c", sql: "declare c cursor for select 1" }],
    ["select 'deallocate s'", undefined],
    ["", undefined],
  ])("%j does %j", (sql, expected) => {
    expect(readNameChange(sql)).toEqual(expected);
  });
});

it("a text of several statements may change any name when a word of it says so, wherever it stands", () => {
  expect(changesOfQuery("select 'deallocate'; select 1")).toEqual({ kind: "unreadable" });
  expect(changesOfQuery("select close from prices")).toBeUndefined();
  expect(changesOfQuery("select 1; select 2")).toBeUndefined();
});

describe("what was done", () => {
  const text = "select 1; deallocate s";
  const spans = [
    { start: 0, end: 8 },
    { start: 10, end: 22 },
  ];
  const ok = (tag: string) => ({ outcome: "ok", tag });

  it.each([
    ["text and tags fit", [ok("SELECT 1"), ok("DEALLOCATE")], [{ kind: "deallocate", name: "s" }]],
    ["the server counts other statements", [ok("DEALLOCATE")], [{ kind: "unreadable" }]],
    ["tags stand elsewhere", [ok("DEALLOCATE"), ok("SELECT 1")], [{ kind: "unreadable" }]],
    ["one failed", [ok("DEALLOCATE"), { outcome: "error" }], [{ kind: "unreadable" }]],
    ["no name was changed", [ok("SELECT 1"), { outcome: "error" }], []],
  ])("%s", (_what, results, expected) => {
    expect(changesMade(text, spans, results)).toEqual(expected);
  });

  it("is not believed of several statements with a backslash, whose meaning a setting may have changed meanwhile", () => {
    expect(changesMade("select '\\'; deallocate s", spans, [ok("SELECT 1"), ok("DEALLOCATE")])).toEqual([
      { kind: "unreadable" },
    ]);
  });
});

it("a text whose first byte rules a change out has none", () => {
  const start = fc.constantFrom("", " ", "\n", "-- x\n", "/* x */", '"', "(", "é", "e", "S", "sel", "d", "P");
  const word = fc.constantFrom("prepare", "DEALLOCATE", "discard", "Declare", "close", "select", "insert", "");
  const rest = fc.constantFrom(" a as select 1", " all", " c cursor for select 1", "");
  fc.assert(
    fc.property(start, word, rest, (before, first, after) => {
      const sql = before + first + after;

      const change = readNameChange(Buffer.from(sql).toString("latin1"));

      expect(change === undefined || mayChangeNames(Buffer.from(sql))).toBe(true);
    }),
  );
});
