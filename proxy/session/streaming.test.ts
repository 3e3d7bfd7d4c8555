import { createHash } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Parameter, StatementStart, StatementText, TextReference } from "#audit/record.ts";
import { bytesOfText } from "#audit/text.ts";
import { startPostgres, type TestPostgres } from "#test/harness/postgres.ts";
import { isClose } from "../testing/journal.ts";
import { errorField, RawClient, say, shape } from "../testing/raw-client.ts";
import { role, roleSQL, startStand, type Stand } from "../testing/stand.ts";

const mib = 1024 * 1024;

let postgres: TestPostgres;
let stand: Stand;
let client: RawClient;

beforeAll(async () => {
  postgres = await startPostgres({
    initSQL: `${roleSQL} create table t (v text); create table b (v bytea); grant all on t, b to ${role.username};`,
  });
  stand = await startStand(postgres);
});
afterAll(async () => {
  await stand?.stop();
  await postgres?.stop();
});
let before: Stand["grant"];
beforeEach(async () => {
  before = stand.grant;
  await postgres.query("truncate t, b");
  stand.journal.clear();
  client = await RawClient.start(stand.port, { user: role.username, database: postgres.database });
});
afterEach(async () => {
  stand.grant = before;
  stand.journal.verdict = () => "written";
  stand.journal.release();
  client.socket.destroy();
  await stand.quiet();
});

const one = async (sql: string): Promise<unknown> =>
  Object.values((await postgres.query<Record<string, unknown>>(sql))[0] ?? {})[0];

const isPiece = (record: { readonly kind: string }): record is StatementText => record.kind === "statement.text";

/** A large text as its pieces say it; throws where they are not whole. */
function recorded(reference: TextReference | undefined): Buffer {
  const pieces = stand.journal.records.filter(isPiece).filter(({ text }) => text === reference?.text);
  const bytes = Buffer.concat(pieces.map(({ data }) => bytesOfText(data)));
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  expect(pieces.map(({ index }) => index)).toEqual(pieces.map((_, index) => index));
  expect(pieces.at(-1)?.whole).toEqual({ bytes: bytes.length, sha256 });
  expect(reference?.bytes).toBe(bytes.length);
  return bytes;
}

async function reconnect(change: Partial<Stand["grant"]>): Promise<void> {
  client.socket.destroy();
  await stand.quiet();
  stand.journal.clear();
  stand.grant = { ...before, ...change };
  client = await RawClient.start(stand.port, { user: role.username, database: postgres.database });
}

describe("a statement of any size", () => {
  it("of 64 MiB runs, and comes back whole from its records, its secret taken out", async () => {
    const literal = "lorem ipsum é ".repeat((64 * mib) / 15);
    const sql = `insert into t values ('${literal}'), ('password=hunter22'); select 7`;

    client.send(say.query(sql));
    const replies = await client.until("Z");

    expect(shape(replies)).toBe("C T D C Z");
    expect(await one("select max(length(v)) from t")).toBe(literal.length);
    const [start] = stand.journal.starts;
    expect(start).toMatchObject({ protocol: "simple", statements: 2, redacted: 1 });
    expect(start?.sql).toBe(sql.slice(0, String(start?.sql).length));
    expect(recorded(start?.sqlText).toString()).toBe(sql.replace("hunter22", "[redacted]"));
  });

  it("is prepared once and referred to by each execution", async () => {
    const sql = `select length('${"x".repeat(2 * mib)}') + $1`;

    client.send(
      say.parse("", sql, [23]),
      say.bind("", "", ["1"]),
      say.execute(""),
      say.bind("", "", ["2"]),
      say.execute(""),
      say.sync(),
    );
    const replies = await client.until("Z");

    expect(shape(replies)).toBe("1 2 D C 2 D C Z");
    const [first, second] = stand.journal.starts;
    expect(second?.sqlText).toEqual(first?.sqlText);
    expect(recorded(first?.sqlText).toString()).toBe(sql);
    expect(stand.journal.records.filter(isPiece).filter(({ whole }) => whole !== undefined)).toHaveLength(1);
  });

  it("reaches the server only in part while its last record is not written", async () => {
    stand.journal.hold = true;
    client.send(say.query(`insert into t values ('${"x".repeat(4 * mib)}')`));
    await stand.journal.until(isPiece);
    await postgres.query("select 1");
    const without = await one("select count(*)::int from t");

    stand.journal.release();
    await client.until("Z");

    expect([without, await one("select count(*)::int from t")]).toEqual([0, 1]);
  });

  it("ends the session, and never runs, when the spool is full in its middle", async () => {
    let pieces = 0;
    stand.journal.verdict = (body) => (body.kind === "statement.text" && (pieces += 1) > 5 ? "full" : "written");

    client.send(say.query(`insert into t values ('${"x".repeat(4 * mib)}')`));

    expect(errorField((await client.untilClosed())[0], "C")).toBe("58030");
    expect(await stand.journal.until(isClose)).toMatchObject({ reason: "audit-full", backend: "gone" });
    expect(stand.journal.starts).toEqual([]);
    expect(await one("select count(*)::int from t")).toBe(0);
  });

  it("runs with a gap in its place when policy prefers that", async () => {
    await reconnect({ audit: { ...before.audit, onFull: "Gap" } });
    let pieces = 0;
    stand.journal.verdict = (body) => (body.kind === "statement.text" && (pieces += 1) === 5 ? "full" : "written");

    client.send(say.query(`insert into t values ('${"x".repeat(4 * mib)}')`));
    await client.until("Z");
    client.send(say.query("select 1"));
    await client.until("Z");

    expect(stand.journal.starts.map(({ sql }) => sql)).toEqual(["select 1"]);
    expect(stand.journal.records.find(({ kind }) => kind === "gap")).toMatchObject({ reason: "spool-full" });
  });

  it("is nothing when the client leaves in its middle", async () => {
    const message = say.query(`insert into t values ('${"x".repeat(4 * mib)}')`);

    client.send(message.subarray(0, 3 * mib));
    await stand.journal.until(isPiece);
    client.socket.destroy();

    expect(await stand.journal.until(isClose)).toMatchObject({ reason: "client-closed" });
    expect(stand.journal.starts).toEqual([]);
    expect(await one("select count(*)::int from t")).toBe(0);
  });

  it("is cut in its middle when the grant ends", async () => {
    const message = say.query(`insert into t values ('${"x".repeat(4 * mib)}')`);
    client.send(message.subarray(0, 3 * mib));
    await stand.journal.until(isPiece);

    await Promise.all(
      [...stand.sessions.all()].map((session) => session.cut("grant-revoked", "the grant was revoked")),
    );

    expect(errorField((await client.untilClosed())[0], "C")).toBe("57P01");
    expect(await stand.journal.until(isClose)).toMatchObject({ reason: "grant-revoked", backend: "gone" });
    expect(await one("select count(*)::int from t")).toBe(0);
  });

  it.each([
    ["holds a NUL", Buffer.concat([Buffer.alloc(300_000, "a"), Buffer.from("\0; select 2\0")])],
    ["does not end with a NUL", Buffer.alloc(300_000, "a")],
  ])("is refused where it %s", async (_why, body) => {
    client.send(Buffer.concat([Buffer.from([0x51]), int32(body.length + 4), body]));

    expect(errorField((await client.untilClosed())[0], "C")).toBe("08P01");
    expect(stand.journal.starts).toEqual([]);
  });
});

