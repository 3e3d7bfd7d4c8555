import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startPostgres, type TestPostgres } from "#test/harness/postgres.ts";
import { isClose, isStart } from "../testing/journal.ts";
import { errorField, RawClient, say, shape } from "../testing/raw-client.ts";
import { role, roleSQL, startStand, type Stand } from "../testing/stand.ts";
import { heldCallBytesMax, heldMessageBytesMax } from "./relay-handlers.ts";

let postgres: TestPostgres;
let stand: Stand;
let client: RawClient;

beforeAll(async () => {
  postgres = await startPostgres({
    initSQL: `${roleSQL} create table t (v text); grant all on t to ${role.username};`,
  });
  stand = await startStand(postgres);
});
afterAll(async () => {
  await stand?.stop();
  await postgres?.stop();
});
beforeEach(async () => {
  await postgres.query("truncate t");
  stand.journal.clear();
  client = await RawClient.start(stand.port, { user: role.username, database: postgres.database });
});
afterEach(async () => {
  stand.journal.verdict = () => "written";
  stand.journal.release();
  client.socket.destroy();
  await stand.quiet();
});

const rowCount = async (): Promise<number> =>
  Number((await postgres.query<{ n: string }>("select count(*) n from t"))[0]?.n);

describe("audit before execute", () => {
  it("a statement does not reach the server while its record is not written, and does as soon as it is", async () => {
    stand.journal.hold = true;
    client.send(say.query("insert into t values ('recorded first')"));
    await stand.journal.until(isStart);
    // The server answers a second client meanwhile, so it had every chance.
    await postgres.query("select 1");
    const before = await rowCount();
    expect(client.replies).toEqual([]);

    stand.journal.release();
    await client.until("Z");

    expect([before, await rowCount()]).toEqual([0, 1]);
  });

  it.each([
    ["full", "58030", "audit-full"],
    ["too-large", "54000", "audit-full"],
  ] as const)(
    "a record that is refused (%s) refuses the statement and ends the session",
    async (verdict, state, reason) => {
      stand.journal.verdict = (body) => (body.kind === "statement.start" ? verdict : "written");

      client.send(say.query("insert into t values ('never')"));

      const [error] = await client.untilClosed();
      expect(errorField(error, "C")).toBe(state);
      expect(await stand.journal.until(isClose)).toMatchObject({ reason, backend: "gone" });
      expect(stand.journal.deniedCount).toBe(verdict === "full" ? 1 : 0);
      expect(await rowCount()).toBe(0);
    },
  );

  it("with onFull Gap a long full spool is one gap, not one in the reserve for each statement", async () => {
    stand.grant = { ...stand.grant, audit: { ...stand.grant.audit, onFull: "Gap" } };
    client.socket.destroy();
    await stand.quiet();
    stand.journal.clear();
    stand.journal.verdict = (body) => (body.kind === "statement.start" ? "full" : "written");
    const other = await RawClient.start(stand.port, { user: role.username, database: postgres.database });

    for (let n = 0; n < 5; n += 1) {
      other.send(say.query("select 1"));
      await other.until("Z");
    }
    const before = stand.journal.records.filter((record) => record.kind === "gap");
    other.send(say.terminate());
    await stand.journal.until(isClose);

    expect(before).toEqual([]);
    // Each statement lacks its start and its end.
    expect(stand.journal.records.filter((record) => record.kind === "gap")).toMatchObject([{ count: 10 }]);
    stand.grant = { ...stand.grant, audit: { ...stand.grant.audit, onFull: "Deny" } };
  });

  it("with onFull Gap the statement runs, and the gap is said with its count as soon as there is room", async () => {
    stand.grant = { ...stand.grant, audit: { ...stand.grant.audit, onFull: "Gap" } };
    const tolerant = await RawClient.start(stand.port, { user: role.username, database: postgres.database });
    stand.grant = { ...stand.grant, audit: { ...stand.grant.audit, onFull: "Deny" } };
    stand.journal.verdict = () => "full";
    tolerant.send(say.query("insert into t values ('unrecorded')"));
    await tolerant.until("Z");
    stand.journal.verdict = () => "written";
    tolerant.send(say.query("insert into t values ('recorded')"));
    await tolerant.until("Z");
    tolerant.send(say.terminate());
    await stand.journal.until(isClose);

    expect(await rowCount()).toBe(2);
    expect(stand.journal.deniedCount).toBe(0);
    expect(stand.journal.records.find((record) => record.kind === "gap")).toMatchObject({
      count: 2,
      reason: "spool-full",
    });
    expect(stand.journal.starts.map((start) => start.sql)).toEqual(["insert into t values ('recorded')"]);
  });

  it("a session whose opening cannot be recorded is not opened", async () => {
    stand.journal.verdict = (body) => (body.kind === "session.open" ? "full" : "written");
    const refused = await RawClient.dial(stand.port);
    refused.expectMessages();
    const { startup } = await import("../testing/raw-client.ts");

    refused.send(startup({ user: role.username, database: postgres.database }));

    expect(errorField((await refused.untilClosed())[0], "C")).toBe("58030");
    expect(stand.journal.deniedCount).toBe(1);
  });
});

