import { describe, expect, it } from "vitest";
import type { QuoteMode } from "./sql-tokens.ts";
import type { TextMode } from "./readings.ts";
import { readText } from "./statements.ts";

const usual: QuoteMode = { noBackslashEscapes: false, ansiQuotes: false };
const read = (sql: string, mode = usual, isMulti = true): ReturnType<typeof readText> =>
  readText(Buffer.from(sql), mode, isMulti);

describe("statements in a text", () => {
  it.each([
    ["select 1", 1],
    ["select 1;", 1],
    ["select 1; select 2", 2],
    [";;", 0],
    ["-- only a comment;\n;", 0],
    ["select ';', \";\", `;` /* ; */ # ;\n -- ;\n; select 2", 2],
    ["select 'it''s; ' 'a\\'; b'; select 2", 2],
    ["select 5--1; select 2", 2],
    ["/*!50000 select 1; */ select 2", 2],
    ["/*M! select 1 */; select 2", 2],
    ["select 2 */* ; */ 3; select 4", 2],
    ["create procedure p() begin select 1; if a then select 2; end if; end; select 3", 2],
    ["create procedure p() begin select case when 1 then 2 end; end; select 3", 2],
    [
      "create procedure p() begin l: loop leave l; end loop; while a do set b = if(a, 1, 2); end while; end; select 3",
      2,
    ],
    ["create definer=`a`@`%` trigger t before insert on u for each row begin set new.n = 1; end; select 1", 2],
    ["create procedure p() select 1; select 2", 2],
    ["begin; insert into t values (1); commit", 3],
    ["begin not atomic select 1; select 2; end; select 3", 2],
  ])("%s holds %i", (sql, count) => {
    expect(read(sql).spans).toHaveLength(count);
  });

  it("are one where the server would not run several", () => {
    expect(read("select 1; select 2", usual, false).spans).toHaveLength(1);
  });

  it("are told apart by the server's sql_mode", () => {
    expect(read("select 'a\\'; select 2").spans).toHaveLength(1);
    expect(read("select 'a\\'; select 2", { ...usual, noBackslashEscapes: true }).spans).toHaveLength(2);
    expect(read('select "a\\"; select 2').spans).toHaveLength(1);
    expect(read('select "a\\"; select 2', { ...usual, ansiQuotes: true }).spans).toHaveLength(2);
  });
});

describe("KILL", () => {
  it.each([
    ["kill 5", "connection", 5],
    ["KILL CONNECTION 5;", "connection", 5],
    ["kill query 5 -- now", "query", 5],
    ["kill hard query 5", "query", 5],
    ["kill soft 5", "connection", 5],
    ["/*! kill 5 */", "connection", 5],
    ["/**/kill/**/query/**/5", "query", 5],
    ["select 1; kill 5", "connection", 5],
    ["set statement max_statement_time=1 for kill 5", "connection", 5],
    ["kill query id 5", "query", undefined],
    ["kill user somebody", "connection", undefined],
    ["kill 5 + 1", "connection", undefined],
    ["kill (5)", "connection", undefined],
    ["kill connection_id()", "connection", undefined],
    ["kill 0x5", "connection", undefined],
    ["kill ?", "connection", "parameter"],
    ["prepare s from 'kill 5'", "connection", undefined],
    ["execute immediate concat('ki', 'x'); execute immediate 'KILL QUERY 5'", "connection", undefined],
    ["create procedure p() begin kill 5; end", "connection", 5],
    ["select 1 */*'*/ 1; kill 5", "connection", 5],
  ])("is seen in %s", (sql, scope, thread) => {
    expect(read(sql).kills).toEqual([{ scope, thread }]);
  });

  it.each([
    "select 'kill 5'",
    "select `kill` from t",
    "select t.kill, @kill from t",
    "select 1 -- kill 5",
    "select 1 /* kill 5 */",
    "select skill, kills from t",
  ])("is not taken for one: %s", (sql) => {
    expect(read(sql).kills).toEqual([]);
  });
});

describe("what a statement does to its session", () => {
  it.each([
    ["use shop", [{ statement: 0, database: Buffer.from("shop") }]],
    ["select 1; use `a``b`", [{ statement: 1, database: Buffer.from("a`b") }]],
    ["set names utf8mb4", [{ statement: 0, charset: "utf8mb4" }]],
    ["set names 'GBK' collate gbk_bin", [{ statement: 0, charset: "gbk" }]],
    ["set character set latin1", [{ statement: 0, charset: "latin1" }]],
    ["set @a = 1, session character_set_client = 'sjis'", [{ statement: 0, charset: "sjis" }]],
    ["set @@session.sql_mode = 'STRICT_ALL_TABLES,ANSI_QUOTES'", [{ statement: 0, ansiQuotes: true }]],
    ["set sql_mode := ''", [{ statement: 0, ansiQuotes: false }]],
    ["update t set names = 1", []],
    ["set @x = 1", []],
  ])("is read from %s", (sql, effects) => {
    expect(read(sql).effects).toEqual(effects);
  });
});

describe("KILL that only one reading of the text shows", () => {
  const kills = (sql: string, mode: TextMode = usual): number =>
    readText(Buffer.from(sql, "latin1"), mode, true).kills.length;

  it.each([
    "/*!99999 ' */ kill 5 -- '",
    "/*!99999 /* */ ' */ kill 5 -- '",
    "select '/*!99999 '; /*!99999 ' */ kill 5 -- '",
    "/*!50000 select 1 */; /*!99999 ' */ kill 5 -- '",
    "/*M!100000 ' */ kill 5 -- '",
    "set sql_mode = 'no_backslash_escapes'; select '\\'; kill 5; -- '",
    'select 1 as "\\"; kill 5; -- "',
    "select '\u00bf\\'; kill 5; -- '",
    "prepare p from 'k\\ill 5'",
    "execute immediate 'ki' 'll 5'",
    "begin not atomic execute immediate 'kill 5'; end",
    "if 1 then execute immediate 'kill 5'; end if",
    "call sys.execute_prepared_stmt('kill 5')",
  ])("%s", (sql) => {
    expect(kills(sql)).toBeGreaterThan(0);
  });

  it("is none where the server's version makes a comment of it, nor in data", () => {
    const server = { number: 80_036, isMariaDB: false };

    expect(kills("select '\u00bf'; kill 5; -- '", { ...usual, charset: "gbk" })).toBeGreaterThan(0);
    expect(kills("insert into t values ('don\\'t kill 5', \"a\\\"b\")", { ...usual, server })).toBe(0);
    expect(kills("insert into t values ('/*!50000 x */ kill 5')", { ...usual, server })).toBe(0);
    expect(kills("select prepare from t where s = 'kill'")).toBe(0);
  });

  it("names databases as they are written, whatever the character set", () => {
    const name = Buffer.from([0xbf, 0x5c]);
    const use = Buffer.concat([Buffer.from("use `"), name, Buffer.from("`")]);

    expect(readText(use, { ...usual, charset: "gbk" }, true).effects).toEqual([{ statement: 0, database: name }]);
  });
});