describe("bound values of any size", () => {
  const start = async (
    values: readonly (Buffer | string | null)[],
    sql: string,
  ): Promise<StatementStart | undefined> => {
    client.send(say.parse("", sql), say.bind("", "", values as string[]), say.execute(""), say.sync());
    expect(shape(await client.until("Z"))).toBe("1 2 C Z");
    return stand.journal.starts[0];
  };

  it("of 40 MiB is recorded beside a small one and a NULL", async () => {
    const value = "0123456789".repeat(4 * mib);

    const record = await start([value, "small", null], "insert into t values ($1), ($2), ($3)");

    expect(await one("select max(length(v)) from t")).toBe(value.length);
    const [large, small, none] = record?.parameters ?? ([] as Parameter[]);
    expect(large?.value).toBe(value.slice(0, 48));
    expect(recorded(large?.text).toString()).toBe(value);
    expect([small?.value, none?.value]).toEqual(["small", null]);
  });

  it("is kept out of the records where policy says so", async () => {
    await reconnect({ audit: { ...before.audit, parameters: "Omit" } });

    const record = await start(["secret ".repeat(mib), "small"], "insert into t values ($1), ($2)");

    expect(record).toMatchObject({ parametersOmitted: 2 });
    expect(stand.journal.records.filter(isPiece)).toEqual([]);
  });
});

describe("hazards in a large statement", () => {
  const deny = { hazards: { policy: "Deny", sessionReads: "Flag", expectedSettings: [] } } as const;

  it("are seen behind large literals, and the statement is refused before it is complete", async () => {
    await reconnect(deny);

    client.send(say.query(`select '${"x".repeat(mib)}'; alter role ${role.username} password 'x'`));

    expect(errorField((await client.untilClosed())[0], "C")).toBe("42501");
    expect(stand.journal.starts[0]?.notices).toEqual(["hazard:credential-change", "refused"]);
    await stand.journal.until(isClose);
    expect(stand.journal.ends[0]?.outcome).toBe("not-executed");
  });

  it("that cannot be looked for are said, and refused where policy denies them", async () => {
    const body = `do $$ begin perform '${"x".repeat(mib)} alter role'; end $$`;
    client.send(say.query(body));
    await client.until("Z");
    const flagged = stand.journal.starts[0]?.notices;
    await reconnect(deny);

    client.send(say.query(body));

    expect(flagged).toEqual(["hazard:dynamic-sql", "hazard:not-inspected"]);
    expect(errorField((await client.untilClosed())[0], "C")).toBe("42501");
  });

  it("are not suspected in data", async () => {
    await reconnect(deny);

    client.send(say.query(`insert into t values ('${"please alter and copy it ".repeat(100_000)}')`));

    expect(shape(await client.until("Z"))).toBe("C Z");
    expect(stand.journal.starts[0]?.notices).toBeUndefined();
  });
});

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
