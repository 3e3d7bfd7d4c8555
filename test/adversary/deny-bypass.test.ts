import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isClose } from "#proxy/testing/journal.ts";
import { errorField, RawClient, type Reply, say } from "#proxy/testing/raw-client.ts";
import { grantFor, role, roleSQL, startStand, type Stand } from "#proxy/testing/stand.ts";
import { startPostgres, type TestPostgres } from "#test/harness/postgres.ts";

// Ways to get a refused statement past the reading of it, by changing what a text means while it is on its way.

let postgres: TestPostgres;
let stand: Stand;

beforeAll(async () => {
  postgres = await startPostgres({ initSQL: `${roleSQL} create table t (n int); grant all on t to ${role.username};` });
  stand = await startStand(postgres);
  stand.grant = grantFor(postgres, { hazards: { policy: "Deny", sessionReads: "Deny", expectedSettings: [] } });
});
afterAll(async () => {
  await stand?.stop();
  await postgres?.stop();
});
beforeEach(() => {
  stand.journal.clear();
});

const start = (): Promise<RawClient> =>
  RawClient.start(stand.port, { user: role.username, database: postgres.database });

async function leave(one: RawClient): Promise<void> {
  one.send(say.terminate());
  one.socket.end();
  await one.untilClosed();
  await stand.journal.until(isClose);
  await stand.quiet();
}

const statesOf = (replies: readonly Reply[]): (string | undefined)[] =>
  replies.filter(({ type }) => type === "E").map((reply) => errorField(reply, "C"));

describe("a refused statement is seen", () => {
  it("behind a setting that was answered, and that the server has not told yet", async () => {
    const one = await start();

    one.send(say.parse("", "set standard_conforming_strings = off"), say.bind("", ""), say.execute(), say.flush());
    await one.until("C");
    one.send(say.parse("", "select '\\'||', pg_cancel_backend(1) --'"), say.bind("", ""), say.execute(), say.sync());
    const replies = await one.until("Z");

    expect(statesOf(replies)).toEqual(["42501"]);
    await leave(one);
  });

  it("behind an encoding that is changing", async () => {
    const one = await start();
    const half = Buffer.of(0x83, 0x5c).toString("latin1");
    const sql = Buffer.from(say.query(`select E'${half}', pg_cancel_backend(1) --'`));
    const bytes = Buffer.from(sql.toString("latin1").replace("\u00c2\u0083", "\u0083"), "latin1");
    bytes.writeInt32BE(bytes.length - 1, 1);

    one.send(say.query("set client_encoding = 'SJIS'"), bytes);
    const replies = await one.until("Z", 2);

    expect(statesOf(replies)).toEqual(["42501"]);
    await leave(one);
  });

  it("as an argument of a function call that runs text", async () => {
    const one = await start();

    one.send(say.functionCall(2924, ["select pg_cancel_backend(1)", "t", "f", ""]));
    const replies = await one.until("Z");

    expect(statesOf(replies)).toEqual(["42501"]);
    await leave(one);
  });
});

it("code that puts its text together in a routine is not refused", async () => {
  const one = await start();

  one.send(say.query("do $$ declare q text := 'select 1'; begin execute q; execute format('select %s', 1); end $$"));
  const replies = await one.until("Z");

  expect(statesOf(replies)).toEqual([]);
  await leave(one);
});
