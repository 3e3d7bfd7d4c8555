import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startGoBetween } from "#test/harness/go-between.ts";
import { startPostgres, type TestPostgres } from "#test/harness/postgres.ts";
import { encodeMessage, encodeNotice, encodeParameterStatus } from "../postgres/encode.ts";
import { back } from "../postgres/protocol.ts";
import { isClose } from "../testing/journal.ts";
import { errorField, RawClient, say, shape } from "../testing/raw-client.ts";
import { role, roleSQL, startStand, type Stand } from "../testing/stand.ts";

// Numbers are those of the pitfalls that each test stands for: connection phase 1 to 11, command phase 12 to 25.

let postgres: TestPostgres;
let stand: Stand;
let client: RawClient;

beforeAll(async () => {
  postgres = await startPostgres({
    auth: "md5",
    initSQL: `${roleSQL} create table t (n int); grant all on t to ${role.username};`,
  });
  stand = await startStand(postgres);
});
afterAll(async () => {
  await stand?.stop();
  await postgres?.stop();
});

const parameters = (): Record<string, string> => ({ user: role.username, database: postgres.database });

describe("the command phase", () => {
  beforeEach(async () => {
    stand.journal.clear();
    client = await RawClient.start(stand.port, parameters());
  });
  afterEach(async () => {
    client.socket.destroy();
    await stand.quiet();
  });

  it("12 Response queue: after an error in a pipeline the rest up to Sync is recorded as not executed", async () => {
    client.send(
      say.parse("", "select 1"),
      say.bind("", ""),
      say.execute(),
      say.parse("", "select 1/0"),
      say.bind("", ""),
      say.execute(),
      say.parse("", "select 3"),
      say.bind("", ""),
      say.execute(),
      say.sync(),
      say.parse("", "select 4"),
      say.bind("", ""),
      say.execute(),
      say.sync(),
    );

    expect(shape(await client.until("Z", 2))).toBe("1 2 D C 1 E Z 1 2 D C Z");
    expect(outcomes()).toEqual([
      ["select 1", "ok"],
      ["select 1/0", "error"],
      ["select 3", "not-executed"],
      ["select 4", "ok"],
    ]);
  });

  it("3 Pipelining: a statement that fails to parse is on record with its own text when its error is there before its execution is sent", async () => {
    client.send(say.parse("", "select 'before'"), say.bind("", ""), say.execute(), say.sync());
    await client.until("Z");
    client.send(say.parse("", "selec 'broken'"), say.flush());
    await client.until("E");
    client.send(say.bind("", ""), say.execute(), say.parse("", "select 'ignored'"), say.bind("", ""));
    client.send(say.execute(), say.sync());
    await client.until("Z");

    expect(outcomes()).toEqual([
      ["select 'before'", "ok"],
      ["selec 'broken'", "error"],
      ["select 'ignored'", "not-executed"],
    ]);
  });

  it("13 Simple query with several statements: of several statements in one text, those after an error were not run", async () => {
    client.send(say.query("select 1; select 1/0; select 2"));
    await client.until("Z");
    client.send(say.query("select 1; selec 2; select 3"));
    await client.until("Z");

    expect(stand.journal.starts[0]).toMatchObject({ sql: "select 1; select 1/0; select 2", statements: 3 });
    expect(stand.journal.ends[0]).toMatchObject({ outcome: "error", sqlState: "22012" });
    expect(stand.journal.ends[0]?.results?.map((result) => result.outcome)).toEqual(["ok", "error", "not-executed"]);
    expect(stand.journal.ends[1]).toMatchObject({ outcome: "error", sqlState: "42601" });
    expect(stand.journal.ends[1]?.results?.map((result) => result.outcome)).toEqual([
      "not-executed",
      "error",
      "not-executed",
    ]);
  });

  it("14 COPY: a Sync sent while COPY data is awaited is ignored, and the answers stay in step", async () => {
    client.send(say.parse("", "copy t from stdin"), say.bind("", ""), say.execute(), say.sync());
    await client.until("G");
    client.send(say.copyData("1\n"), say.copyData("2\n"), say.copyDone(), say.sync());
    await client.until("Z");
    client.send(say.query("select count(*) from t"));
    await client.until("Z");

    expect(outcomes()).toEqual([
      ["copy t from stdin", "ok"],
      ["select count(*) from t", "ok"],
    ]);
    expect(stand.journal.ends[0]).toMatchObject({ tag: "COPY 2" });
    expect(stand.journal.ends[0]?.bytesFromClient).toBeGreaterThan(14);
  });

  it("14 COPY: a whole COPY sent blindly, before the server asked, stays in step too", async () => {
    client.send(
      say.parse("", "copy t from stdin"),
      say.bind("", ""),
      say.execute(),
      say.copyData("3\n"),
      say.copyDone(),
      say.sync(),
      say.query("select 'after'"),
    );

    expect(shape(await client.until("Z", 2))).toBe("1 2 G C Z T D C Z");
    expect(outcomes()).toEqual([
      ["copy t from stdin", "ok"],
      ["select 'after'", "ok"],
    ]);
  });

  it("14 COPY: a COPY that fails on its data, or that the client gives up, is recorded as an error", async () => {
    client.send(say.query("copy t from stdin"));
    await client.until("G");
    client.send(say.copyData("no number\n"), say.copyDone());
    await client.until("Z");
    client.send(say.query("copy t from stdin"));
    await client.until("G");
    client.send(say.copyFail("changed my mind"));
    await client.until("Z");
    client.send(say.query("select 1"));
    await client.until("Z");

    expect(stand.journal.ends.map((end) => [end.outcome, end.sqlState])).toEqual([
      ["error", "22P02"],
      ["error", "57014"],
      ["ok", undefined],
    ]);
  });

  it("14 COPY: COPY out counts its rows, which are never decoded", async () => {
    client.send(say.query("copy (select generate_series(1, 1000)) to stdout"));
    await client.until("Z");

    expect(stand.journal.ends[0]).toMatchObject({ outcome: "ok", tag: "COPY 1000", rows: 1000 });
  });

  it("15 Portals with row limits: each batch of a portal with a row limit is an execution of its own, with its own rows", async () => {
    client.send(
      say.parse("", "select generate_series(1, 5)"),
      say.bind("p", ""),
      say.execute("p", 2),
      say.execute("p", 2),
      say.execute("p", 2),
      say.sync(),
    );

    expect(shape(await client.until("Z"))).toBe("1 2 D D s D D s D C Z");
    expect(stand.journal.ends.map((end) => [end.rows, end.suspended ?? false])).toEqual([
      [2, true],
      [2, true],
      [1, false],
    ]);
    expect(stand.journal.starts.map((start) => start.continues)).toEqual([undefined, 1, 2]);
    expect(stand.journal.starts[0]).toMatchObject({ rowLimit: 2, portal: "p" });
  });

  it("16 Names: names prepared in SQL are known to the protocol and the other way round; an unknown name is said to be one", async () => {
    client.send(say.query("prepare p1 as select 'from SQL'"));
    await client.until("Z");
    client.send(say.bind("", "p1"), say.execute(), say.sync());
    await client.until("Z");
    client.send(say.parse("p2", "select 'from Parse'"), say.sync());
    await client.until("Z");
    client.send(say.query("execute p2"));
    await client.until("Z");
    client.send(say.query("do $$ begin execute 'prepare hidden as select 7'; end $$"));
    await client.until("Z");
    client.send(say.bind("", "hidden"), say.execute(), say.sync());
    await client.until("Z");

    expect(stand.journal.starts.map((start) => start.sql)).toEqual([
      "prepare p1 as select 'from SQL'",
      " select 'from SQL'",
      "select 'from Parse'",
      "execute p2",
      "do $$ begin execute 'prepare hidden as select 7'; end $$",
      undefined,
    ]);
    expect(stand.journal.starts[2]).toMatchObject({ statementName: "p2", notices: ["prepared"] });
    expect(stand.journal.starts[5]).toMatchObject({ statementName: "hidden", notices: ["statement-unknown"] });
    expect(stand.journal.ends[5]).toMatchObject({ outcome: "ok", rows: 1 });
  });

  it("16 Names: a name whose Parse failed keeps its earlier meaning", async () => {
    client.send(say.parse("s", "select 'first'"), say.sync());
    await client.until("Z");
    client.send(say.parse("s", "select 'second'"), say.bind("", "s"), say.execute(), say.sync());
    await client.until("Z");
    client.send(say.bind("", "s"), say.execute(), say.sync());
    await client.until("Z");

    expect(outcomes()).toEqual([
      // Prepared, and never executed before another statement could have run it by its name.
      ["select 'first'", "not-executed"],
      ["select 'second'", "error"],
      ["select 'first'", "ok"],
    ]);
  });

  it("17 Parse is not execution: parsing and describing is not executing, but a text that failed to parse is on record", async () => {
    client.send(say.parse("s", "select 1"), say.describe("S", "s"), say.sync());
    await client.until("Z");
    client.send(say.parse("", "select * from secret_table"), say.describe("S", ""), say.sync());
    await client.until("Z");

    expect(outcomes()).toEqual([["select * from secret_table", "error"]]);
    expect(stand.journal.starts[0]).toMatchObject({ notices: ["parse-only"] });
  });

  it("17 Parse is not execution: types that the server settled are recorded with the values, binary ones in full", async () => {
    client.send(say.parse("s", "select $1, $2::text", [23]), say.describe("S", "s"), say.sync());
    await client.until("Z");
    client.send(say.bind("", "s", [Buffer.from([0, 0, 0, 7]), "x"]), say.execute(), say.sync());
    await client.until("Z");

    expect(stand.journal.starts[0]?.parameters).toEqual([
      { type: 23, format: "binary", value: { base64: "AAAABw==" } },
      { type: 25, format: "text", value: "x" },
    ]);
  });

  it("18 FunctionCall: a function call, which has no SQL, is recorded with its number and arguments", async () => {
    const [{ oid } = { oid: 0 }] = await postgres.query<{ oid: number }>(
      "select 'pg_catalog.abs(int)'::regprocedure::oid as oid",
    );

    client.send(say.functionCall(Number(oid), ["-7"]));

    expect(shape(await client.until("Z"))).toBe("V Z");
    expect(stand.journal.starts[0]).toMatchObject({
      protocol: "function-call",
      functionOID: Number(oid),
      parameters: [{ value: "-7" }],
    });
    expect(stand.journal.ends[0]).toMatchObject({ outcome: "ok" });
  });

  it("19 Async messages: notices, notifications and settings in between are no answers", async () => {
    client.send(say.query("listen news"));
    await client.until("Z");
    client.send(
      say.parse("", "notify news, 'one'"),
      say.bind("", ""),
      say.execute(),
      say.parse("", "set timezone = 'UTC'"),
      say.bind("", ""),
      say.execute(),
      say.parse("", "do $$ begin raise notice 'hello'; end $$"),
      say.bind("", ""),
      say.execute(),
      say.sync(),
    );
    await client.until("Z");
    await postgres.query("notify news, 'from outside'");
    await client.until("A");
    client.send(say.query("select 1"));
    await client.until("Z");

    expect(stand.journal.ends.map((end) => end.outcome)).toEqual(["ok", "ok", "ok", "ok", "ok"]);
  });

  it("19 Async messages: a notice, a setting and a notification while nothing runs count for nothing", async () => {
    const idle = Buffer.concat([
      encodeNotice({ severity: "NOTICE", sqlState: "00000", message: "by the way" }),
      encodeParameterStatus("TimeZone", "Asia/Tokyo"),
      encodeMessage(back.notification, Buffer.from([0, 0, 0, 1, 0x63, 0, 0x70, 0])),
    ]);
    const server = await startGoBetween(postgres, {
      fromServer: (type, message) => (type === "Z" ? Buffer.concat([message, idle]) : message),
    });
    const other = await startStand(server);
    const early = await RawClient.start(other.port, parameters());
    await early.until("A");
    early.send(say.query("select 1"), say.query("select 2"));

    expect((await early.until("A", 2)).map((reply) => reply.type).join("")).toBe("TDCZNSATDCZNSA");
    expect(other.journal.ends.map((end) => [end.outcome, end.rows])).toEqual([
      ["ok", 1],
      ["ok", 1],
    ]);
    early.socket.destroy();
    await other.quiet();
    await other.stop();
    await server.stop();
  });

  it("20 Embedded NUL: a NUL inside the text is refused, so that recorded and executed text cannot differ", async () => {
    client.send(say.query("select 1\0; select 2"));

    const [error] = await client.untilClosed();
    expect(errorField(error, "C")).toBe("08P01");
    expect(stand.journal.starts).toEqual([]);
  });

  it.each([
    ["a length below four", Buffer.from([0x51, 0, 0, 0, 3])],
    ["a length that overflows", Buffer.from([0x51, 0x7f, 0xff, 0xff, 0xff])],
    ["a negative length", Buffer.from([0x51, 0xff, 0xff, 0xff, 0xff])],
    ["a small message that claims to be large", Buffer.from([0x44, 0, 0, 0x4e, 0x20])],
    [
      "a Describe of 20,000 bytes",
      Buffer.concat([Buffer.from([0x44, 0, 0, 0x4e, 0x20, 0x53]), Buffer.alloc(100, 0x61)]),
    ],
    ["a Close that names neither statement nor portal", Buffer.from([0x43, 0, 0, 0, 6, 0x58, 0])],
    ["an Execute cut short", Buffer.from([0x45, 0, 0, 0, 6, 0, 0])],
    ["an unknown type", Buffer.from([0x7a, 0, 0, 0, 4])],
    ["a password message after login", Buffer.from([0x70, 0, 0, 0, 5, 0])],
    [
      "a Bind whose value has the length −2",
      Buffer.concat([Buffer.from([0x42, 0, 0, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe]), Buffer.alloc(4)]),
    ],
    ["bytes behind the end of a Query", Buffer.concat([Buffer.from([0x51, 0, 0, 0, 8]), Buffer.from("a\0b\0")])],
  ])(
    "21 Framing and 22 Parse strictly: %s ends the session with a protocol error, and nothing of it reaches the server",
    async (_what, bytes) => {
      client.send(bytes);

      const [error] = await client.untilClosed();
      expect(errorField(error, "C")).toMatch(/08P01|54000/);
      expect(stand.journal.starts).toEqual([]);
      const close = await stand.journal.until(isClose);
      expect(close).toMatchObject({ reason: "protocol-violation", backend: "gone" });
    },
  );
});

/** Statements and their outcomes, in the order in which they started. */
function outcomes(): [unknown, string | undefined][] {
  return stand.journal.statements().map(({ start, end }) => [start.sql, end?.outcome]);
}
