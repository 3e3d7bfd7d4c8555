import fc from "fast-check";
import { expect, it } from "vitest";
import { colouredCharactersMax, sqlTokens } from "./sql-tokens.ts";

it("tells keywords, strings, numbers, comments and parameters", () => {
  const tokens = sqlTokens("select 'it''s', 1.5 -- why\nfrom t where a = $1 /* all */");

  expect(tokens.filter(({ kind }) => kind !== "plain").map(({ kind, text }) => `${kind} ${text}`)).toEqual([
    "keyword select",
    "string 'it''s'",
    "number 1.5",
    "comment -- why",
    "keyword from",
    "keyword where",
    "parameter $1",
    "comment /* all */",
  ]);
});

it("leaves keywords within strings, names and dollar quotes alone", () => {
  const kinds = sqlTokens(`"select" 'from' $f$ begin 'x' end $f$ selected`).map(({ kind }) => kind);

  expect(kinds).not.toContain("keyword");
});

it("gives exactly the text back, whatever it is", () => {
  const pieces = fc.constantFrom("'", '"', "`", "$a$", "$1", "--", "/*", "*/", "\n", "select", " ", "</script>", "é");
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(pieces).map((all) => all.join("")),
      ),
      (sql) => {
        expect(
          sqlTokens(sql)
            .map(({ text }) => text)
            .join(""),
        ).toBe(sql);
      },
    ),
  );
});

it("leaves what nobody reads uncoloured, and loses none of it", () => {
  const sql = `select ${"1, ".repeat(colouredCharactersMax)}`;

  const tokens = sqlTokens(sql);

  expect(tokens.length).toBeLessThan(colouredCharactersMax);
  expect(tokens.map(({ text }) => text).join("")).toBe(sql);
});
