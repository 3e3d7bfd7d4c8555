import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fuzzSeed } from "#test/harness/fuzz-seed.ts";
import type { Hazard } from "./hazard.ts";
import { mysqlFindings, type MySqlReading } from "./mysql.ts";

const reading: MySqlReading = { noBackslashEscapes: false, ansiQuotes: false, encoding: "UTF8", schema: "orders" };
const hazardsOf = (sql: string, change: Partial<MySqlReading> = {}): Hazard[] =>
  [...mysqlFindings(Buffer.from(sql), "read_only", () => ({ ...reading, ...change })).hazards].sort();

const bypasses: readonly (readonly [sql: string, ...hazards: Hazard[]])[] = [
  ["/*!50000alter user current_user() account lock*/", "credential-change"],
  ["if 1 then set password = 'x'; end if", "credential-change"],
  ["case when 1 then show processlist; end case", "session-read"],
  ["set statement max_statement_time = 5 for set password = 'x'", "credential-change"],
  ["set statement max_statement_time = 5 for show processlist", "session-read"],
  ["begin not atomic declare exit handler for sqlexception set password = 'x'; end", "credential-change"],
  ["begin not atomic declare exit handler for not found, 1234 show processlist; end", "session-read"],
  [
    "begin not atomic select * from (select case when 1 then 2 end) b, information_schema.processlist; end",
    "session-read",
  ],
  ["update t, performance_schema.threads p set t.i = p.processlist_info", "session-read"],
  ["with c as (select 1) update ignore information_schema.processlist p, t set t.i = p.info", "session-read"],
  ["use performance_schema; select * from threads", "session-read"],
  ["/*!99999 /* */ ' */ set password = 'x' -- '", "credential-change"],
  ["select '/*!99999 '; /*!99999 /* */ ' */ set password = 'x' -- '", "credential-change"],
  ['select 1 as "\\"; set password = 1; -- "', "credential-change"],
  ["show analyze for 3", "session-read"],
  ["show binlog events", "session-read"],
  ["select * from sys.schema_table_lock_waits", "session-read"],
  ["select sys.ps_thread_trx_info(1)", "session-read"],
  ["select * from performance_schema.user_variables_by_thread", "session-read"],
  ["grant usage on *.* to current_user() with max_user_connections 1", "credential-change"],
  ["SET PASSWORD = 'x'", "credential-change"],
  ["set/**/password='x'", "credential-change"],
  ["set /*!50000 password */ = 'x'", "credential-change"],
  ["set /*M!100000 password */ = 'x'", "credential-change"],
  ["select 2 */* ' */ 3; set password = 'x' -- '", "credential-change"],
  ["/*!99999 ' */ set password = 'x' -- '", "credential-change"],
  ["/*!50000 set */ /*!99999 ' */ /*M! '*/ password = 'x' -- '", "credential-change"],
  ["set password to random", "credential-change"],
  ["set password for current_user() = 'x'", "credential-change"],
  ["set password for 'read_only'@'%' = 'x'", "credential-change"],
  ["set @a = (select 1, 2), password = 'x'", "credential-change"],
  ["select 1; set password = 'x'", "credential-change"],
  ["alter user user() identified by 'x'", "credential-change"],
  ["ALTER USER USER() IDENTIFIED BY 'x' REPLACE 'y'", "credential-change"],
  ["alter user if exists current_user identified by 'x'", "credential-change"],
  ["alter user other@h, `read_only`@`%` account lock", "credential-change"],
  ['alter user "read_only"@localhost password expire', "credential-change"],
  ["alter user Read_Only identified by 'x'", "credential-change"],
  ["rename user 'read_only'@'%' to gone", "credential-change"],
  ["rename user a to b, read_only to gone", "credential-change"],
  ["drop user if exists read_only", "credential-change"],
  ["create or replace user read_only identified by 'x'", "credential-change"],
  ["grant usage on *.* to read_only identified by 'x'", "credential-change"],
  ["begin not atomic set password = 'x'; end", "credential-change"],
  ["execute immediate 'set password = ''x'''", "credential-change"],
  ["prepare s from 'alter user user() identified by \"x\"'", "credential-change"],
  ["set global sql_mode = ''", "role-settings"],
  ["set persist max_connections = 1", "role-settings"],
  ["set @@global.init_connect = 'x'", "role-settings"],
  ["set @a = 1, @@persist . max_connections = 1", "role-settings"],
  ["set session a = 1, global read_only = 1", "role-settings"],
  ["reset persist", "role-settings"],
  ["set default role none", "role-settings"],
  ["set default role all to read_only", "role-settings"],
  ["set default role x for current_user", "role-settings"],
  ["alter user read_only default role all", "role-settings"],
  ["call mysql.rds_kill(5)", "session-end"],
  ["call `mysql`.`rds_kill_query`(5)", "session-end"],
  ["show processlist", "session-read"],
  ["SHOW FULL PROCESSLIST", "session-read"],
  ["show /*! full */ processlist", "session-read"],
  ["show engine innodb status", "session-read"],
  ["show explain for 5", "session-read"],
  ["explain for connection 5", "session-read"],
  ["explain format=json for connection 5", "session-read"],
  ["select * from information_schema.processlist", "session-read"],
  ["select * from INFORMATION_SCHEMA . `PROCESSLIST`", "session-read"],
  ["select * from t straight_join performance_schema.threads", "session-read"],
  ["select * from performance_schema.events_statements_history_long", "session-read"],
  ["select * from sys.x$processlist", "session-read"],
  ["select * from mysql.general_log", "session-read"],
  ["table performance_schema.processlist", "session-read"],
  ["select * from events_statements_current", "session-read"],
  ["with x as (select * from information_schema.innodb_trx) select * from x", "session-read"],
  ["load data infile '/x' into table t", "server-access"],
  ["select 1 into outfile '/x'", "server-access"],
  ["select load_file('/x')", "server-access"],
  ["set role admin", "role-switch"],
  ["prepare s from @sql", "unseen-sql"],
  ["execute immediate concat('ki', 'll 5')", "unseen-sql"],
];

