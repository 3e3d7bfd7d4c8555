import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Connection, createConnection } from "mysql2/promise";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { Secret } from "#lib/secret.ts";
import { mariadbMissing, startMariaDB } from "#test/harness/mariadb.ts";
import { mysqlMissing, startMySQL } from "#test/harness/mysql.ts";
import type { TestMySql } from "#test/harness/mysql-server.ts";
import { isClose } from "../testing/journal.ts";
import { errorText, RawMySqlClient } from "../testing/raw-mysql-client.ts";
import { grantFor, mysqlRoleSQL, role, startStand, type Stand } from "../testing/stand.ts";
import { capability } from "../mysql/capabilities.ts";
import { BackendBook } from "./backend-book.ts";
import { endLeftBackends } from "./left-backends.ts";

/** ER_QUERY_INTERRUPTED, with the proxy's reason as its text. */
const interrupted = 1_317;

describe.each([
  { name: "MariaDB", start: startMariaDB, missing: await mariadbMissing() },
  { name: "MySQL", start: startMySQL, missing: await mysqlMissing() },
])("a session with $name", ({ name, start, missing }) => {
  let server: TestMySql;
  let stand: Stand;
  const clients: Connection[] = [];

  beforeAll(async () => {
    if (missing !== undefined) {
      return;
    }
    server = await start({
      initSQL: `${mysqlRoleSQL} create user bound@'%' identified by 'secret' require ssl; create table orders (id int primary key, item text); insert into orders values (1, 'item 1'), (2, null);`,
    });
    stand = await startStand(server);
  });
  beforeEach(({ skip }) => skip(missing !== undefined, missing));
  afterAll(async () => {
    await stand?.stop();
    await server?.stop();
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) {
      client.destroy();
    }
    await stand?.quiet();
    stand?.journal.clear();
  });

  async function connect(change: object = {}): Promise<Connection> {
    const client = await createConnection({
      host: "127.0.0.1",
      port: stand.port,
      user: role.username,
      password: "password",
      database: "orders",
      ...change,
    });
    client.on("error", () => {});
    clients.push(client);
    return client;
  }

  const threads = (): Promise<{ id: number; info: string | null }[]> =>
    server.query(
      "select id, info from information_schema.processlist where user = ? and command not in ('Daemon', 'Killed')",
      [role.username],
    );

  /** Waits until the server itself says that it runs a statement with this text. */
  async function untilRunning(text: string): Promise<number> {
    for (;;) {
      const found = (await threads()).find(({ info }) => info?.includes(text) === true);
      if (found !== undefined) {
        return Number(found.id);
      }
    }
  }

  it("records a statement before it runs and its outcome after, with the server's version and thread", async () => {
    const client = await connect();

    const [rows] = await client.query("select * from orders");
    await client.end();
    await stand.journal.until(isClose);

    expect(rows).toEqual([
      { id: 1, item: "item 1" },
      { id: 2, item: null },
    ]);
    expect(stand.journal.records.map((record) => record.kind)).toEqual([
      "session.open",
      "statement.start",
      "statement.end",
      "session.close",
    ]);
    expect(stand.journal.records[0]).toMatchObject({
      engine: name,
      server: {
        version: expect.stringMatching(name === "MariaDB" ? /^10\.|^11\./ : /^[89]\./),
        processID: client.threadId,
      },
    });
    expect(stand.journal.ends[0]).toMatchObject({ outcome: "ok", rows: 2 });
    expect(stand.journal.closes[0]).toMatchObject({ reason: "client-closed", backend: "gone" });
  });

  it("pitfall 2.3.18: a cut ends the work: the write is rolled back, the thread is gone, the client hears why", async () => {
    const client = await connect();
    await client.query("begin");
    await client.query("insert into orders values (1000, 'never')");
    const running = client.query("select sleep(60)").catch((error: unknown) => error);
    await untilRunning("sleep(60)");

    const outcome = await stand.sessions.cutGrant(stand.grant.grantID, "grant-expired", "your access has ended");

    expect(outcome).toEqual({ sessions: 1, backendsGone: 1 });
    expect(await running).toMatchObject({ errno: interrupted, sqlState: "70100", sqlMessage: "your access has ended" });
    expect(await threads()).toEqual([]);
    expect(await server.query("select 1 from orders where id = 1000")).toEqual([]);
    expect(stand.journal.ends.at(-1)).toMatchObject({ statement: 3, outcome: "cut" });
    expect(stand.journal.closes[0]).toMatchObject({ reason: "grant-expired", inFlight: 3, backend: "gone" });
  });

  it("that somebody ends is cancelled and closed with their reason; another one of the grant goes on", async () => {
    const [ended, other] = [await connect(), await connect()];
    const running = ended.query("select sleep(60)").catch((error: unknown) => error);
    await untilRunning("sleep(60)");
    const session = stand.journal.records.find((record) => record.kind === "session.open")?.session ?? "";

    const outcome = await stand.sessions.kill(session, stand.grant.grantID, "root ended this session: it holds a lock");

    expect(outcome).toBe("gone");
    expect(await running).toMatchObject({ sqlState: "70100", sqlMessage: "root ended this session: it holds a lock" });
    expect(await other.query("select 1 as one")).toBeDefined();
    expect(stand.journal.closes).toMatchObject([{ session, reason: "session-killed", backend: "gone" }]);
    await other.end();
  });

  it("pitfall 2.3.18: an idle client reads the reason as the answer to its next command", async () => {
    const { client } = await RawMySqlClient.start(stand.port, {
      flags:
        capability.protocol41 | capability.secureConnection | capability.connectWithDatabase | capability.pluginAuth,
    });

    await stand.sessions.cutGrant(stand.grant.grantID, "grant-revoked", "your access was revoked");
    const packet = await client.next();

    expect(packet.sequence).toBe(1);
    expect(errorText(packet)).toBe(`${interrupted} #70100your access was revoked`);
    expect(await client.untilClosed()).toEqual([]);
  });

  it("pitfall 2.3.18: in the middle of a result the stream just closes, and the thread is gone", async () => {
    const { client } = await RawMySqlClient.start(stand.port, {
      flags:
        capability.protocol41 | capability.secureConnection | capability.connectWithDatabase | capability.pluginAuth,
    });
    client.command(0x03, `select repeat('x', 15000000) from information_schema.columns, information_schema.columns b`);
    // Between two rows an error could stand. A row of 15 MB is more than all buffers hold, so the stream stops within one.
    while (client.socket.bytesRead < 1_000_000) {
      await once(client.socket, "data");
    }
    client.socket.pause();

    const outcome = await stand.sessions.cutGrant(stand.grant.grantID, "grant-expired", "your access has ended");

    client.socket.resume();
    const rest = await client.untilClosed();
    expect(outcome).toEqual({ sessions: 1, backendsGone: 1 });
    expect(rest.some((packet) => errorText(packet).includes("your access has ended"))).toBe(false);
    expect(await threads()).toEqual([]);
    expect(stand.journal.closes[0]).toMatchObject({ inFlight: 1, backend: "gone" });
  });

  it("pitfall 2.3.18: a role that may enter no schema but its own, or none at all, is ended too", async () => {
    const { database, role: granted } = grantFor(server);
    await server.query("grant select on orders.orders to bound@'%'");
    const before = stand.grant;
    const other = await startStand(server, {
      passwordOf: () => ({ get: () => Promise.resolve(new Secret("secret")) }),
    });
    other.grant = { ...before, database, role: { ...granted, username: "bound" } };
    const client = await createConnection({
      host: "127.0.0.1",
      port: other.port,
      user: "bound",
      password: "x",
      database: "orders",
    });
    client.on("error", () => {});
    const running = client.query("select sleep(61)").catch((error: Error) => error.message);
    while (
      (await server.query("select 1 from information_schema.processlist where info = 'select sleep(61)'")).length === 0
    ) {}
    // What a person may do at any time: the side connection must not need the schema.
    await server.query("revoke all privileges, grant option from bound@'%'");

    const outcome = await other.sessions.cutGrant(before.grantID, "grant-expired", "over");

    expect(outcome).toEqual({ sessions: 1, backendsGone: 1 });
    expect(await running).toBe("over");
    await other.stop();
  });

  it("a client that vanishes in the middle of a statement does not leave it running", async () => {
    const { client } = await RawMySqlClient.start(stand.port, {
      flags:
        capability.protocol41 | capability.secureConnection | capability.connectWithDatabase | capability.pluginAuth,
    });
    const holder = await createConnection({
      host: "127.0.0.1",
      port: server.port,
      user: server.superuser,
      password: server.password,
      database: "orders",
      ssl: { ca: server.ca },
    });
    await holder.query("begin");
    await holder.query("insert into orders values (2000, 'in the way')");
    client.command(0x03, "insert into orders values (2000, 'waits')");
    await untilRunning("'waits'");

    client.socket.resetAndDestroy();
    await stand.journal.until(isClose);

    expect(await threads()).toEqual([]);
    await holder.query("rollback");
    await holder.end();
    expect(await server.query("select 1 from orders where id = 2000")).toEqual([]);
    expect(stand.journal.closes[0]).toMatchObject({ reason: "client-closed", backend: "gone" });
  });

  it("pitfall 2.3.14: KILL QUERY of the same grant cancels, by the thread id of the greeting", async () => {
    const victim = await connect();
    const running = victim.query("select sleep(60) as slept").then(
      ([rows]) => rows,
      (error: { errno: number }) => error.errno,
    );
    const thread = await untilRunning("sleep(60)");
    const killer = await connect();

    await killer.query(`KILL QUERY ${victim.threadId}`);

    expect(thread).toBe(victim.threadId);
    // MySQL and MariaDB let an interrupted SLEEP return 1, or end the statement.
    expect([[{ slept: 1 }], interrupted]).toContainEqual(await running);
    expect(await victim.query("select 1 as one").then(([rows]) => rows)).toEqual([{ one: 1 }]);
  });

  it("pitfall 2.3.14: KILL of another grant's thread is refused as if there were none, though the server would do it", async () => {
    const victim = await connect();
    const mine = stand.grant;
    stand.grant = { ...mine, grantID: "gbbbbbbbbbbbbbbbbbbbbbbbbbb" };
    const killer = await connect({ multipleStatements: true });
    stand.grant = mine;

    const failures: number[] = [];
    for (const sql of [
      `kill query ${victim.threadId}`,
      `KILL /* */ ${victim.threadId}`,
      `select 1; kill ${victim.threadId}`,
      `/*! kill */ ${victim.threadId}`,
      `kill user ${role.username}`,
      `kill (${victim.threadId} + 0)`,
    ]) {
      await killer.query(sql).catch((error: { errno: number }) => failures.push(error.errno));
    }

    expect(failures).toHaveLength(6);
    expect(failures.slice(0, 2)).toEqual([1094, 1094]);
    expect(await victim.query("select 'alive' as is_").then(([rows]) => rows)).toEqual([{ is_: "alive" }]);
    await killer.end();
  });

  it("the backend of a killed proxy is ended by the task's next process", async () => {
    const directory = mkdtempSync(path.join(tmpdir(), "sallyport-book-"));
    const book = new BackendBook(directory);
    const left = await createConnection({
      host: "127.0.0.1",
      port: server.port,
      user: role.username,
      password: role.password,
      ssl: { ca: server.ca },
    });
    left.on("error", () => {});
    const ended = left.query("select sleep(300)").catch((error: { code: string }) => error.code);
    const pid = await untilRunning("sleep(300)");
    const { grantID, database, role: granted } = grantFor(server);
    book.note({
      session: "session-1",
      grantID,
      database,
      role: granted,
      address: "127.0.0.1",
      pid,
      loggedIn: Date.now(),
    });

    await endLeftBackends(book, book.all(), {
      clock: systemClock,
      log: silentLog,
      authorities: [server.ca],
      passwordOf: () => ({ get: () => Promise.resolve(new Secret(role.password)) }),
      signal: new AbortController().signal,
    });

    expect(await ended).toMatch(
      /PROTOCOL_CONNECTION_LOST|ECONNRESET|ER_CONNECTION_KILLED|ER_QUERY_INTERRUPTED|ER_SERVER_SHUTDOWN/,
    );
    expect(readdirSync(directory)).toEqual([]);
    expect(await threads()).toEqual([]);
    rmSync(directory, { recursive: true });
  });

  it("a thread number that a restarted server has given to somebody else is left alone", async () => {
    const directory = mkdtempSync(path.join(tmpdir(), "sallyport-book-"));
    const book = new BackendBook(directory);
    const bystander = await connect();
    const { grantID, database, role: granted } = grantFor(server);
    // It logged in before this server was up.
    const loggedIn = Date.now() - 3_600_000;
    book.note({
      session: "session-2",
      grantID,
      database,
      role: granted,
      address: "127.0.0.1",
      pid: bystander.threadId,
      loggedIn,
    });

    await endLeftBackends(book, book.all(), {
      clock: systemClock,
      log: silentLog,
      authorities: [server.ca],
      passwordOf: () => ({ get: () => Promise.resolve(new Secret(role.password)) }),
      signal: new AbortController().signal,
    });

    expect(readdirSync(directory)).toEqual([]);
    expect(await bystander.query("select 1 as one").then(([rows]) => rows)).toEqual([{ one: 1 }]);
    rmSync(directory, { recursive: true });
  });
});
