import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { capability } from "#proxy/mysql/capabilities.ts";
import { encodeInt } from "#proxy/mysql/fields.ts";
import { lastPreparedID, trackedCapabilities } from "#proxy/mysql/protocol.ts";
import { isClose, type MemoryJournal } from "#proxy/testing/journal.ts";
import { ask, bound, stringValue } from "#proxy/testing/mysql-packets.ts";
import { RawClient, say, shape, startup } from "#proxy/testing/raw-client.ts";
import { RawMySqlClient } from "#proxy/testing/raw-mysql-client.ts";
import { mysqlRoleSQL, role, roleSQL, startStand, type Stand } from "#proxy/testing/stand.ts";
import { mariadbMissing, startMariaDB } from "#test/harness/mariadb.ts";
import type { TestMySql } from "#test/harness/mysql-server.ts";
import { startPostgres, type TestPostgres } from "#test/harness/postgres.ts";

/*
 * The same conversation with a real server, cut in two at each byte: answers and records are those of the whole. The relays' own tests
 * cut what the servers say as well; here everything else of a session takes part. Client and proxy share one event loop, so that the proxy
 * has read the first piece before the second is written.
 */

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

/**
 * Statements with their ends, without what is another in each session and at each time. COPY data that is sent before the server asks for
 * it counts for the statement that runs when it comes.
 */
function essence(journal: MemoryJournal): unknown[] {
  const other = new Set(["session", "statement", "durationMs", "continues", "statementName", "bytesFromClient"]);
  const rest = (record: object = {}): unknown =>
    Object.fromEntries(Object.entries(record).filter(([name]) => !other.has(name)));
  return journal.statements().map(({ start, end }) => [rest(start), rest(end)]);
}

describe("a conversation with PostgreSQL that is cut in two at each byte", () => {
  const messages = [
    say.query("select 1; select 'ü'"),
    say.parse("s", "select $1::text", [25]),
    say.describe("S", "s"),
    say.bind("p", "s", ["it's"]),
    say.execute("p", 1),
    say.close("P", "p"),
    say.bind("", "s", [null]),
    say.execute(),
    say.flush(),
    say.close("S", "s"),
    say.sync(),
    say.query("copy t from stdin"),
    say.copyData("1\n"),
    say.copyDone(),
    say.functionCall(177, ["1", "2"]),
    say.query("selec"),
    say.query("delete from t"),
  ];
  const bytes = Buffer.concat(messages);
  const ready = 6;
  let server: TestPostgres;
  let stand: Stand;

  beforeAll(async () => {
    server = await startPostgres({ initSQL: `${roleSQL} create table t (n int); grant all on t to ${role.username};` });
    stand = await startStand(server);
  });
  afterAll(async () => {
    await stand?.stop();
    await server?.stop();
  });

  /** Sends the pieces one after the other; what was answered, up to the last that the server is ready, and what is on record. */
  async function converse(client: RawClient, pieces: readonly Buffer[], count: number): Promise<unknown> {
    stand.journal.clear();
    for (const piece of pieces) {
      client.send(piece);
      await turn();
    }
    const answers = shape(await client.until("Z", count));
    while (stand.journal.ends.length < stand.journal.starts.length) {
      await turn();
    }
    return { answers, records: essence(stand.journal) };
  }

  it("gets the same answers and the same records", async () => {
    const client = await RawClient.start(stand.port, { user: role.username, database: server.database });
    const whole = await converse(client, [bytes], ready);

    expect(stand.journal.starts.map(({ sql, functionOID }) => sql ?? functionOID)).toEqual([
      "select 1; select 'ü'",
      "select $1::text",
      "select $1::text",
      "copy t from stdin",
      177,
      "selec",
      "delete from t",
    ]);
    for (let at = 1; at < bytes.length; at += 1) {
      const cut = await converse(client, [bytes.subarray(0, at), bytes.subarray(at)], ready);
      expect([at, cut]).toEqual([at, whole]);
    }
    const each = Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
    expect(await converse(client, each, ready)).toEqual(whole);
    client.socket.destroy();
  });

  it("begins as one that is not, also when it is said before the server is there", async () => {
    const opening = Buffer.concat([
      startup({ user: role.username, database: server.database }),
      say.query("select 'first'"),
    ]);
    const begin = async (at: number): Promise<unknown> => {
      const client = await RawClient.dial(stand.port);
      client.expectMessages();
      const said = await converse(client, [opening.subarray(0, at), opening.subarray(at)], 2);
      client.socket.destroy();
      await stand.journal.until(isClose);
      return said;
    };
    const whole = await begin(0);

    for (let at = 1; at < opening.length; at += 1) {
      expect([at, await begin(at)]).toEqual([at, whole]);
    }
  });
});

const missing = await mariadbMissing();

describe.skipIf(missing !== undefined)(
  `a conversation with MariaDB that is cut in two at each byte${missing ?? ""}`,
  () => {
    const bytes = Buffer.concat([
      ask.query("select 1, 'ü'"),
      ask.prepare("insert into t values (?, ?)"),
      ask.longData(lastPreparedID, 1, "in pieces"),
      ask.execute(
        lastPreparedID,
        bound([
          [3, encodeInt(5, 4)],
          [252, undefined],
        ]),
      ),
      ask.execute(
        lastPreparedID,
        bound([
          [253, stringValue("6")],
          [253, null],
        ]),
      ),
      ask.close(lastPreparedID),
      ask.query("selec"),
      ask.query("delete from t"),
      ask.quit(),
    ]);
    let server: TestMySql;
    let stand: Stand;

    beforeAll(async () => {
      server = await startMariaDB({ initSQL: `${mysqlRoleSQL} create table t (n int, s longblob);` });
      stand = await startStand(server);
    });
    afterAll(async () => {
      await stand?.stop();
      await server?.stop();
    });

    async function converse(pieces: readonly Buffer[]): Promise<unknown> {
      stand.journal.clear();
      const { client } = await RawMySqlClient.start(stand.port, {
        flags: trackedCapabilities.mysql & ~capability.queryAttributes,
        plugin: "mysql_native_password",
        authResponse: Buffer.alloc(20, 7),
      });
      const answers: Buffer[] = [];
      client.socket.on("data", (chunk: Buffer) => answers.push(chunk));
      for (const piece of pieces) {
        client.socket.write(piece);
        await turn();
      }
      await stand.journal.until(isClose);
      while (!client.closed) {
        await turn();
      }
      // The server numbers prepared statements through all sessions.
      const numbered = Buffer.concat(answers).toString("hex");
      return {
        answers: numbered.replace(/(?<=0c00000100)[0-9a-f]{8}/, "number"),
        records: essence(stand.journal),
      };
    }

    it("gets the same answers and the same records", async () => {
      const whole = await converse([bytes]);

      expect(stand.journal.ends.map(({ outcome }) => outcome)).toEqual([
        "ok",
        "not-executed",
        "ok",
        "ok",
        "error",
        "ok",
      ]);
      for (let at = 1; at < bytes.length; at += 1) {
        expect([at, await converse([bytes.subarray(0, at), bytes.subarray(at)])]).toEqual([at, whole]);
      }
    });
  },
);