const ordinary: readonly string[] = [
  "select 'set password = 1'",
  "insert into t values ('it\\'s; set password = 1')",
  "insert into t values (\"; alter user user() identified by 'x'\")",
  "select 1 # ; set password = 'x'",
  "select 1 -- ; set password = 'x'",
  "select password, role, global from users",
  "update users set password = 'x', role = 'y' where name = 'read_only'",
  "set @password = 'x'",
  "set @global = 1, session sql_mode = ''",
  "set names utf8mb4, @@session.wait_timeout = 1",
  "alter user other identified by 'x'",
  "set password for other@'%' = 'x'",
  "alter table users rename column a to password",
  "create user new_one identified by 'read_only'",
  "grant select on t to read_only",
  "drop table if exists read_only",
  "select * from threads, session",
  "select * from mine.processlist",
  "select processlist from t",
  "select * from information_schema.tables",
  "create table processlist (a int)",
  "show tables",
  "show create table t",
  "explain select * from t for update",
  "set role none",
  "set role = 1",
  "prepare s from 'select ?'",
  "select default(role) from t",
];

describe("mysqlFindings", () => {
  it.each(bypasses)("sees through %s", (sql, ...hazards) => {
    expect(hazardsOf(sql)).toEqual(hazards);
  });

  it.each(ordinary)("lets alone %s", (sql) => {
    expect(hazardsOf(sql)).toEqual([]);
  });

  it("a table of the current schema needs no schema in its name", () => {
    expect(hazardsOf("select * from threads", { schema: "performance_schema" })).toEqual(["session-read"]);
  });

  it("quotes mean what sql_mode says, and both where the text changes it", () => {
    expect(hazardsOf("select 'a\\'; set password = 1 -- '", { noBackslashEscapes: true })).toEqual([
      "credential-change",
    ]);
    expect(hazardsOf("set sql_mode = 'no_backslash_escapes'; select 'a\\'; set password = 1 -- '")).toEqual([
      "credential-change",
    ]);
  });

  it("half a character is no backslash", () => {
    const sql = Buffer.concat([
      Buffer.from("select '"),
      Buffer.from([0x95, 0x5c]),
      Buffer.from("'; set password = 1 -- '"),
    ]);

    const findings = mysqlFindings(sql, "read_only", () => ({ ...reading, encoding: "GBK" }));

    expect([...findings.hazards]).toEqual(["credential-change"]);
  });

  it("comments, white space and case change no verdict", () => {
    const gap = fc.constantFrom(" ", "\n", "/* ' */", "# '\n", "-- '\n", "\t/**/");
    fc.assert(
      fc.property(
        fc.constantFrom(...bypasses.filter(([sql]) => !/['"`\\#]|\/\*/.test(sql))),
        fc.array(gap, { minLength: 40, maxLength: 40 }),
        fc.array(fc.boolean(), { minLength: 60, maxLength: 60 }),
        ([sql, ...hazards], gaps, upper) => {
          const words = sql.split(/\s+/).map((word, index) => (upper[index] === true ? word.toUpperCase() : word));

          const spaced = words.flatMap((word, index) => [gaps[index] ?? " ", word]).join("");

          expect(hazardsOf(spaced)).toEqual(hazards);
        },
      ),
      { seed: fuzzSeed, numRuns: 500 },
    );
  });
});
