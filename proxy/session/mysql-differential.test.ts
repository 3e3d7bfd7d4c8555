import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readableText } from "#audit/text.ts";
import { fuzzSeed } from "#test/harness/fuzz-seed.ts";
import { mariadbMissing, startMariaDB } from "#test/harness/mariadb.ts";
import type { TestMySql } from "#test/harness/mysql-server.ts";
import { capability } from "../mysql/capabilities.ts";
import { encodeInt } from "../mysql/fields.ts";
import { lastPreparedID, trackedCapabilities } from "../mysql/protocol.ts";
import { isClose } from "../testing/journal.ts";
import { accountOf, sqlPrepared } from "../testing/mysql-accounting.ts";
import { ask, bound, command, stringValue } from "../testing/mysql-packets.ts";
import { RawMySqlClient } from "../testing/raw-mysql-client.ts";
import { mysqlRoleSQL, startStand, type Stand } from "../testing/stand.ts";

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
        const { said, logged } = accountOf(stand.journal, server, greeting.threadID);
        expect(said).toEqual(logged);
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
});
