import fc from "fast-check";
import { createConnection } from "mysql2/promise";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Parameter, StatementEnd, StatementStart } from "#audit/record.ts";
import { redact } from "#audit/redact/redact.ts";
import { bytesOfText, readableText } from "#audit/text.ts";
import { fuzzSeed } from "#test/harness/fuzz-seed.ts";
import { mariadbMissing, startMariaDB } from "#test/harness/mariadb.ts";
import type { TestMySql } from "#test/harness/mysql-server.ts";
import { capability } from "../mysql/capabilities.ts";
import { encodeInt } from "../mysql/fields.ts";
import { lastPreparedID, trackedCapabilities } from "../mysql/protocol.ts";
import { type LogEntry, readGeneralLog } from "../testing/general-log.ts";
import { isClose } from "../testing/journal.ts";
import { ask, bound, command, stringValue } from "../testing/mysql-packets.ts";
import { RawMySqlClient } from "../testing/raw-mysql-client.ts";
import { mysqlRoleSQL, role, startStand, type Stand } from "../testing/stand.ts";

// The server's own general log is the judge: what it says that it was asked is what must be on record, one to one and in order.

const missing = await mariadbMissing();
let server: TestMySql;
let stand: Stand;

beforeAll(async () => {
  if (missing === undefined) {
    server = await startMariaDB({
      generalLog: true,
      initSQL: `${mysqlRoleSQL} create table t (id int auto_increment primary key, n bigint, s varchar(2000), b longblob, d datetime(6));
        create procedure two_sets() begin select 1; select 2; end`,
    });
    stand = await startStand(server);
  }
});
afterAll(async () => {
  await stand?.stop();
  await server?.stop();
});

/** A piece of a conversation. */
interface Step {
  readonly bytes: readonly Buffer[];
  readonly prepares?: boolean;
}

const one = (...bytes: Buffer[]): Step => ({ bytes });
const rowsOf = (count: number): string =>
  `select '${Array.from({ length: count }, (_, n) => n).join("' union all select '")}' /* rows ${count} */`;

/** Text that quotes, comments and line ends must not lead astray. */
const text = fc
  .array(fc.constantFrom("a", "ü", "'", '"', "\\", "`", ";", "--", "#", "/*", "*/", " ", "日", "\t"), {
    maxLength: 12,
  })
  .map((parts) => parts.join(""));