describe("sizes", () => {
  it("a function call too large for any record is refused before a byte of it is forwarded", async () => {
    client.send(Buffer.concat([Buffer.from([0x46]), int32(heldCallBytesMax + 5)]), Buffer.alloc(100_000, "a"));

    const [error] = await client.untilClosed();
    expect(errorField(error, "C")).toBe("54000");
    expect(stand.journal.starts).toEqual([]);
  });

  it("COPY data streams past whatever its size, and is counted", async () => {
    const row = `${"y".repeat(heldMessageBytesMax + 1_000)}\n`;

    client.send(say.query("copy t from stdin"));
    await client.until("G");
    client.send(say.copyData(row), say.copyDone());
    await client.until("Z");

    expect(await rowCount()).toBe(1);
    expect(stand.journal.ends[0]?.bytesFromClient).toBeGreaterThan(row.length);
  });

  it("a client that does not read makes the server wait, not the proxy's memory grow", async () => {
    client.socket.pause();
    client.send(say.query("select repeat('z', 1000000) from generate_series(1, 300)"));
    const waiting = "select 1 from pg_stat_activity where usename = $1 and wait_event = 'ClientWrite'";
    while ((await postgres.query(waiting, [role.username])).length === 0) {}
    const held = process.memoryUsage().arrayBuffers;

    client.socket.resume();
    const replies = await client.until("Z");

    expect(held).toBeLessThan(100 * 1024 * 1024);
    expect(replies.filter((reply) => reply.type === "D")).toHaveLength(300);
    expect(stand.journal.ends[0]).toMatchObject({ rows: 300 });
    expect(stand.journal.ends[0]?.bytesToClient).toBeGreaterThan(300_000_000);
  });
});

describe("a warning before the end", () => {
  it("stands between two messages, in the middle of a result too", async () => {
    client.socket.pause();
    client.send(say.query("select repeat('z', 100000) from generate_series(1, 200)"));
    const waiting = "select 1 from pg_stat_activity where usename = $1 and wait_event = 'ClientWrite'";
    while ((await postgres.query(waiting, [role.username])).length === 0) {}

    for (const session of stand.sessions.all()) {
      session.warn("your access ends in 5 minutes");
    }
    client.socket.resume();
    const replies = await client.until("Z");

    const at = replies.findIndex((reply) => reply.type === "N");
    expect(at).toBeGreaterThan(0);
    expect(errorField(replies[at], "M")).toBe("your access ends in 5 minutes");
    expect(shape(replies)).toBe(`T ${"D ".repeat(200)}C Z`);
  });

  it("reaches an idle client at once", async () => {
    for (const session of stand.sessions.all()) {
      session.warn("soon");
    }

    expect(errorField((await client.until("N")).at(-1), "M")).toBe("soon");
  });
});

describe("redaction", () => {
  it("takes passwords out of statements, of bound values and of the server's echo of them", async () => {
    client.send(say.query("alter role nobody_here password 'hunter2-secret'"));
    await client.until("Z");
    client.send(say.query("create role x password 'hunter2-secret' 'oops"));
    await client.until("Z");
    client.send(
      say.parse("", "select $1"),
      say.bind("", "", ["host=db password=hunter2-secret"]),
      say.execute(),
      say.sync(),
    );
    await client.until("Z");

    const records = JSON.stringify(stand.journal.records);
    expect(records).not.toContain("hunter2-secret");
    expect(stand.journal.starts.map((start) => start.redacted)).toEqual([1, expect.any(Number), 1]);
    expect(records).toContain("alter role nobody_here password");
  });

  it("leaves parameters out of the record where the policy says so, and says how many", async () => {
    stand.grant = { ...stand.grant, audit: { ...stand.grant.audit, parameters: "Omit" } };
    const omitting = await RawClient.start(stand.port, { user: role.username, database: postgres.database });
    stand.grant = { ...stand.grant, audit: { ...stand.grant.audit, parameters: "Record" } };

    omitting.send(say.parse("", "select $1"), say.bind("", "", ["private"]), say.execute(), say.sync());
    await omitting.until("Z");
    omitting.socket.destroy();

    expect(stand.journal.starts.at(-1)).toMatchObject({ parametersOmitted: 1 });
    expect(JSON.stringify(stand.journal.starts)).not.toContain("private");
  });
});

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
