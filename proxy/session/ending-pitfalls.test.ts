import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startGoBetween } from "#test/harness/go-between.ts";
import { startPostgres, type TestPostgres } from "#test/harness/postgres.ts";
import { isClose } from "../testing/journal.ts";
import { errorField, RawClient, type Reply, say, shape } from "../testing/raw-client.ts";
import { role, roleSQL, startStand, type Stand } from "../testing/stand.ts";

// Numbers and words are those of the pitfalls that each test stands for.

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
const endGrant = (on = stand) => on.sessions.cutGrant(on.grant.grantID, "grant-expired", "the grant has expired");
const goneCompletely = { sessions: 1, backendsGone: 1 };

describe("the end of a session", () => {
  beforeEach(async () => {
    stand.journal.clear();
    await postgres.query("truncate t");
    client = await RawClient.start(stand.port, parameters());
  });
  afterEach(async () => {
    client.socket.destroy();
    await stand.quiet();
  });

  it("23 Ending a session: a session is ended at a message boundary with FATAL 57P01", async () => {
    client.send(say.query("select 1"));
    await client.until("Z");

    await stand.sessions.cutGrant(stand.grant.grantID, "grant-revoked", "revoked");

    const replies = await client.untilClosed();
    expect(shape(replies)).toBe("E");
    expect([errorField(replies[0], "S"), errorField(replies[0], "C")]).toEqual(["FATAL", "57P01"]);
  });

  it("23 Ending a session: a session that the server ends is recorded with the server's reason", async () => {
    client.send(say.query("select 1"));
    await client.until("Z");

    await postgres.query("select pg_terminate_backend(pid) from pg_stat_activity where usename = $1", [role.username]);

    expect(errorField((await client.untilClosed())[0], "C")).toBe("57P01");
    expect(await stand.journal.until(isClose)).toMatchObject({
      reason: "server-closed",
      message: expect.stringContaining("administrator command"),
      backend: "gone",
    });
  });

  it("25 The backend keeps running: what is still on its way to the server when the session is cut does not run", async () => {
    client.send(
      say.parse("", "select pg_sleep(600)"),
      say.bind("", ""),
      say.execute(),
      say.sync(),
      ...Array.from({ length: 50 }, (_, n) => [
        say.parse("", `insert into t values (${n})`),
        say.bind("", ""),
        say.execute(),
        say.sync(),
      ]).flat(),
    );
    await running("pg_sleep(600)");

    const outcome = await stand.sessions.cutGrant(stand.grant.grantID, "grant-expired", "expired");

    expect(outcome).toEqual({ sessions: 1, backendsGone: 1 });
    const [{ count } = { count: "" }] = await postgres.query<{ count: string }>("select count(*) from t");
    expect(Number(count)).toBeLessThanOrEqual(1);
    expect(stand.journal.ends.every((end) => end.outcome === "cut")).toBe(true);
    expect(stand.journal.ends).toHaveLength(51);
  });

  it("25 The backend keeps running: a client that vanishes while its statement runs does not leave it running", async () => {
    client.send(say.query("select pg_sleep(600)"));
    await running("pg_sleep(600)");

    client.socket.destroy();

    const close = await stand.journal.until(isClose);
    expect(close).toMatchObject({ reason: "client-closed", backend: "gone" });
    expect(stand.journal.ends[0]).toMatchObject({ outcome: "cancelled" });
  });

  it("25 The backend keeps running: a transaction that is open and idle is rolled back", async () => {
    client.send(say.query("begin; insert into t values (1)"));
    await client.until("Z");

    expect(await endGrant()).toEqual(goneCompletely);

    expectFatal(await client.untilClosed());
    expect(await rows()).toBe(0);
  });

  it("23 and 25: in the middle of COPY from the client nothing of it stays, and the client hears why", async () => {
    client.send(say.query("copy t from stdin"));
    await client.until("G");
    client.send(...Array.from({ length: 2_000 }, (_, n) => say.copyData(`${n}\n`)));

    expect(await endGrant()).toEqual(goneCompletely);

    expectFatal(await client.untilClosed());
    expect(await rows()).toBe(0);
    expect(stand.journal.ends.map((end) => end.outcome)).toEqual(["cut"]);
  });

  it.each([
    ["a large result", "select repeat('x', 10000) from generate_series(1, 100000)"],
    ["COPY to the client", "copy (select repeat('x', 10000) from generate_series(1, 100000)) to stdout"],
  ])(
    "23 and 25: in the middle of %s that the client does not read, no message is torn by the error",
    async (_what, sql) => {
      client.send(say.query(sql));
      await client.until(sql.startsWith("copy") ? "d" : "D");
      client.socket.pause();

      expect(await endGrant()).toEqual(goneCompletely);

      client.socket.resume();
      const replies = await client.untilClosed();
      expect(replies.slice(0, -1).every((reply) => ["D", "d"].includes(reply.type))).toBe(true);
      if (replies.at(-1)?.type === "E") {
        expectFatal(replies.slice(-1));
      }
      expect(stand.journal.ends.map((end) => end.outcome)).toEqual(["cut"]);
      expect(stand.journal.closes[0]).toMatchObject({ reason: "grant-expired", inFlight: 1, backend: "gone" });
    },
  );

  it("23 Ending a session: where a message has only half arrived the stream closes without a word", async () => {
    let held: Buffer | undefined;
    const server = await startGoBetween(postgres, {
      fromServer(type, message) {
        if (type === "T") {
          held = message;
        }
        const half =
          type === "D" && held !== undefined ? Buffer.concat([held, message.subarray(0, 100)]) : Buffer.alloc(0);
        return held === undefined ? message : half;
      },
    });
    const torn = await startStand(server);
    const reader = await RawClient.start(torn.port, parameters());
    reader.send(say.query("select repeat('x', 10000)"));
    await reader.until("T");

    const outcome = await endGrant(torn);

    expect(outcome).toEqual(goneCompletely);
    expect(await reader.untilClosed()).toEqual([]);
    await torn.stop();
    await server.stop();
  });

  it("23 Ending a session: of a pipeline, answers stand before the error, and what was not answered is cut", async () => {
    client.send(
      say.query("insert into t values (1)"),
      say.query("select pg_sleep(600)"),
      say.query("insert into t values (2)"),
    );
    await running("pg_sleep(600)");

    expect(await endGrant()).toEqual(goneCompletely);

    const replies = await client.untilClosed();
    expect(shape(replies)).toBe("C Z E");
    expectFatal(replies.slice(-1));
    expect(await rows()).toBe(1);
    expect(stand.journal.ends.map((end) => end.outcome)).toEqual(["ok", "cut", "cut"]);
  });

  it("a warning before the end stands between two messages of a result, and disturbs nothing", async () => {
    client.send(say.query("select repeat('x', 5000) from generate_series(1, 20000)"));
    await client.until("D");

    for (const session of stand.sessions.all()) {
      session.warn("this grant ends in 5 minutes");
    }

    const replies = await client.until("Z");
    const notices = replies.filter((reply) => reply.type === "N");
    expect(notices.map((notice) => [errorField(notice, "S"), errorField(notice, "M")])).toEqual([
      ["WARNING", "this grant ends in 5 minutes"],
    ]);
    expect(replies.filter((reply) => reply.type === "D")).toHaveLength(19_999);
    expect(stand.journal.ends[0]).toMatchObject({ outcome: "ok", rows: 20_000 });
  });

  it("a warning reaches a client that does nothing", async () => {
    for (const session of stand.sessions.all()) {
      session.warn("this grant ends in 5 minutes");
    }

    expect(errorField((await client.until("N")).at(-1), "C")).toBe("01000");
  });
});

function expectFatal(replies: readonly Reply[]): void {
  const fatal = replies.find((reply) => reply.type === "E");
  expect([errorField(fatal, "S"), errorField(fatal, "C"), errorField(fatal, "M")]).toEqual([
    "FATAL",
    "57P01",
    "the grant has expired",
  ]);
}

async function rows(): Promise<number> {
  return (await postgres.query("select n from t")).length;
}

/** Waits until the server itself says that it runs this. */
async function running(text: string): Promise<void> {
  const sql = "select 1 from pg_stat_activity where usename = $1 and state = 'active' and position($2 in query) > 0";
  while ((await postgres.query(sql, [role.username, text])).length === 0) {}
}
