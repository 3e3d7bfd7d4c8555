import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startPostgres, type TestPostgres } from "#test/harness/postgres.ts";
import { isClose } from "../testing/journal.ts";
import { role, roleSQL, startStand, type Stand } from "../testing/stand.ts";

let postgres: TestPostgres;
let stand: Stand;

beforeAll(async () => {
  postgres = await startPostgres({
    initSQL: `${roleSQL} create table orders (id int primary key, item text); insert into orders select n, 'item ' || n from generate_series(1, 50) n; grant all on orders to ${role.username};`,
  });
  stand = await startStand(postgres);
});
afterAll(async () => {
  await stand?.stop();
  await postgres?.stop();
});
beforeEach(() => stand.journal.clear());

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({
    host: "127.0.0.1",
    port: stand.port,
    user: role.username,
    password: "anything",
    database: postgres.database,
  });
  client.on("error", () => {});
  await client.connect();
  return client;
}

/** Waits until the server itself says that it runs a statement with this text. */
async function untilBackend(text: string): Promise<void> {
  while (
    (
      await postgres.query(
        "select 1 from pg_stat_activity where usename = $1 and state = 'active' and position($2 in query) > 0",
        [role.username, text],
      )
    ).length === 0
  ) {}
}

describe("a session", () => {
  it("records a simple query before it runs and its outcome after", async () => {
    const client = await connect();

    const result = await client.query("select * from orders where id <= 3");
    await client.end();
    await stand.journal.until(isClose);

    expect(result.rowCount).toBe(3);
    expect(stand.journal.records.map((record) => record.kind)).toEqual([
      "session.open",
      "statement.start",
      "statement.end",
      "session.close",
    ]);
    expect(stand.journal.starts[0]).toMatchObject({ sql: "select * from orders where id <= 3", protocol: "simple" });
    expect(stand.journal.ends[0]).toMatchObject({ outcome: "ok", rows: 3, tag: "SELECT 3", transaction: "idle" });
    expect(stand.journal.closes[0]).toMatchObject({ reason: "client-closed", backend: "gone" });
  });

  it("records one execution of the extended protocol with its typed parameters, NULL apart from empty", async () => {
    const client = await connect();

    await client.query("select $1::int + 1, $2::text, $3::text", [41, "", null]);
    await client.end();
    await stand.journal.until(isClose);

    expect(stand.journal.starts).toHaveLength(1);
    expect(stand.journal.starts[0]).toMatchObject({
      sql: "select $1::int + 1, $2::text, $3::text",
      protocol: "extended",
      parameters: [
        { format: "text", value: "41" },
        { format: "text", value: "" },
        { format: "text", value: null },
      ],
    });
  });

  it("ends the work when it is cut: the write is rolled back, the backend is gone, the client hears why", async () => {
    const client = await connect();
    await client.query("begin");
    await client.query("insert into orders values (1000, 'never')");
    const running = client.query("select pg_sleep(60)").catch((error: unknown) => error as pg.DatabaseError);
    await untilBackend("pg_sleep");

    const outcome = await stand.sessions.cutGrant(stand.grant.grantID, "grant-expired", "your access has ended");

    expect(outcome).toEqual({ sessions: 1, backendsGone: 1 });
    const error = await running;
    expect(error).toMatchObject({ code: "57P01", message: "your access has ended" });
    expect(await postgres.query("select 1 from pg_stat_activity where usename = 'read_only'")).toEqual([]);
    expect(await postgres.query("select 1 from orders where id = 1000")).toEqual([]);
    expect(stand.journal.ends.at(-1)).toMatchObject({ statement: 3, outcome: "cut" });
    expect(stand.journal.closes[0]).toMatchObject({ reason: "grant-expired", inFlight: 3, backend: "gone" });
  });

  it("that somebody ends is cancelled and closed with their reason; another one of the grant goes on", async () => {
    const [ended, other] = [await connect(), await connect()];
    const running = ended.query("select pg_sleep(60)").catch((error: unknown) => error as pg.DatabaseError);
    await untilBackend("pg_sleep");
    const session = stand.journal.records.find((record) => record.kind === "session.open")?.session ?? "";
    const { grantID } = stand.grant;

    const others = await stand.sessions.kill(session, "another-grant", "no");
    const unknown = await stand.sessions.kill("another-session", grantID, "no");
    const outcome = await stand.sessions.kill(session, grantID, "root ended this session: it holds a lock");

    expect([others, unknown, outcome]).toEqual([undefined, undefined, "gone"]);
    expect(await running).toMatchObject({ code: "57P01", message: "root ended this session: it holds a lock" });
    expect((await other.query("select 1")).rowCount).toBe(1);
    expect(stand.journal.closes).toMatchObject([{ session, reason: "session-killed", inFlight: 1, backend: "gone" }]);
    await other.end();
  });
});
