import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { redact } from "./redact.ts";

const mark = "[redacted]";

describe("redact, MySQL and MariaDB", () => {
  it.each([
    [
      "CREATE USER a IDENTIFIED WITH 'caching_sha2_password' AS 0x68756E7465723232 REQUIRE NONE",
      `CREATE USER a IDENTIFIED WITH 'caching_sha2_password' AS ${mark} REQUIRE NONE`,
    ],
    ["CREATE USER a IDENTIFIED BY PASSWORD '*hunter22'", `CREATE USER a IDENTIFIED BY PASSWORD '${mark}'`],
    [
      "GRANT ALL ON *.* TO a IDENTIFIED BY _utf8mb4 'hunter22'",
      `GRANT ALL ON *.* TO a IDENTIFIED BY _utf8mb4 '${mark}'`,
    ],
    ["GRANT ALL ON *.* TO a IDENTIFIED BY N'hunter22' 'more'", `GRANT ALL ON *.* TO a IDENTIFIED BY N'${mark}'`],
    ["ALTER USER a IDENTIFIED BY x'68756e7465723232'", `ALTER USER a IDENTIFIED BY x'${mark}'`],
    ["SET PASSWORD = 'hunter22' REPLACE 'hunter22' RETAIN", `SET PASSWORD = '${mark}' REPLACE '${mark}' RETAIN`],
    ["SET PASSWORD FOR 'a'@'%' = 'hunter22'", `SET PASSWORD FOR 'a'@'%' = '${mark}'`],
    ["select 1; set password for current_user() = 'hunter22'", `select 1; set password for current_user() = '${mark}'`],
    [
      "set password for `it's`@`%` = old_password('hunter22')",
      `set password for \`it's\`@\`%\` = old_password('${mark}')`,
    ],
    [
      "CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (USER 'u', PASSWORD 'hunter22', PORT 3306)",
      `CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (USER 'u', PASSWORD '${mark}', PORT 3306)`,
    ],
    [
      "CHANGE REPLICATION SOURCE TO SOURCE_USER = 'u', SOURCE_PASSWORD = 'hun\\'ter22', SOURCE_PORT = 1",
      `CHANGE REPLICATION SOURCE TO SOURCE_USER = 'u', SOURCE_PASSWORD = '${mark}', SOURCE_PORT = 1`,
    ],
    ["select keyring_key_store('a', 'AES', 'hunter22')", `select keyring_key_store('${mark}', '${mark}', '${mark}')`],
    ["set global wsrep_sst_auth = 'u:hunter22'", `set global wsrep_sst_auth = '${mark}'`],
    ["START REPLICA USER = 'u' PASSWORD = 'hunter22'", `START REPLICA USER = 'u' PASSWORD = '${mark}'`],
    ["CLONE INSTANCE FROM u@h:3306 IDENTIFIED BY 'hunter22'", `CLONE INSTANCE FROM u@h:3306 IDENTIFIED BY '${mark}'`],
    ["SET GLOBAL s3_secret_key = 'hunter22'", `SET GLOBAL s3_secret_key = '${mark}'`],
    [
      "create table f (n int) engine=federated connection='mysql://u:hunter22@h/d/t'",
      `create table f (n int) engine=federated connection='mysql://u:${mark}@h/d/t'`,
    ],
    [
      `create table s (n int) comment='wrapper "mysql", user "u", password "hunter22"'`,
      `create table s (n int) comment='wrapper "mysql", user "u", password "${mark}"'`,
    ],
    ["select aes_decrypt(b, 'hunter22') from t", `select aes_decrypt(b, '${mark}') from t`],
    [
      "/*!80000 ALTER USER a */ /*M!100400 IDENTIFIED BY 'hunter22' */",
      `/*!80000 ALTER USER a */ /*M!100400 IDENTIFIED BY '${mark}' */`,
    ],
    ["ALTER USER a -- '\nIDENTIFIED #'\n BY 'hunter22'", `ALTER USER a -- '\nIDENTIFIED #'\n BY '${mark}'`],
    [
      "PREPARE p FROM 'ALTER USER a IDENTIFIED BY ''hunter22'''",
      `PREPARE p FROM 'ALTER USER a IDENTIFIED BY ''${mark}'''`,
    ],
  ])("takes the secret out of %s", (sql, expected) => {
    expect(redact(sql, "mysql").text).toBe(expected);
  });

  it.each([
    "update t set password = concat(a, b) where s = replace(s, 'a', 'b') order by 'c'",
    "update t set password = ?, s = 'a'",
    "select * from t where hash = 0x68756E7465723232",
    "select @@password_history, `identified` from `by`",
    "set names 'utf8mb4'",
  ])("leaves %s as it is", (sql) => {
    expect(redact(sql, "mysql")).toMatchObject({ text: sql, redacted: 0 });
  });

  it("follows NO_BACKSLASH_ESCAPES and ANSI_QUOTES where they decide what is a literal", () => {
    const escaped = "select 'a\\'; ALTER USER x IDENTIFIED BY 'hunter22'";
    const named = `select "it's" from t; ALTER USER x IDENTIFIED BY 'hunter22' -- '`;

    expect(redact(escaped, "mysql", { noBackslashEscapes: true }).text).toBe(
      `select 'a\\'; ALTER USER x IDENTIFIED BY '${mark}'`,
    );
    expect(redact(escaped, "mysql").text).not.toContain("hunter22");
    for (const ansiQuotes of [true, false]) {
      expect(redact(named, "mysql", { ansiQuotes }).text).toBe(
        `select "it's" from t; ALTER USER x IDENTIFIED BY '${mark}' -- '`,
      );
    }
  });

  it("never lets a user's password through, however it is written", () => {
    const escape = (value: string): string => value.replaceAll(/[\\'"]/g, String.raw`\$&`);
    const double = (value: string, quote: string): string =>
      value.replaceAll("\\", "\\\\").replaceAll(quote, quote + quote);
    const literals = [
      (value: string) => `'${double(value, "'")}'`,
      (value: string) => `"${double(value, '"')}"`,
      (value: string) => `'${escape(value)}'`,
      (value: string) => `_binary '${escape(value)}'`,
    ];
    const secret = fc.stringMatching(/^S3cr3t[\w'"\\$@ %-]{2,12}Z$/);
    const noise = fc.constantFrom(" ", "\n", "/* ' */", "-- it's\n", "#'\n", " /*!50000 */ ");
    fc.assert(
      fc.property(secret, noise, noise, fc.constantFrom(...literals), (value, one, two, literal) => {
        const sql = `select 'a\\'b', \`it's\`; alter user x ${one}identified${two} by ${literal(value)};select "q"`;

        const { text, removed } = redact(sql, "mysql");

        expect(text).not.toContain("S3cr3t");
        expect(text.endsWith(';select "q"')).toBe(true);
        expect(removed.map((entry) => entry.reveal()).join()).toContain("S3cr3t");
      }),
    );
  });
});
