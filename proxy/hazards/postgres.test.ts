import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fuzzSeed } from "#test/harness/fuzz-seed.ts";
import type { Hazard } from "./hazard.ts";
import { postgresFindings, type PostgresReading } from "./postgres.ts";
import { tokensMax } from "./tokens.ts";

const username = "read_only";
const reading: PostgresReading = { standardStrings: true, isInFlux: false, encoding: "UTF8" };
const hazardsOf = (sql: string, change: Partial<PostgresReading> = {}): Hazard[] =>
  [...postgresFindings(Buffer.from(sql), username, () => ({ ...reading, ...change })).hazards].sort();

/** Statements with what they are; each is a way around a check that looks for less than the server's own reading. */
const bypasses: readonly (readonly [sql: string, ...hazards: Hazard[]])[] = [
  ["ALTER ROLE read_only PASSWORD 'x'", "credential-change"],
  ["alter user READ_ONLY with encrypted password null", "credential-change"],
  ["alter/**/role/* /* nested */ */\"read_only\"--\npassword 'x'", "credential-change"],
  ["ALTER ROLE U&\"read\\005fonly\" PASSWORD 'x'", "credential-change"],
  ["ALTER ROLE U&\"read!005fonly\" UESCAPE '!' PASSWORD 'x'", "credential-change"],
  ["ALTER ROLE U&\"\\+000072ead_only\" PASSWORD 'x'", "credential-change"],
  ["alter role current_user password 'x'", "credential-change"],
  ["alter role CURRENT_ROLE valid until 'yesterday'", "credential-change"],
  ["alter user session_user password $$x$$", "credential-change"],
  ["alter role read_only rename to gone", "credential-change"],
  ["alter group read_only rename to gone", "credential-change"],
  ["alter role read_only nologin", "credential-change"],
  ["alter role read_only connection limit 0", "credential-change"],
  ["select 1; ; alter role read_only password 'x'", "credential-change"],
  ["begin;alter user read_only password 'x';commit", "credential-change"],
  ["do $$ begin alter role read_only password 'x'; end $$", "credential-change", "dynamic-sql"],
  ["do $a$ begin execute 'alter role read_only password ''x'''; end $a$", "credential-change", "dynamic-sql"],
  ["do E'begin perform pg\\x5fterminate_backend(1); end'", "dynamic-sql", "session-end"],
  ["create function f() returns void language sql as $$ alter role read_only password 'x' $$", "credential-change"],
  ["ALTER ROLE read_only SET search_path = evil", "role-settings"],
  ["alter role all set work_mem = '64kB'", "role-settings"],
  ["alter user current_user in database orders set role to 'x'", "role-settings"],
  ["alter role read_only reset all", "role-settings"],
  ["alter database orders set default_transaction_read_only = on", "role-settings"],
  ['alter database "a ""b""" reset all', "role-settings"],
  ["alter system set work_mem = '1MB'", "role-settings"],
  ["select pg_terminate_backend(1)", "session-end"],
  ["SELECT PG_CATALOG . /* x */ Pg_Terminate_Backend /* y */ (1)", "session-end"],
  ['select "pg_catalog"."pg_terminate_backend"(1)', "session-end"],
  ['select U&"pg\\005fterminate_backend"(1)', "session-end"],
  ["select 'E\\', pg_cancel_backend(1) --'", "session-end"],
  ["select E'\\'', pg_cancel_backend(1)", "session-end"],
  ["select $$ $a$ $$, pg_cancel_backend(1), $$ $$", "session-end"],
  ["select $a$a)b$a$,pg_cancel_backend(1)", "session-end"],
  ["select 'a' 'b'\n'c', pg_cancel_backend(1)", "session-end"],
  ["with x as (select pg_terminate_backend(1)) select * from x", "session-end"],
  ["with x as (delete from t returning pg_terminate_backend(1)) select 1", "session-end"],
  ["explain analyze select pg_terminate_backend(1)", "session-end"],
  ["explain (analyze) select pg_terminate_backend(1)", "session-end"],
  ["prepare a as select pg_terminate_backend($1)", "session-end"],
  ["prepare a (int) as select pg_terminate_backend($1)", "session-end"],
  ["copy (select pg_terminate_backend(1)) to stdout", "session-end"],
  ["declare c cursor for select pg_terminate_backend(1)", "session-end"],
  ["select * from rows from (pg_terminate_backend(1)) as x", "session-end"],
  ["create operator !!! (function = pg_terminate_backend, leftarg = int)", "session-end"],
  ["create cast (mine as bool) with function pg_catalog.pg_cancel_backend(int)", "session-end"],
  ["create view v as select pg_terminate_backend(1)", "session-end"],
  ["drop database other with (force)", "session-end"],
  ["select query_to_xml('select pg_terminate_backend(1)', true, true, '')", "dynamic-sql", "session-end"],
  ["select table_to_xml('pg_stat_activity', true, true, '')", "dynamic-sql", "session-read"],
  ["select * from pg_stat_activity", "session-read"],
  ['select*from"pg_stat_activity"', "session-read"],
  ["select * from pg_catalog.pg_stat_activity a", "session-read"],
  ["select * from orders.pg_catalog.pg_stat_activity", "session-read"],
  ["select 1from pg_stat_activity", "session-read"],
  ["select 1.5e3from pg_stat_activity", "session-read"],
  ["select * from t, pg_stat_activity", "session-read"],
  ["select * from t join s on t.a = s.a, (pg_stat_activity)", "session-read"],
  ["select * from t natural left join only (pg_stat_activity)", "session-read"],
  ["select * from t join s using (id), pg_stat_activity", "session-read"],
  ["select (select query from pg_stat_activity limit 1)", "session-read"],
  ["delete from t using pg_stat_activity", "session-read"],
  ["select * from t set, pg_stat_activity", "session-read"],
  ["select * from t as values, pg_stat_activity", "session-read"],
  ["with set as (select 1) select * from set, pg_stat_activity", "session-read"],
  ["insert into temp table pg_stat_activity", "session-read"],
  ["insert into mine.exists table pg_stat_activity", "session-read"],
  ["insert into mine as local table pg_stat_activity", "session-read"],
  ["do U&'begin perform pg!005fterminate_backend(1); end' uescape '!'", "dynamic-sql", "session-end"],
  ["do 'begin perform pg_' -- it's\n 'terminate_backend(1); end'", "dynamic-sql", "session-end"],
  ["do E'begin perform \\'x\\', pg_' \n\n'terminate_backend(1); end'", "dynamic-sql", "session-end"],
  ["select * from crosstab2('select 1, query from pg_stat_activity')", "dynamic-sql", "session-read"],
  ["table pg_stat_activity", "session-read"],
  ["create table mine as table pg_stat_activity", "session-read"],
  ["insert into mine table pg_stat_activity", "session-read"],
  ["copy pg_stat_activity to stdout", "session-read"],
  ["copy binary pg_stat_activity to stdout", "session-read"],
  ["create view v as select * from pg_stat_activity", "session-read"],
  ["select * from pg_stat_get_activity(null)", "session-read"],
  ["select pg_stat_get_backend_activity(s) from pg_stat_get_backend_idset() s", "session-read"],
  ["select query from public.pg_stat_statements", "session-read"],
  ["copy t from program 'id'", "server-access"],
  ["copy (select 1) to program 'id'", "server-access"],
  ["copy t (a, b) to '/tmp/x'", "server-access"],
  ["select pg_read_file('/etc/passwd')", "server-access"],
  ["select * from dblink('host=x', 'select 1') as t(a int)", "remote-connection"],
  ["create server s foreign data wrapper postgres_fdw", "remote-connection"],
  ["create user mapping for read_only server s", "remote-connection"],
  ["set role admin", "role-switch"],
  ["set local role = admin", "role-switch"],
  ["set session authorization admin", "role-switch"],
  ["select set_config('role', 'admin', false)", "role-switch"],
  ["do $$ begin null; end $$", "dynamic-sql"],
];