const quoted = (value: string): string => `'${value.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;

/** SQL that prepares and executes is one statement on record; the server logs what it prepared and executed besides. */
const sqlPrepared = "prepare p from 'select ?'; execute p using @a; deallocate prepare p";
const insideOfSQLPrepared = [
  { command: "Prepare", text: "select ?" },
  { command: "Execute", text: "select NULL" },
];

const query: fc.Arbitrary<Step> = fc.oneof(
  fc.integer({ min: 1, max: 5 }).map((count) => one(ask.query(rowsOf(count)))),
  text.map((value) => one(ask.query(`insert into t (s) values (${quoted(value)})`))),
  text.map((value) => one(ask.query(`select ${quoted(value)}; selec; select 2`))),
  fc.constantFrom(
    one(ask.query("call two_sets(); select 3")),
    one(ask.query("select 1; select 1/0; select * from missing; select 4")),
    one(ask.query("begin")),
    one(ask.query("commit")),
    one(ask.query("set password for nobody = password('S3cret'); select 1")),
    one(ask.query("use orders")),
    one(ask.query("")),
    one(ask.query("-- nothing")),
    one(ask.query(sqlPrepared)),
    one(ask.query("set names latin1; set names utf8mb4")),
  ),
);
const other: fc.Arbitrary<Step> = fc.constantFrom(
  one(ask.ping()),
  one(command(0x02, "orders")),
  one(command(0x02, "missing")),
  one(command(0x04, "t\0%")),
  one(command(0x09)),
  one(command(0x0a)),
  one(command(0x11, "other")),
  one(command(0x12, "binlog")),
  one(command(0x77)),
  one(command(0x17, "short")),
  one(ask.kill(77)),
  one(ask.query("kill query 77")),
  one(ask.fetch(99, 1)),
  one(ask.reset(99)),
);

/** Values of every type, as `[type, bytes]`; a pair of the record's and the log's own form follows from the record. */
const value = fc.oneof(
  fc.integer({ min: -128, max: 127 }).map((n) => [1, Buffer.from([n & 0xff])] as const),
  fc.integer({ min: 0, max: 65_535 }).map((n) => [0x8002, encodeInt(n, 2)] as const),
  fc.integer({ min: 0, max: 2 ** 31 - 1 }).map((n) => [3, encodeInt(n, 4)] as const),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((n) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(n);
    return [8, bytes] as const;
  }),
  fc.integer({ min: -1_000, max: 1_000 }).map((n) => {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(n / 4);
    return [5, bytes] as const;
  }),
  text.map((string) => [253, stringValue(string)] as const),
  text.map((string) => [252, stringValue(string)] as const),
  fc.constant([253, null] as const),
  fc.constant([12, Buffer.from([7, 0xea, 7, 11, 23, 9, 30, 1])] as const),
  fc.constant([10, Buffer.from([4, 0xea, 7, 11, 23])] as const),
  fc.constant([11, Buffer.from([12, 1, 1, 0, 0, 0, 2, 3, 4, 1, 0, 0, 0])] as const),
);
const executed: fc.Arbitrary<Step> = fc
  .tuple(fc.array(value, { maxLength: 4 }), fc.boolean(), fc.boolean(), fc.boolean())
  .map(([values, isAgain, hasPieces, isBroken]) => {
    const marks = values.map(() => "?").join(", ");
    const sql = isBroken ? `selec ${marks}` : values.length === 0 ? "select 1 union select 2" : `select ${marks}`;
    const pieces = values.findIndex(([type]) => type === 252);
    const isInPieces = hasPieces && pieces >= 0;
    const sent = values.map(([type, bytes], index) =>
      isInPieces && index === pieces ? ([type, undefined] as const) : ([type, bytes] as const),
    );
    return {
      prepares: true,
      bytes: [
        ask.prepare(sql),
        ...(isInPieces
          ? [ask.longData(lastPreparedID, pieces, "in "), ask.longData(lastPreparedID, pieces, "pieces")]
          : []),
        ask.execute(lastPreparedID, values.length === 0 ? Buffer.alloc(0) : bound(sent)),
        ...(isAgain && values.length > 0 ? [ask.execute(lastPreparedID, bound(values, false))] : []),
        ...(isAgain ? [ask.close(lastPreparedID)] : []),
      ],
    };
  });
const cursor: Step = one(
  ask.prepare("select 1 union select 2 union select 3"),
  ask.execute(lastPreparedID, Buffer.alloc(0), 1),
  ask.fetch(lastPreparedID, 2),
  ask.fetch(lastPreparedID, 2),
  ask.reset(lastPreparedID),
);
const bulk: Step = one(
  ask.prepare("insert into t (n, s) values (?, ?)"),
  ask.bulk(
    lastPreparedID,
    0x80,
    Buffer.concat([
      encodeInt(3, 2),
      encodeInt(253, 2),
      Buffer.from([0]),
      encodeInt(8, 4),
      Buffer.from([0]),
      stringValue("row"),
      Buffer.from([1, 2]),
    ]),
  ),
);
const step = fc.oneof({ weight: 3, arbitrary: query }, other, { weight: 3, arbitrary: executed }, fc.constant(cursor));

const { mysql, mariaDB } = trackedCapabilities;
const withoutEOF = mysql & ~capability.queryAttributes;
const clients = [
  ["with every flag", { flags: withoutEOF }],
  ["with EOF packets", { flags: withoutEOF & ~capability.deprecateEOF }],
  ["without session tracking", { flags: withoutEOF & ~capability.sessionTrack }],
  ["of MariaDB's own", { flags: withoutEOF & ~capability.longPassword, extended: mariaDB }],
  [
    "of MariaDB's own with EOF packets",
    { flags: withoutEOF & ~capability.longPassword & ~capability.deprecateEOF, extended: mariaDB },
  ],
] as const;

/** How MariaDB writes a bound value into its log. */
function asLogged({ type, value: recorded }: Parameter): string {
  if (recorded === null) {
    return "NULL";
  }
  const written = readableText(typeof recorded === "string" ? recorded : { base64: recorded.base64 });
  switch (type) {
    case 10:
      return `DATE'${written}'`;
    case 11:
      return `TIME'${written}'`;
    case 12:
      return `TIMESTAMP'${written}'`;
    case 252:
    case 253: {
      const bytes = bytesOfText(recorded).toString("utf8");
      return `'${bytes.replaceAll(/[\\'"]/g, String.raw`\$&`)}'`;
    }
    default:
      return written;
  }
}

