import fc from "fast-check";
import { expect, it } from "vitest";
import { splitByTokens, splitStatements, statementsMax } from "./split.ts";

const parts = (sql: string, standardStrings = true): string[] =>
  splitStatements(sql, standardStrings).map(({ start, end }) => sql.slice(start, end));

it.each([
  ["", []],
  [" ; ;-- x\n;/* ; */", []],
  ["select 1", ["select 1"]],
  ["select 1; select 2;", ["select 1", "select 2"]],
  ["select ';'; select 2", ["select ';'", "select 2"]],
  ["select 'it''s;'; x", ["select 'it''s;'", "x"]],
  ["select E'\\';'; x", ["select E'\\';'", "x"]],
  ["select '\\'; x", ["select '\\'", "x"]],
  ['select ";"; x', ['select ";"', "x"]],
  ["select $$;$$; x", ["select $$;$$", "x"]],
  ["select $a$;$$;$a$; x", ["select $a$;$$;$a$", "x"]],
  ["select $1; x", ["select $1", "x"]],
  ["select a$b; x", ["select a$b", "x"]],
  ["/* a /* ; */ ; */ select 1; x", ["select 1", "x"]],
  ["select 1 -- ;\n + 2; x", ["select 1 -- ;\n + 2", "x"]],
  ["create rule r as on insert to t do (a; b); x", ["create rule r as on insert to t do (a; b)", "x"]],
  [
    "create or replace function f() begin atomic select 1; select case when true then 1 end; end; x",
    ["create or replace function f() begin atomic select 1; select case when true then 1 end; end", "x"],
  ],
  ["begin; select 1; end; x", ["begin", "select 1", "end", "x"]],
  ["select 'never closed; x", ["select 'never closed; x"]],
])("%j is %j", (sql, expected) => {
  expect(parts(sql)).toEqual(expected);
});

it("a backslash escapes in every string where the server says that it does", () => {
  expect(parts("select '\\'; x', 1; y", false)).toEqual(["select '\\'; x', 1", "y"]);
});

it("a backslash is one in bits, whatever the server says of other strings", () => {
  expect(parts("select b'\\'; x", false)).toEqual(["select b'\\'", "x"]);
  expect(parts("select X'0''\\'; x', 1; y", false)).toEqual(["select X'0''\\'; x', 1", "y"]);
});

it("never crashes, never loses or repeats a character of a statement, and leaves no semicolon between two that it cut", () => {
  const piece = fc.constantFrom(
    "select",
    " ",
    "'",
    '"',
    "$$",
    "$t$",
    ";",
    "--",
    "\n",
    "/*",
    "*/",
    "(",
    ")",
    "E'",
    "\\",
    "begin",
    "end",
    "é",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const sql = pieces.join("");
      let last = 0;
      for (const { start, end } of splitStatements(sql)) {
        expect(start).toBeGreaterThanOrEqual(last);
        expect(end).toBeGreaterThan(start);
        last = end;
      }
      expect(last).toBeLessThanOrEqual(sql.length);
    }),
    { numRuns: 2_000 },
  );
});

it("a routine that is called begin has no body, and the statements after it are seen", () => {
  const sql = "create function begin() returns int language sql as 'select 1'; x";

  expect(parts(sql)).toEqual(["create function begin() returns int language sql as 'select 1'", "x"]);
});

it("a text of very many statements is split so far as memory allows, and loses none of its text", () => {
  const sql = "a;".repeat(statementsMax + 5);

  const spans = splitStatements(sql);

  expect(spans).toHaveLength(statementsMax);
  expect(spans.at(-1)?.end).toBe(sql.length);
});

it("the short way and the long way never differ", () => {
  const piece = fc.constantFrom(
    ..."select create function begin atomic end case x 1 ' \" $ $$ $a$ ( ) ; - -- / /* */ \\ e' \t é".split(" "),
    " ",
    "\n",
    "\u0000",
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 12 }),
      fc.boolean(),
      fc.constantFrom("", " "),
      (pieces, standard, glue) => {
        const sql = pieces.join(glue);

        expect(splitStatements(sql, standard)).toEqual(splitByTokens(sql, standard));
      },
    ),
    { numRuns: 3_000 },
  );
});
