import { createConnection, type Connection } from "mysql2/promise";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { StatementEnd, StatementStart } from "#audit/record.ts";
import { mariadbMissing, startMariaDB } from "#test/harness/mariadb.ts";
import { mysqlMissing, startMySQL } from "#test/harness/mysql.ts";
import type { TestMySql } from "#test/harness/mysql-server.ts";
import { encodeInt } from "../mysql/fields.ts";
import { trackedCapabilities } from "../mysql/protocol.ts";
import { isClose } from "../testing/journal.ts";
import { ask, bound, command, message, stringValue } from "../testing/mysql-packets.ts";
import { RawMySqlClient } from "../testing/raw-mysql-client.ts";
import { mysqlRoleSQL, role, startStand, type Stand } from "../testing/stand.ts";

// Each test is named after a pitfall of the command phase that other proxies fell into.

const servers = [
  { name: "MariaDB", missing: await mariadbMissing(), start: startMariaDB, isMariaDB: true },
  { name: "MySQL", missing: await mysqlMissing(), start: startMySQL, isMariaDB: false },
] as const;

/** A statement as it is on record. */
interface Recorded {
  readonly start: StatementStart;
  readonly end: StatementEnd | undefined;
}

describe.each(servers)("behind $name", ({ missing, start, isMariaDB }) => {
  describe.skipIf(missing !== undefined)(missing ?? "", () => {
    let server: TestMySql;
    let stand: Stand;
    let client: Connection;

    beforeAll(async () => {
      server = await start({
        initSQL: `${mysqlRoleSQL} create table t (id int auto_increment primary key, n int, s varchar(2000), b longblob);
          create procedure sets() begin select 1; select 2 union select 3; insert into t (n) values (9); end`,
      });
      stand = await startStand(server);
    });
    afterAll(async () => {
      await stand?.stop();
      await server?.stop();
    });
    beforeEach(async () => {
      client = await connect();
      stand.journal.clear();
    });
    afterEach(() => client.destroy());

    const connect = (): Promise<Connection> =>
      createConnection({
        host: "127.0.0.1",
        port: stand.port,
        user: role.username,
        password: "any",
        database: "orders",
        multipleStatements: true,
      });
    const recorded = (): readonly Recorded[] => stand.journal.statements();
    const last = (): Recorded | undefined => recorded().at(-1);

    /** Sends everything at once and leaves; resolves when all of it is on record. */
    async function converse(...bytes: readonly Buffer[]): Promise<readonly Recorded[]> {
      const { client: raw } = await RawMySqlClient.start(stand.port, {
        flags: trackedCapabilities.mysql & (isMariaDB ? ~0x0800_0001 : ~0x0800_0000),
        extended: isMariaDB ? trackedCapabilities.mariaDB : 0,
        ...(isMariaDB ? { plugin: "mysql_native_password", authResponse: Buffer.alloc(20, 7) } : {}),
      });
      raw.socket.write(Buffer.concat([...bytes, ask.quit()]));
      await stand.journal.until(isClose);
      return recorded();
    }

    it("prepared parameters: types that were remembered, long data that is absent from the values, NULL that is not empty", async () => {
      const sql = "insert into t (n, s, b) values (?, ?, ?)";
      const { client: raw } = await RawMySqlClient.start(stand.port, {
        flags: trackedCapabilities.mysql & ~0x0800_0000,
        ...(isMariaDB ? { plugin: "mysql_native_password", authResponse: Buffer.alloc(20, 7) } : {}),
      });
      raw.socket.write(ask.prepare(sql));
      const id = (await raw.next()).payload.readUInt32LE(1);
      const first = bound([
        [3, encodeInt(7, 4)],
        [253, stringValue("")],
        [252, undefined],
      ]);
      const again = bound(
        [
          [3, encodeInt(8, 4)],
          [253, null],
          [252, stringValue("in line")],
        ],
        false,
      );

      raw.socket.write(
        Buffer.concat([
          ask.longData(id, 2, "in "),
          ask.longData(id, 2, "pieces"),
          ask.execute(id, first),
          ask.execute(id, again),
          ask.quit(),
        ]),
      );
      await stand.journal.until(isClose);

      const base64 = (text: string): { base64: string } => ({ base64: Buffer.from(text).toString("base64") });
      expect(recorded().slice(1)).toMatchObject([
        {
          start: { parameters: [{ value: "7" }, { value: "" }, { value: base64("in pieces") }] },
          end: { outcome: "ok" },
        },
        {
          start: { parameters: [{ value: "8" }, { value: null }, { value: base64("in line") }] },
          end: { outcome: "ok" },
        },
      ]);
      const rows = await server.query("select n, s, cast(b as char) b from t order by id desc limit 2");
      expect(rows).toEqual([
        { n: 8, s: null, b: "in line" },
        { n: 7, s: "", b: "in pieces" },
      ]);
    });

    it("multi-statements: one text, one result each, and what did not run after an error is said", async () => {
      await client.query("select 1; select 2 union select 3; select * from missing; delete from t").catch(() => {});

      expect(last()).toMatchObject({
        start: { statements: 4 },
        end: {
          outcome: "error",
          errno: 1146,
          rows: 3,
          results: [
            { outcome: "ok", rows: 1 },
            { outcome: "ok", rows: 2 },
            { outcome: "error" },
            { outcome: "not-executed" },
          ],
        },
      });
    });

    it("CALL gives several sets and an OK of its own, by text and prepared", async () => {
      await client.query("call sets(); select 4");
      await client.execute("call sets()");

      const [byText, , prepared] = recorded();
      const ofCall = [{ rows: 1 }, { rows: 2 }, { affectedRows: 1 }];
      expect(byText?.end).toMatchObject({ outcome: "ok", results: [...ofCall, { rows: 1 }] });
      expect(prepared?.end).toMatchObject({ outcome: "ok", results: ofCall });
    });

    it("cursors return their rows by COM_STMT_FETCH, counted for each", async () => {
      const { client: raw } = await RawMySqlClient.start(stand.port, {
        flags: trackedCapabilities.mysql & ~0x0800_0000,
        ...(isMariaDB ? { plugin: "mysql_native_password", authResponse: Buffer.alloc(20, 7) } : {}),
      });
      raw.socket.write(ask.prepare("select 1 union select 2 union select 3"));
      const id = (await raw.next()).payload.readUInt32LE(1);

      raw.socket.write(
        Buffer.concat([ask.execute(id, Buffer.alloc(0), 1), ask.fetch(id, 2), ask.fetch(id, 2), ask.quit()]),
      );
      await stand.journal.until(isClose);

      expect(recorded().slice(1)).toMatchObject([
        { start: { statement: 2 }, end: { outcome: "ok", suspended: true } },
        { start: { rowLimit: 2, continues: 2 }, end: { outcome: "ok", rows: 2 } },
        { start: { rowLimit: 2, continues: 2 }, end: { outcome: "ok", rows: 1 } },
      ]);
    });

    it("CHANGE_USER, BINLOG_DUMP, REGISTER_SLAVE, TABLE_DUMP, SHUTDOWN and unknown commands are refused, and the session goes on", async () => {
      const numbers = [0x05, 0x06, 0x08, 0x11, 0x12, 0x13, 0x15, 0x1e, 0x20, 0x66];

      const statements = await converse(
        ...numbers.map((number) => command(number, "anything")),
        message(Buffer.alloc(0)),
        ask.query("select 1"),
      );

      expect(statements.map(({ end }) => [end?.outcome, end?.errno])).toEqual([
        ...[...numbers, 0].map(() => ["not-executed", 1047]),
        ["ok", undefined],
      ]);
      expect(JSON.stringify(statements)).not.toContain("anything");
    });

    it("RESET_CONNECTION clears statements, and COM_SET_OPTION is on record", async () => {
      const statements = await converse(command(0x1b, encodeInt(0, 2)), command(0x1f), ask.execute(1));

      expect(statements.map(({ start: { sql }, end }) => [sql, end?.outcome, end?.errno])).toEqual([
        ["COM_SET_OPTION 0", "ok", undefined],
        ["COM_RESET_CONNECTION", "ok", undefined],
        ["COM_STMT_EXECUTE", "not-executed", 1243],
      ]);
    });

    it("session tracking: the current database is on record, and the one of the moment only", async () => {
      await server.query("create database if not exists other; grant all on other.* to read_only@'%'");

      await client.query("use other");
      await client.query("select 1");
      await client.changeUser({ database: "orders" }).catch(() => {});
      await client.query("use orders; select 2");
      await client.query("select 3");

      const databases = recorded().map(({ start: { sql, database } }) => [sql, database]);
      expect(databases).toContainEqual(["use other", undefined]);
      expect(databases).toContainEqual(["select 1", "other"]);
      expect(databases.at(-1)).toEqual(["select 3", undefined]);
    });

    it("the charset of the moment decides what bytes mean: text that is not UTF-8 is kept as bytes, values are read by it", async () => {
      const latin1 = Buffer.from("select '\xe9'", "latin1");

      const statements = await converse(
        ask.query("set names latin1"),
        ask.query(latin1),
        ...(isMariaDB
          ? [ask.prepare("select ?"), ask.execute(0xffff_ffff, bound([[253, Buffer.from("\x01\xe9", "latin1")]]))]
          : []),
      );

      expect(statements[1]?.start).toMatchObject({ encoding: "latin1", sql: { base64: latin1.toString("base64") } });
      expect(statements[3]?.start.parameters ?? [{ value: "é" }]).toMatchObject([{ value: "é" }]);
    });

    it("transaction state follows the status flags", async () => {
      await client.query("begin");
      await client.query("select 1");
      await client.query("rollback");

      expect(recorded().map(({ start: { transaction }, end }) => [transaction, end?.transaction])).toEqual([
        ["idle", "transaction"],
        ["transaction", "transaction"],
        ["transaction", "idle"],
      ]);
    });

    it("KILL of a connection of another grant is refused, as text, prepared, hidden in a comment or as a command", async () => {
      const attempts = ["kill 1", "/*! kill query 1 */", "select 1; KILL /* x */ CONNECTION 1", "kill 1 + 0"];

      for (const sql of attempts) {
        await expect(client.query(sql)).rejects.toThrow();
      }
      await expect(client.execute("kill ?", [1])).rejects.toThrow();
      await expect(client.query("prepare s from 'kill 1'")).rejects.toThrow();

      const outcomes = recorded()
        .filter(({ start: { notices } }) => notices?.includes("prepared") !== true)
        .map(({ end }) => end?.outcome);
      expect(outcomes).toEqual(Array.from({ length: isMariaDB ? 6 : 5 }, () => "not-executed"));
    });

    it("KILL QUERY of a connection of the same grant is a cancel", async () => {
      const other = await connect();
      const running = other.query("select sleep(600)").then(
        ([rows]) => JSON.stringify(rows),
        (error: unknown) => String(error),
      );
      const started = "select 1 from information_schema.processlist where info like 'select sleep(600)%'";
      while ((await server.query(started)).length === 0) {}

      await client.query(`kill query ${other.threadId}`);

      // MariaDB fails the statement, MySQL lets SLEEP return early.
      expect(await running).toMatch(/interrupted|"sleep\(600\)":1/i);
      expect(recorded().find(({ start: { sql } }) => String(sql).startsWith("kill"))?.end?.outcome).toBe("ok");
      other.destroy();
    });

    it("LOCAL INFILE was not agreed on: the server refuses it by itself", async () => {
      await expect(client.query("load data local infile '/etc/hostname' into table t")).rejects.toThrow();

      expect(last()?.end).toMatchObject({ outcome: "error" });
    });

    it("what the OK packet says is on record: affected rows, last insert id, warnings, info", async () => {
      await client.query("insert into t (n) values (1), (2)");
      await client.query("insert ignore into t (id, n) values (1, 1), (1, 1)");

      const [first, second] = recorded();
      expect(first?.end).toMatchObject({ affectedRows: 2, lastInsertID: expect.stringMatching(/^\d+$/) });
      expect(first?.end?.info).toContain("Records: 2");
      expect(second?.end?.warnings).toBeGreaterThan(0);
    });

    if (isMariaDB) {
      it("MariaDB: a bulk execution is on record with all its values, DEFAULT told from NULL", async () => {
        const rows = Buffer.concat([
          encodeInt(3, 2),
          encodeInt(253, 2),
          Buffer.from([0]),
          encodeInt(41, 4),
          Buffer.from([0]),
          stringValue("one"),
          Buffer.from([1, 2]),
        ]);

        const statements = await converse(
          ask.prepare("insert into t (n, s) values (?, ?)"),
          ask.bulk(0xffff_ffff, 0x80, rows),
        );

        expect(statements[1]).toMatchObject({
          start: {
            notices: ["bulk"],
            parameters: [{ value: "41" }, { value: "one" }, { value: null }, { value: null, instead: "default" }],
          },
          end: { outcome: "ok", affectedRows: 2 },
        });
      });
    }

    if (!isMariaDB) {
      it("QUERY_ATTRIBUTES: the text begins behind them, and they are on record", async () => {
        const { client: raw } = await RawMySqlClient.start(stand.port, { flags: trackedCapabilities.mysql });
        const attribute = Buffer.concat([Buffer.from([0xfe, 0]), stringValue("trace")]);
        const withText = (sql: string): Buffer => command(0x03, 1, 1, 0, 1, attribute, stringValue("abc"), sql);
        raw.socket.write(Buffer.concat([withText("select 1"), command(0x16, "select ?")]));
        await raw.next();
        const values = Buffer.concat([
          Buffer.from([2, 0, 1, 3, 0, 0]),
          attribute,
          encodeInt(77, 4),
          stringValue("def"),
        ]);
        raw.socket.write(Buffer.concat([ask.execute(1, values, 8), ask.quit()]));
        await stand.journal.until(isClose);

        const said = (value: string): unknown => [{ name: "trace", type: 254, format: "text", value }];
        expect(recorded()).toMatchObject([
          { start: { sql: "select 1", attributes: said("abc") }, end: { outcome: "ok", rows: 1 } },
          { start: { sql: "select ?" } },
          { start: { parameters: [{ value: "77" }], attributes: said("def") }, end: { outcome: "ok", rows: 1 } },
        ]);
      });
    }
  });
});