/** What the server must have logged of a statement; undefined for what it does not log or must not have seen. */
function logged(start: StatementStart, end: StatementEnd | undefined): Omit<LogEntry, "thread"> | undefined {
  const sql = readableText(start.sql ?? "");
  if (start.notices?.includes("refused") === true || start.rowLimit !== undefined) {
    return undefined;
  }
  if (start.protocol === "simple") {
    return { command: "Query", text: sql };
  }
  if (start.protocol === "command") {
    const [name = "", ...rest] = sql.split(" ");
    const words: Record<string, string> = {
      COM_INIT_DB: "Init DB",
      COM_FIELD_LIST: "Field List",
      COM_STATISTICS: "Statistics",
      COM_PROCESS_INFO: "Processlist",
    };
    const said = words[name];
    // The name of a database that was refused is not logged, but the reason.
    const isRefused = name === "COM_INIT_DB" && end?.outcome === "error";
    return said === undefined ? undefined : { command: said, text: isRefused ? "*" : rest.join(" ") };
  }
  if (start.notices?.includes("prepared") === true) {
    return end?.outcome === "error" ? undefined : { command: "Prepare", text: sql };
  }
  if (end?.errno === 1835) {
    // The statement prepared last is executed with its types only.
    return undefined;
  }
  if (start.notices?.includes("bulk") === true) {
    return { command: "Execute", text: sql };
  }
  let next = 0;
  const parameters = start.parameters ?? [];
  const text = sql.replaceAll("?", () => asLogged(parameters[next++] ?? { type: 0, format: "text", value: null }));
  return { command: "Execute", text };
}

const notRecorded: ReadonlySet<string> = new Set(["Connect", "Quit", "Close stmt", "Long Data", "Reset stmt"]);

function expectAccounted(threadID: number): void {
  const entries = readGeneralLog(server.generalLogFile, new Set([threadID])).filter(
    (entry) => !notRecorded.has(entry.command),
  );
  const said = stand.journal.statements().flatMap(({ start, end }) => {
    const entry = logged(start, end);
    return entry === undefined ? [] : entry.text === sqlPrepared ? [entry, ...insideOfSQLPrepared] : [entry];
  });
  expect(said.map((entry) => ({ ...entry, text: entry.text.trim() }))).toEqual(
    entries.map(({ command: word, text: line }, index) => ({
      command: word,
      // What is on record was redacted before it was written.
      text: said[index]?.text === "*" ? "*" : redact(line.trim(), "mysql").text,
    })),
  );
}

describe.skipIf(missing !== undefined)(`MariaDB's general log accounts for the audit trail${missing ?? ""}`, () => {
  it.each(clients)("one to one, over any conversation of a client %s that never waits", async (_, login) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 10 }), fc.boolean(), async (steps, isBulk) => {
        stand.journal.clear();
        const isMariaDB = "extended" in login;
        const { client, greeting } = await RawMySqlClient.start(stand.port, {
          ...login,
          plugin: "mysql_native_password",
          authResponse: Buffer.alloc(20, 7),
        });

        const all = [...steps, ...(isBulk && isMariaDB ? [bulk] : [])];
        client.socket.write(Buffer.concat([...all.flatMap(({ bytes }) => bytes), ask.quit()]));
        const close = await stand.journal.until(isClose);

        expect(close).toMatchObject({ reason: "client-closed", backend: "gone" });
        expectAccounted(greeting.threadID);
        for (const { start, end } of stand.journal.statements()) {
          expect(end).toBeDefined();
          const [, rows] = /rows (\d+)/.exec(readableText(start.sql ?? "")) ?? [];
          if (rows !== undefined) {
            expect(end).toMatchObject({ outcome: "ok", rows: Number(rows) });
          }
        }
      }),
      { numRuns: 30, seed: fuzzSeed },
    );
  });

  it("one to one, over a workload of mysql2", async () => {
    stand.journal.clear();
    const connection = await createConnection({
      host: "127.0.0.1",
      port: stand.port,
      user: role.username,
      password: "any",
      database: "orders",
      multipleStatements: true,
    });
    const { threadId } = connection;
    for (let round = 0; round < 20; round += 1) {
      await connection.query("insert into t (n, s) values (?, ?)", [round, `it's ${round}`]);
      await connection.execute("insert into t (n, s, b) values (?, ?, ?)", [round, "ü'\\", Buffer.from("bytes")]);
      await connection.execute("select * from t where n = ? and s <> ?", [round, null]);
      await connection.query("selec").catch(() => {});
      await connection.execute("selec ?", [1]).catch(() => {});
      await connection.query("select 1; select 2; select * from missing; select 3").catch(() => {});
      await connection.beginTransaction();
      await connection.rollback();
      await connection.ping();
    }
    await connection.end();
    await stand.journal.until(isClose);

    expectAccounted(threadId);
    expect(stand.journal.starts.length).toBeGreaterThan(100);
  });
});
