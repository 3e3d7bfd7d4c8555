import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { redact } from "./redact.ts";

const mark = "[redacted]";

describe("redaction of MySQL's executable comments", () => {
  it.each([
    "/*!99999 ' */ alter user x identified by 'hunter22' -- '",
    "/*!999999 ' */ alter user x identified by 'hunter22' -- '",
    "/*!50000 ' */ alter user x identified by 'hunter22' -- '",
    "/*M!100000 ' */ alter user x identified by 'hunter22' -- '",
    "/*M! ' */ alter user x identified by 'hunter22' -- '",
    "/*!50000 alter user x identified by 'hunter22' -- ' */",
  ])("takes the secret out of %s, whether the server runs the comment or not", (sql) => {
    const { text } = redact(sql, "mysql");

    expect(text).not.toContain("hunter22");
    expect(text.startsWith(sql.slice(0, sql.indexOf("hunter22")) + mark)).toBe(true);
  });

  it.each([
    // Of two versions the server may run one only.
    "/*!99999 ' */ /*!40000 alter user x identified by */ 'hunter22' -- '",
    // MariaDB passes over what is for MySQL from 5.7 on.
    "/*!50700 ' */ /*M!100000 alter user x identified by */ 'hunter22' -- '",
    // A comment that is passed over may hold one more.
    "/*!999999 /* ' */ ' */ alter user x identified by 'hunter22' -- '",
    // Servers before 8.0 read five digits of six.
    "/*!101100; alter user x identified by */ /*!80000 ' */ 'hunter22' -- '",
  ])("takes the secret out of %s in every reading that a server may have", (sql) => {
    expect(redact(sql, "mysql").text).not.toContain("hunter22");
  });

  it("takes everything out from the first suspicious word on where there are too many versions to read", () => {
    const versions = Array.from({ length: 9 }, (_, index) => `/*!5${index}000 1 */`).join(" ");

    expect(redact(`select ${versions}; set password = 'hunter22'; select 'b'`, "mysql").text).toBe(
      `select ${versions}; set passw${mark}`,
    );
  });

  it("takes time in proportion to a hostile text of many versions", () => {
    const sql = "/*!50001 ' */ /*!60002 execute immediate 'identified' */ /*M!100003 \" */ ".repeat(40_000);

    expect(redact(sql, "mysql").text.length).toBeLessThanOrEqual(20 * sql.length);
  });
});

describe("redaction of text that MySQL and MariaDB run", () => {
  it.each([
    ["execute immediate 'alter user x identi' 'fied by ''hunter22'''", "hunter22"],
    ["prepare p from 'alter user x identi' 'fied by ''hunter22'''", "hunter22"],
    ["prepare `p` from 'alter user x identi' \"fied by 'hunter22'\"", "hunter22"],
    ["execute immediate 'alter user x ident\\ified by \\'hunter22\\''", "hunter22"],
    ["execute immediate 'alter user x identi' /* ' */ 'fied by ''hunter22'''", "hunter22"],
    ["execute immediate 'alter user x identi' /*! 'fied by ''hunter22''' */", "hunter22"],
    ["execute immediate (_utf8mb4'alter user x identi' 'fied by ''hunter22''')", "hunter22"],
    ["execute immediate 'alter user x identified /*'' */ by ''hunter22'''", "hunter22"],
    ["execute immediate concat('alter user x identi', 'fied by ''hunter22''')", "hunter22"],
    ["execute immediate concat('alter user x identi', 'fied by ', quote('hunter22'))", "hunter22"],
    ["execute immediate 'execute immediate ''set pass'' ''word = \\'\\'hunter22\\'\\''''; select 1'", "hunter22"],
    ["begin not atomic execute immediate 'set pass' 'word = ''hunter22'''; end", "hunter22"],
    [`prepare p from 0x${Buffer.from("set password='hunter22'").toString("hex")}`, "68756e7465723232"],
    [`prepare p from X'${Buffer.from("set password='hunter22'").toString("hex")}'`, "68756e7465723232"],
    ["select kdf('hunter22', 'salt')", "hunter22"],
    ["select kdf(concat('hunter22', ''), 'salt', 'pbkdf2_hmac', 1000)", "hunter22"],
    ["update t set password = 'hun' /* */ 'ter22'", "ter22"],
  ])("takes the secret out of %s", (sql, secret) => {
    const { text } = redact(sql, "mysql");

    expect(text).not.toContain(secret);
    expect(text).toContain(mark);
  });

  it.each([
    ["execute immediate 'alter user x identi' 'fied by ''hunter22'''; select 'b'"],
    ["select kdf('hunter22', 'salt', 'hkdf')"],
    ["execute immediate 'execute immediate ''set pass'' ''word = \\\\''hunter22\\\\'' '''; select 'b'"],
  ])("takes nothing but the secret out of %s", (sql) => {
    expect(redact(sql, "mysql").text).toBe(sql.replace("hunter22", mark));
  });

  it.each([
    "execute immediate 'select 1 from t where a = ''b'''",
    "prepare p from 'select \\'a\\' ' 'from t'",
    "prepare p from @statement",
    "execute immediate concat('select ', 'it''s')",
  ])("leaves %s as it is", (sql) => {
    expect(redact(sql, "mysql")).toMatchObject({ text: sql, redacted: 0 });
  });

  it("finds a password in a text that is run, wherever its literal is cut and however it is escaped", () => {
    const statement = "alter user x identified by 'S3cr3t'";
    const forms = [
      (char: string) => (char === "'" ? "''" : char),
      (char: string) => (/[a-z]/.test(char) && !/[nrtb]/.test(char) ? `\\${char}` : char === "'" ? "\\'" : char),
    ];
    fc.assert(
      fc.property(
        fc.array(fc.nat(statement.length), { maxLength: 4 }),
        fc.array(fc.constantFrom(...forms), { minLength: 1, maxLength: 7 }),
        fc.constantFrom(" ", "\n", " /* ' */ ", " /*!50000 */ "),
        fc.constantFrom("prepare p from ", "execute immediate "),
        (cuts, styles, between, runner) => {
          const escaped = [...statement].map((char, index) => (styles[index % styles.length] ?? String)(char));
          let literal = "'";
          for (const [index, char] of escaped.entries()) {
            // A password that is cut too must not be looked for as one word.
            literal += cuts.includes(index) && index < statement.length - 8 ? `'${between}'${char}` : char;
          }

          const { text } = redact(`${runner}${literal}'; select 'end'`, "mysql");

          expect(text.replaceAll("\\", "")).not.toContain("S3cr3t");
          expect(text.endsWith("; select 'end'")).toBe(true);
        },
      ),
    );
  });
});
