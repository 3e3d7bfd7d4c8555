import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { redactBytes, redactValueBytes } from "./redact.ts";
import { heldCharacters, RedactionStream, type StreamedText } from "./redaction-stream.ts";

const postgres: StreamedText = { kind: "postgres", standardConformingStrings: true, encoding: "UTF8" };

function stream(sql: Buffer, cuts: readonly number[], kind: StreamedText = postgres) {
  let text = "";
  let seen = "";
  const redaction = new RedactionStream(kind, {
    text: (part) => (text += part),
    seen: (part, isContent) => (seen += isContent ? "" : part),
  });
  let from = 0;
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    redaction.push(sql.subarray(from, cut));
    from = cut;
  }
  redaction.push(sql.subarray(from));
  redaction.end();
  return { text, seen, redacted: redaction.redacted };
}

/** As `redactBytes` says it, one character for each byte. */
function whole(sql: Buffer, standardConformingStrings = true): { text: string; redacted: number } {
  const { text, redacted } = redactBytes(sql, "postgres", { encoding: "UTF8", standardConformingStrings });
  const bytes = typeof text === "string" ? Buffer.from(text) : Buffer.from(text.base64, "base64");
  return { text: bytes.toString("latin1"), redacted };
}

const piece = fc.constantFrom(
  ..."password,PASSWORD ',identified by ','',',\\,$a$,$$,$b$,/*,*/,--,\n,(,),options,user mapping,://,@,:,=,x,E',;,\",U&\",u&',pwd=,%L,a b".split(
    ",",
  ),
  " ",
  "1",
  "é",
  "0x1f",
  ",",
  "secret_access_key",
  "alter role a password 'hunter22'",
  "'\n'",
  "'host=h password=geheim user=u'",
  "x".repeat(5_000),
  " ".repeat(600),
  "y z ".repeat(10_000),
);
const texts = fc.array(piece, { maxLength: 60 }).map((pieces) => Buffer.from(pieces.join("")));

describe("streamed redaction", () => {
  it("is the same however the text is cut", () => {
    fc.assert(
      fc.property(texts, fc.array(fc.nat(), { maxLength: 12 }), (sql, places) => {
        const cuts = places.map((place) => place % (sql.length + 1));

        expect(stream(sql, cuts)).toEqual(stream(sql, []));
      }),
      { numRuns: 600 },
    );
  });

  it("is that of the whole text, where that is no longer than what is held, or its quotes end", () => {
    fc.assert(
      fc.property(texts, fc.array(fc.nat(), { maxLength: 12 }), (pieces, places) => {
        const sql =
          pieces.length > heldCharacters
            ? Buffer.from(pieces.toString("latin1").replaceAll(/['"$*\\]/g, "."), "latin1")
            : pieces;
        const cuts = places.map((place) => place % (sql.length + 1));

        const { text, redacted } = stream(sql, cuts);

        expect({ text, redacted }).toEqual(whole(sql));
      }),
      { numRuns: 600 },
    );
  });

  it("is that of the whole text where backslashes escape in ordinary literals and not in bits", () => {
    const token = fc.constantFrom(
      "b'",
      "X'",
      "E'",
      "'",
      "''",
      "\\",
      "\\'",
      " ",
      "\n",
      "password ",
      "geheim",
      ";",
      "kdf(",
      ",",
    );
    const old: StreamedText = { ...postgres, standardConformingStrings: false };
    fc.assert(
      fc.property(fc.array(token, { maxLength: 40 }), fc.array(fc.nat(), { maxLength: 8 }), (tokens, places) => {
        const sql = Buffer.from(tokens.join(""));
        const cuts = places.map((place) => place % (sql.length + 1));

        const { text, redacted } = stream(sql, cuts, old);

        expect({ text, redacted }).toEqual(whole(sql, false));
      }),
      { numRuns: 1_000 },
    );
  });

  it("of a text of terminated tokens is that of the whole text", () => {
    const token = fc.constantFrom(
      "select ",
      "password ",
      "password = ",
      "identified by ",
      "options (",
      ") ",
      "user mapping ",
      "'a''b' ",
      "'geheim' ",
      "E'ge\\'heim'\n'more' ",
      "$q$ alter role a password 'geheim'; $q$ ",
      "$q$ it's password $q$ ",
      "$q$ do $r$ begin execute 'password ''x'''; end $r$ $q$ ",
      "/* password 'x' */",
      "-- password=geheim\n",
      `'${"lang ".repeat(9_000)}password=geheim und ${"lang ".repeat(9_000)}' `,
      `'postgres://u:geheim@h/d?password=x&b ${"z".repeat(30_000)}' `,
      `password '${"g".repeat(90_000)}' `,
      `$q$${" lang ".repeat(12_000)} alter role a password 'geheim'; ${"lang ".repeat(2_000)}$q$ `,
      "; ",
    );
    fc.assert(
      fc.property(fc.array(token, { maxLength: 25 }), fc.array(fc.nat(), { maxLength: 8 }), (tokens, places) => {
        const sql = Buffer.from(tokens.join(""));
        const cuts = places.map((place) => place % (sql.length + 1));

        const { text, redacted } = stream(sql, cuts);

        expect({ text, redacted }).toEqual(whole(sql));
      }),
      { numRuns: 400 },
    );
  });

  it("cuts a secret at every border of pieces", () => {
    const filler = "x".repeat(heldCharacters);
    const sql = Buffer.from(`select '${filler}'; alter role a password 'hunter22'; select '${filler}'`);
    const at = sql.indexOf("alter");

    for (let cut = at; cut < at + 40; cut += 1) {
      const { text, redacted, seen } = stream(sql, [cut, cut + 1]);

      expect(redacted).toBe(1);
      expect(text.slice(at, at + 40)).toBe("alter role a password '[redacted]'; sele");
      expect(seen).toBe("select ''; alter role a password 'hunter22'; select ''");
    }
  });

  it("of a bound value is that of the whole value", () => {
    const part = fc.constantFrom(
      "password=",
      "'",
      "geheim ",
      "://",
      "a:b@c",
      "/",
      " ",
      "x".repeat(9_000),
      "identified by '",
      "\\",
      "&",
      "?pwd=",
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 40 }), fc.array(fc.nat(), { maxLength: 8 }), (parts, places) => {
        const bytes = Buffer.from(parts.join(""));
        const cuts = places.map((place) => place % (bytes.length + 1));

        const { text, redacted } = stream(bytes, cuts, { kind: "value" });

        const expected = redactValueBytes(bytes);
        expect({ text, redacted }).toEqual({ text: expected.text, redacted: expected.redacted });
      }),
      { numRuns: 400 },
    );
  });

  it("is not misled by half a Shift-JIS character at a border", () => {
    const sql = Buffer.from("ALTER ROLE x PASSWORD E'\x83\x5c' VALID UNTIL 'now'", "latin1");
    const sjis: StreamedText = { kind: "postgres", standardConformingStrings: true, encoding: "SJIS" };

    for (let cut = 0; cut < sql.length; cut += 1) {
      expect(stream(sql, [cut], sjis).text).toBe("ALTER ROLE x PASSWORD E'[redacted]' VALID UNTIL 'now'");
    }
  });
});