/** Ordinary statements that hold the words, which a refusal would break. */
const ordinary: readonly string[] = [
  "select 'pg_terminate_backend(1)'",
  "select $$ select * from pg_stat_activity $$",
  "select 1 -- pg_terminate_backend(1)",
  "select 1 /* ; alter role read_only password 'x' */",
  "insert into tickets (text) values ('please run: alter role read_only password ''x''; thanks')",
  "insert into tickets (text) values (E'it\\'s; alter role read_only password')",
  "select 'select * from pg_stat_activity' as pg_stat_activity",
  "select pg_stat_activity from settings",
  "select s.pg_stat_activity, a.pg_terminate_backend from settings s",
  "select * from mine.pg_stat_activity",
  "create table pg_stat_activity (a int)",
  "select 'pg_stat_activity'::regclass",
  "grant execute on function pg_terminate_backend(int, bigint) to x",
  "revoke select on pg_stat_activity from public",
  "alter role other password 'x'",
  "alter role \"READ_ONLY\" password 'x'",
  "alter role \"current_user\" password 'x'",
  "alter role other set search_path = x",
  "alter role read_only createdb",
  "alter user mapping for read_only server s options (set password 'x')",
  "alter table users add column password text",
  'alter table t rename column "read_only" to password',
  "alter database orders set tablespace fast",
  "alter database orders owner to x",
  "update users set password = 'x', role = 'admin' where name = current_user",
  "insert into t values (1) on conflict do nothing",
  "insert into t values (1) on conflict (a) do update set role = excluded.role",
  "create trigger t after insert on orders for each row execute function notify_me()",
  "create table copy (program text, role text)",
  "copy t from stdin",
  "copy t to stdout with (format csv, delimiter 'p')",
  "copy (select a from t where b = 'x') to stdout",
  "select role, password from users for update",
  "set search_path to a, b",
  "set role none",
  "reset role",
  "set session characteristics as transaction isolation level serializable",
  "create index on sessions (role)",
  "select kill, processlist from t",
  "prepare transaction 'x'",
  'select 1 as "function", now()',
  "select dblink from t",
  "create function f() returns int language sql as $$ select 1 $$",
  "insert into t select a from s on conflict (a) do update set b = 1, c = 2",
  "create temp table mine (a int)",
];

