import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { redactMessage } from "./message.ts";
import { redact, redactBytes, redactValue } from "./redact.ts";

const mark = "[redacted]";

describe("a password that somebody forgot to quote", () => {
  it.each([
    ["postgres", "create role r password hunter22", `create role r password ${mark}`],
    ["postgres", 'alter role r encrypted password "hunter22" login', `alter role r encrypted password ${mark} login`],
    ["postgres", "alter role r password 123456", `alter role r password ${mark}`],
    ["mysql", "alter user u identified by hunter22", `alter user u identified by ${mark}`],
  ] as const)("is taken out all the same (%s)", (dialect, sql, expected) => {
    expect(redact(sql, dialect).text).toBe(expected);
  });

  it.each([
    ["postgres", "create role r password null login"],
    ["postgres", "select password from users"],
    ["mysql", "alter user u identified by random password"],
    ["mysql", "alter user u password expire never"],
  ] as const)("is not seen in words that belong to the statement (%s, %s)", (dialect, sql) => {
    expect(redact(sql, dialect).text).toBe(sql);
  });
});

describe("redact, Postgres", () => {
  it.each([
    ["ALTER ROLE ro PASSWORD 'hunter22'", `ALTER ROLE ro PASSWORD '${mark}'`],
    [
      "alter user ro with encrypted password E'hun\\'ter22' valid until 'x'",
      `alter user ro with encrypted password E'${mark}' valid until 'x'`,
    ],
    [
      "CREATE ROLE a LOGIN PASSWORD/* ' */'hunter22'--'\n'more'; select 'b'",
      `CREATE ROLE a LOGIN PASSWORD/* ' */'${mark}'; select 'b'`,
    ],
    ["CREATE ROLE a PASSWORD E'x'\n'hunter\\'22'; select 'b'", `CREATE ROLE a PASSWORD E'${mark}'; select 'b'`],
    ["CREATE ROLE a PASSWORD U&'hunter22' UESCAPE '!'", `CREATE ROLE a PASSWORD U&'${mark}' UESCAPE '!'`],
    ["CREATE ROLE a PASSWORD $q$hunter22$q$ ADMIN b", `CREATE ROLE a PASSWORD $q$${mark}$q$ ADMIN b`],
    ["CREATE ROLE a PASSWORD 'it''s hunter22', 'b'", `CREATE ROLE a PASSWORD '${mark}', 'b'`],
    [
      "CREATE USER MAPPING FOR a SERVER s OPTIONS (user 'bob', password 'hunter22', other 'x')",
      `CREATE USER MAPPING FOR a SERVER s OPTIONS (user 'bob', password '${mark}', other '${mark}')`,
    ],
    [
      "ALTER USER MAPPING FOR a SERVER s OPTIONS (SET \"password\" 'hunter22')",
      `ALTER USER MAPPING FOR a SERVER s OPTIONS (SET "password" '${mark}')`,
    ],
    [
      "ALTER SERVER s OPTIONS (SET host 'h', ADD api_token 'hunter22')",
      `ALTER SERVER s OPTIONS (SET host 'h', ADD api_token '${mark}')`,
    ],
    ["ALTER SERVER s OPTIONS (ADD U&\"p\\0061ss\" 'hunter22')", `ALTER SERVER s OPTIONS (ADD U&"p\\0061ss" '${mark}')`],
    [
      "select dblink_connect('host=h password=hunter22 user=u')",
      `select dblink_connect('host=h password=${mark} user=u')`,
    ],
    ["select dblink_connect('password=''hun ter22'' user=u')", `select dblink_connect('password=''${mark}'' user=u')`],
    [
      "select dblink_connect('postgresql://bob:hun@ter22@h:5432/d?sslmode=require')",
      `select dblink_connect('postgresql://bob:${mark}@h:5432/d?sslmode=require')`,
    ],
    [
      "select dblink_connect('postgresql://h/d?password=hunter22&user=u')",
      `select dblink_connect('postgresql://h/d?password=${mark}&user=u')`,
    ],
    [
      "CREATE SUBSCRIPTION s CONNECTION 'host=h password=hunter22' PUBLICATION p",
      `CREATE SUBSCRIPTION s CONNECTION 'host=h password=${mark}' PUBLICATION p`,
    ],
    ["COPY t FROM 's3://b/k' CREDENTIALS 'aws_secret=hunter22'", `COPY t FROM 's3://b/k' CREDENTIALS '${mark}'`],
    [
      "COPY t FROM 's3://b/k' ACCESS_KEY_ID 'AKIA' SECRET_ACCESS_KEY AS 'hunter22'",
      `COPY t FROM 's3://b/k' ACCESS_KEY_ID '${mark}' SECRET_ACCESS_KEY AS '${mark}'`,
    ],
    [
      "select aws_commons.create_aws_credentials('AKIA', lower('hunter22'), '')",
      `select aws_commons.create_aws_credentials('${mark}', lower('${mark}'), '')`,
    ],
    [
      "DO $x$BEGIN EXECUTE 'ALTER ROLE a PASSWORD ''hunter22'''; END$x$",
      `DO $x$BEGIN EXECUTE 'ALTER ROLE a PASSWORD ''${mark}'''; END$x$`,
    ],
    [
      "DO $x$BEGIN ALTER ROLE a PASSWORD $y$hunter22$y$; END$x$",
      `DO $x$BEGIN ALTER ROLE a PASSWORD $y$${mark}$y$; END$x$`,
    ],
    [
      "select format('ALTER ROLE %I PASSWORD %L', 'a', 'hunter22'); select 'b'",
      `select format('ALTER ROLE %I PASSWORD %L', '${mark}', '${mark}'); select 'b'`,
    ],
    [
      "EXECUTE 'ALTER ROLE a PASSWORD ' || quote_literal('hunter22')",
      `EXECUTE 'ALTER ROLE a PASSWORD ' || quote_literal('${mark}')`,
    ],
    ["-- ALTER ROLE a PASSWORD 'hunter22'\nselect 1", `-- ALTER ROLE a PASSWORD '${mark}'\nselect 1`],
    [
      "update users set password = 'hunter22' where name = 'a'",
      `update users set password = '${mark}' where name = 'a'`,
    ],
    ["select connect(user => 'a', password => 'hunter22')", `select connect(user => 'a', password => '${mark}')`],
    ["ALTER ROLE a PASSWORD 'hunter22", `ALTER ROLE a PASSWORD${mark}`.replace("PASSWORD", "PASSW")],
  ])("takes the secret out of %s", (sql, expected) => {
    const { text, redacted } = redact(sql, "postgres");

    // An unterminated literal is cut from the suspicious word on; how much of the word stays does not matter.
    expect(text.replace(/PASSW(ORD)?\[/, "PASSW[")).toBe(expected.replace(/PASSW(ORD)?\[/, "PASSW["));
    expect(text).not.toContain("hunter22");
    expect(redacted).toBeGreaterThan(0);
  });

  it.each([
    "select 1",
    "select password from users where id = 7",
    "ALTER ROLE a PASSWORD NULL",
    "update users set password = $1",
    "select crypt('a', gen_salt('bf'))",
    "insert into notes values ('do not tell your password, it''s a secret')",
    "select 'https://example.com/a:b@c'",
    "select * from credentials c where c.id = 3",
    "-- reset the user's password\nselect 1",
    "create function f() returns int as 'select 1' language sql -- password",
    "create table secrets (token text default 'none')",
    "ALTER SERVER s OPTIONS (SET host 'h', fetch_size '100')",
  ])("leaves %s as it is", (sql) => {
    expect(redact(sql, "postgres")).toMatchObject({ text: sql, redacted: 0 });
  });

  it("follows standard_conforming_strings where it decides what is a literal", () => {
    const sql = "select 'a\\'; ALTER ROLE x PASSWORD 'hunter22'";

    const on = redact(sql, "postgres", { standardConformingStrings: true });
    const off = redact(sql, "postgres", { standardConformingStrings: false });

    expect(on.text).toBe(`select 'a\\'; ALTER ROLE x PASSWORD '${mark}'`);
    expect(off.text).not.toContain("hunter22");
  });
});

describe("redact, Postgres bits", () => {
  it.each([
    "select b'\\'; alter role x password 'hunter22' --'",
    "select X'a\\'; alter role x password 'hunter22' --'",
    "select b'0'\n'\\'; alter role x password 'hunter22' --'",
    // A doubled quote ends bits, and begins a literal that has escapes.
    "select b'0''\\'; ' ; alter role x password 'hunter22' --'",
  ])("have no backslash escapes, whatever standard_conforming_strings says: %s", (sql) => {
    const { text } = redact(sql, "postgres", { standardConformingStrings: false });

    expect(text).toBe(sql.replace("hunter22", mark));
  });
});

describe("redact, MySQL", () => {
  it.each([
    ["select 2 */* ' */ 3; set password = 'hunter22' -- '", `select 2 */* ' */ 3; set password = '${mark}' -- '`],
    ["SET PASSWORD = 'hunter22'", `SET PASSWORD = '${mark}'`],
    ["SET PASSWORD FOR 'a'@'%' = PASSWORD('hunter22')", `SET PASSWORD FOR 'a'@'%' = PASSWORD('${mark}')`],
    ["CREATE USER 'a'@'%' IDENTIFIED BY 'hunter22'", `CREATE USER 'a'@'%' IDENTIFIED BY '${mark}'`],
    [
      "ALTER USER a IDENTIFIED WITH 'caching_sha2_password' BY \"hunter22\" REPLACE 'hunter22'",
      `ALTER USER a IDENTIFIED WITH 'caching_sha2_password' BY "${mark}" REPLACE '${mark}'`,
    ],
    ["ALTER USER a IDENTIFIED WITH x AS _binary'hunter22'", `ALTER USER a IDENTIFIED WITH x AS _binary'${mark}'`],
    [
      "ALTER USER a IDENTIFIED VIA ed25519 USING PASSWORD('hunter22') OR y USING 'hunter22'",
      `ALTER USER a IDENTIFIED VIA ed25519 USING PASSWORD('${mark}') OR y USING '${mark}'`,
    ],
    ["CREATE USER a /*!50100 IDENTIFIED BY 'hunter22' */", `CREATE USER a /*!50100 IDENTIFIED BY '${mark}' */`],
    ["CREATE USER a IDENTIFIED # '\n BY 'hun\\'ter22'", `CREATE USER a IDENTIFIED # '\n BY '${mark}'`],
    [
      "CHANGE MASTER TO MASTER_USER='u', MASTER_PASSWORD='hunter22'",
      `CHANGE MASTER TO MASTER_USER='u', MASTER_PASSWORD='${mark}'`,
    ],
    [
      "CALL mysql.rds_set_external_master('h',3306,'u','hunter22','f',1,0)",
      `CALL mysql.rds_set_external_master('${mark}',3306,'${mark}','${mark}','${mark}',1,0)`,
    ],
  ])("takes the secret out of %s", (sql, expected) => {
    expect(redact(sql, "mysql").text).toBe(expected);
  });

  it("leaves a statement without secrets as it is", () => {
    const sql = "select `password`, 5--1 as \"identified\" from users -- don't\nwhere a = 'b\\'c'";

    expect(redact(sql, "mysql").text).toBe(sql);
  });
});

describe("redact, properties", () => {
  const secret = fc.stringMatching(/^S3cr3t[\w'"\\$@ %-]{2,12}Z$/);
  const noise = fc.constantFrom("", " ", "\n", "/* ' */", "-- it's\n", " /* a /* b */ c */ ");
  const literals = {
    plain: (value: string) => `'${value.replaceAll("'", "''")}'`,
    escape: (value: string) => `E'${value.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`,
    dollar: (value: string) => `$z9$${value}$z9$`,
  };

  it("never lets a role's password through, however it is written", () => {
    fc.assert(
      fc.property(secret, noise, noise, fc.constantFrom(...Object.values(literals)), (value, one, two, literal) => {
        const written = literal(value);
        const sql = `select 'a''b'; ALTER${" "}${one} ROLE x ${two}PASSWORD${one || " "}${written};select "q"`;

        const { text, removed } = redact(sql, "postgres");

        expect(text).not.toContain("S3cr3t");
        expect(text.startsWith("select 'a''b'; ALTER")).toBe(true);
        expect(text.endsWith(';select "q"')).toBe(true);
        expect(removed.map((entry) => entry.reveal()).join()).toContain("S3cr3t");
      }),
    );
  });

  it("changes nothing but the spans it reports, for any text at all", () => {
    const piece = fc.constantFrom(
      "password",
      "'",
      "''",
      "\\",
      "$a$",
      "$$",
      "/*",
      "*/",
      "--",
      "\n",
      "(",
      ")",
      "options",
      "://",
      "@",
      ":",
      "=",
      "x",
      "E",
      ";",
      "identified",
      "by",
      '"',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.constantFrom("postgres", "mysql"), (pieces, dialect) => {
        const sql = pieces.join("");

        const { text, removed } = redact(sql, dialect);

        let rebuilt = text;
        for (const entry of removed) {
          rebuilt = rebuilt.replace(mark, () => entry.reveal());
        }
        expect(rebuilt).toBe(sql);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    "password(".repeat(100_000),
    `identified ${"as ".repeat(200_000)}`,
    `select '${"password $a".repeat(60_000)}'`,
    `password ${"-- -- ".repeat(100_000)}`,
    `password ${"'a'\n".repeat(100_000)}`,
    `select '://${"a://".repeat(100_000)}'`,
    `$$${"password ''x".repeat(60_000)}$$`,
  ])("takes time in proportion to hostile text (case %#)", (sql) => {
    // Quadratic behaviour would run into the test's own time limit.
    expect(redact(sql, "postgres").text.length).toBeLessThanOrEqual(sql.length + 20 * sql.length);
  });
});

describe("redactBytes", () => {
  it("keeps bytes that are not UTF-8 and still finds the secret among them", () => {
    const bytes = Buffer.from("ALTER ROLE \xe9 PASSWORD 'hunter\xe922'", "latin1");

    const { text } = redactBytes(bytes, "postgres", { encoding: "LATIN1" });

    expect(text).toEqual({ base64: Buffer.from(`ALTER ROLE \xe9 PASSWORD '${mark}'`, "latin1").toString("base64") });
  });

  it("is not misled by half a Shift-JIS character that looks like a backslash", () => {
    // 0x83 0x5c is one character; read as bytes, the backslash would hide the quote after it.
    const bytes = Buffer.concat([Buffer.from("ALTER ROLE x PASSWORD E'\x83\x5c' VALID UNTIL 'now'", "latin1")]);

    expect(redactBytes(bytes, "postgres", { encoding: "SJIS" }).text).toBe(
      `ALTER ROLE x PASSWORD E'${mark}' VALID UNTIL 'now'`,
    );
  });

  it("takes suspicious text out whole in an encoding that it cannot decode", () => {
    const bytes = Buffer.from("ALTER ROLE x PASSWORD 'hunter22'");

    expect(redactBytes(bytes, "postgres", { encoding: "JOHAB" }).text).toBe(mark);
  });
});

describe("redactValue", () => {
  it("takes passwords out of connection strings that are bound as values", () => {
    expect(redactValue("host=h password='hunt er22' user=u").text).toBe(`host=h password='${mark}' user=u`);
    expect(redactValue("plain text").text).toBe("plain text");
  });
});

describe("redactMessage", () => {
  it("takes out what the statement's redaction removed, and pieces that the server quotes", () => {
    const { removed } = redact("ALTER ROLE x PASSWORD 'it''s hunter22'", "postgres");

    expect(redactMessage("invalid password: it's hunter22!", removed)).toBe(`invalid password: ${mark}!`);
    expect(redactMessage(`unterminated quoted string at or near "'hunter22"`)).not.toContain("hunter22");
    expect(redactMessage(`syntax error at or near "hunter"`, removed)).not.toContain("hunter");
    expect(redactMessage('relation "users" does not exist')).toBe('relation "users" does not exist');
    expect(redactMessage('syntax error at or near "selec"')).toBe('syntax error at or near "selec"');
  });
});
