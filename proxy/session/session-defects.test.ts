import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { RecordBody } from "#audit/record.ts";
import { systemClock } from "#lib/clock.ts";
import { type Log, type LogFields, silentLog } from "#lib/log.ts";
import { createDatabaseIdentity } from "#test/harness/database-identity.ts";
import { startPostgres, type TestPostgres } from "#test/harness/postgres.ts";
import { isClose } from "../testing/journal.ts";
import { errorText, RawMySqlClient } from "../testing/raw-mysql-client.ts";
import { errorField, RawClient, say, shape } from "../testing/raw-client.ts";
import { plainFlags, startScriptedStand } from "../testing/scripted-stand.ts";
import { role, roleSQL, startStand, type Stand } from "../testing/stand.ts";

const words = "the session ended by a defect of the proxy";

/** What was logged as an error. */
let logged: LogFields[];
const log: Log = { ...silentLog, error: (_message, fields = {}) => void logged.push(fields) };
/** While set, time is a defect. */
let isClockBroken: boolean;
const clock = {
  ...systemClock,
  now: () => {
    if (isClockBroken) {
      throw new Error("a defect");
    }
    return systemClock.now();
  },
};

/** Makes the sink of a session's records fail at one that fits. */
function failAt(stand: Stand, fits: (record: RecordBody) => boolean): void {
  stand.journal.verdict = (record) => {
    if (fits(record)) {
      throw new Error("a defect");
    }
    return "written";
  };
}

beforeEach(() => {
  logged = [];
  isClockBroken = false;
});

const asDefect = { session: expect.any(String), error: expect.any(Error), stack: expect.stringContaining(".ts:") };

describe("a defect in a Postgres session", () => {
  let postgres: TestPostgres;
  let stand: Stand;
  let client: RawClient;
  let other: RawClient;

  beforeAll(async () => {
    postgres = await startPostgres({ initSQL: roleSQL });
    stand = await startStand(postgres, { log, clock });
  });
  afterAll(async () => {
    await stand?.stop();
    await postgres?.stop();
  });
  beforeEach(async () => {
    const parameters = { user: role.username, database: postgres.database };
    client = await RawClient.start(stand.port, parameters);
    other = await RawClient.start(stand.port, parameters);
  });
  afterEach(async () => {
    client.socket.destroy();
    other.socket.destroy();
    stand.journal.verdict = () => "written";
    await stand.quiet();
    stand.journal.clear();
    stand.grant = { ...stand.grant, audit: { ...stand.grant.audit, onFull: "Deny" } };
  });

  /** The session of `client` is over, with a word of why; that of `other` goes on. */
  async function expectOneEnd(): Promise<void> {
    const replies = await client.untilClosed();
    expect([errorField(replies.at(-1), "S"), errorField(replies.at(-1), "C"), errorField(replies.at(-1), "M")]).toEqual(
      ["FATAL", "XX000", words],
    );
    expect(await stand.journal.until(isClose)).toMatchObject({ reason: "error", message: words, backend: "gone" });
    expect(logged[0]).toEqual(asDefect);
    stand.journal.verdict = () => "written";
    isClockBroken = false;
    other.send(say.query("select 1"));
    expect(shape(await other.until("Z"))).toBe("T D C Z");
  }

  it("while its client's bytes are read ends that session only, and the statement is not forwarded", async () => {
    failAt(stand, (record) => record.kind === "statement.start" && record.sql === "create table forwarded ()");

    client.send(say.query("create table forwarded ()"));

    await expectOneEnd();
    expect(await postgres.query("select 1 from pg_class where relname = 'forwarded'")).toEqual([]);
  });

  it("while its server's bytes are read ends that session only, and its client gets nothing of them", async () => {
    failAt(stand, (record) => record.kind === "statement.end");

    client.send(say.query("select 'secret'"));
    const replies = await client.untilClosed();

    expect(shape(replies)).toBe("E");
    expect(errorField(replies[0], "M")).toBe(words);
    expect(await stand.journal.until(isClose)).toMatchObject({ reason: "error", backend: "gone" });
    stand.journal.verdict = () => "written";
    other.send(say.query("select 1"));
    expect(shape(await other.until("Z"))).toBe("T D C Z");
  });

  it("in what the journal calls back ends that session only", async () => {
    client.socket.destroy();
    stand.grant = { ...stand.grant, audit: { ...stand.grant.audit, onFull: "Gap" } };
    client = await RawClient.start(stand.port, { user: role.username, database: postgres.database });
    await stand.journal.until(isClose);
    stand.journal.clear();
    stand.journal.verdict = (record) => {
      isClockBroken = record.kind === "statement.start";
      return isClockBroken ? "full" : "written";
    };

    client.send(say.query("select 1"));

    await expectOneEnd();
  });

  it("in the last records of a session that is cut leaves its end confirmed and on record", async () => {
    client.send(say.query("select pg_sleep(600)"));
    await stand.journal.until(
      (record): record is RecordBody & { kind: "statement.start" } => record.kind === "statement.start",
    );
    failAt(stand, (record) => record.kind === "statement.end");

    const outcome = await stand.sessions.cutGrant(stand.grant.grantID, "grant-revoked", "revoked");

    expect(outcome).toEqual({ sessions: 2, backendsGone: 2 });
    expect(stand.journal.closes.map(({ reason }) => reason).sort()).toEqual(["error", "grant-revoked"]);
    expect(logged[0]).toEqual(asDefect);
  });
});

describe("a defect in a MySQL session", () => {
  let started: Awaited<ReturnType<typeof startScriptedStand>>;
  let client: RawMySqlClient;
  let other: RawMySqlClient;

  beforeEach(async () => {
    started = await startScriptedStand(await createDatabaseIdentity(), {}, { log, clock });
    ({ client } = await RawMySqlClient.start(started.stand.port, { flags: plainFlags }));
    ({ client: other } = await RawMySqlClient.start(started.stand.port, { flags: plainFlags }));
    return async () => {
      client.socket.destroy();
      other.socket.destroy();
      await started.stand.quiet();
      await started.stop();
    };
  });

  it.each(["statement.start", "statement.end"] as const)(
    "at a %s ends that session only, and its client gets no more than a word of why",
    async (kind) => {
      const { stand } = started;
      failAt(stand, (record) => record.kind === kind);

      client.command(3, "select 1");

      const packets = await client.untilClosed();
      expect(packets.map((packet) => [packet.sequence, errorText(packet)])).toEqual([[1, `1105 #HY000${words}`]]);
      expect(await stand.journal.until(isClose)).toMatchObject({ reason: "error", message: words });
      expect(logged[0]).toEqual(asDefect);
      stand.journal.verdict = () => "written";
      other.command(3, "select 2");
      expect((await other.next()).payload[0]).toBe(0);
    },
  );
});