describe("postgresFindings", () => {
  it.each(bypasses)("sees through %s", (sql, ...hazards) => {
    expect(hazardsOf(sql)).toEqual(hazards);
  });

  it.each(ordinary)("lets alone %s", (sql) => {
    expect(hazardsOf(sql)).toEqual([]);
  });

  it("comments, white space and case change no verdict", () => {
    const gap = fc.constantFrom(" ", "\n", "\t", "/* ' */", "/* /* */ $$ */", "--'\n", "\f \v");
    fc.assert(
      fc.property(
        fc.constantFrom(...bypasses.filter(([sql]) => !/['"$\\]|--|\/\*/.test(sql))),
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

  it("never throws, whatever the bytes", () => {
    const piece = fc.oneof(
      fc.constantFrom(
        ..."pg_stat_activity|alter|role|'|\"|$$|U&\"|uescape|(|)|;|,|.|from|/*|*/|--|E'|\\|do|copy|execute".split("|"),
      ),
      fc.string(),
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 40 }),
        fc.constantFrom("UTF8", "SJIS", "GB18030"),
        (pieces, encoding) => {
          expect(() => hazardsOf(pieces.join(" "), { encoding, isInFlux: true })).not.toThrow();
        },
      ),
      { seed: fuzzSeed, numRuns: 2_000 },
    );
  });

  it("reads a backslash as the server's setting says, and both ways while that may be changing", () => {
    const hidden = "select '\\'||', pg_cancel_backend(1) --'";

    expect(hazardsOf(hidden)).toEqual([]);
    expect(hazardsOf(hidden, { standardStrings: false })).toEqual(["session-end"]);
    expect(hazardsOf(hidden, { isInFlux: true })).toEqual(["session-end"]);
  });

  it("off, a backslash means nothing in a bit string all the same", () => {
    const hidden = "create table if not exists t (a bit default b'\\'); select pg_cancel_backend(1) --'";

    expect(hazardsOf(hidden, { standardStrings: false })).toEqual(["session-end"]);
  });

  it("EXECUTE in a routine runs text, not a statement that has to be known", () => {
    const findings = (sql: string) => postgresFindings(Buffer.from(sql), username, () => reading);

    const told = [
      "do $$ begin execute format('create table %I (a int)', 'x'); end $$",
      "create function f(q text) returns void language plpgsql as $$ begin execute q; end $$",
    ].map(findings);

    expect(told.map(({ executes }) => executes)).toEqual([[], []]);
  });

  it("looks through a bounded number of words and says where there were more", () => {
    const [long, longer] = [tokensMax - 1, tokensMax].map((count) => `alter ${"(".repeat(count)}`);

    expect(hazardsOf(long ?? "")).toEqual([]);
    expect(hazardsOf(longer ?? "")).toEqual(["unseen-sql"]);
  });

  it("a number of megabytes takes as long as any text of that size", () => {
    // Read in all the ways in which digits can be grouped, this would take hours.
    expect(hazardsOf(`alter role read_only connection limit ${"1".repeat(4 << 20)}`)).toEqual(["credential-change"]);
  });

  it("half a character is read either way while the client's encoding may be changing", () => {
    const sql = Buffer.concat([
      Buffer.from("select E'"),
      Buffer.of(0x83, 0x5c),
      Buffer.from("', pg_cancel_backend(1) --'"),
    ]);
    const found = (isInFlux: boolean) => [...postgresFindings(sql, username, () => ({ ...reading, isInFlux })).hazards];

    expect(found(false)).toEqual([]);
    expect(found(true)).toEqual(["session-end"]);
  });

  it("half a character is no backslash where the client's encoding says so", () => {
    const sql = Buffer.concat([
      Buffer.from("select E'"),
      Buffer.from([0x83, 0x5c]),
      Buffer.from("', pg_cancel_backend(1) --'"),
    ]);

    const findings = postgresFindings(sql, username, () => ({ ...reading, encoding: "SJIS" }));

    expect([...findings.hazards]).toEqual(["session-end"]);
  });

  it("names what PREPARE prepares and EXECUTE runs, as the server folds them", () => {
    const findings = postgresFindings(
      Buffer.from('prepare A as select 1; execute a; explain analyze execute "B"; create table t as execute c(1)'),
      username,
      () => reading,
    );

    expect(findings.prepares).toEqual(["a"]);
    expect(findings.executes).toEqual(["a", "B", "c"]);
  });

  it("reads a text of a megabyte in proportion", () => {
    const sql = `select ${"'alter role ', ".repeat(80_000)} pg_cancel_backend(1)`;

    expect(hazardsOf(sql)).toEqual(["session-end"]);
  });
});
