import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isClose } from "#proxy/testing/journal.ts";
import { errorField, RawClient, type Reply, say, shape } from "#proxy/testing/raw-client.ts";
import { grantFor, role, roleSQL, startStand, type Stand } from "#proxy/testing/stand.ts";
import { startPostgres, type TestPostgres } from "#test/harness/postgres.ts";

// During COPY from stdin the server ignores Sync; after it has failed, Sync counts. Between the server's error and its ReadyForQuery,
// which a transaction with many files to remove makes long, nobody but the server knows which of the two a Sync was.

let postgres: TestPostgres;
let stand: Stand;

beforeAll(async () => {
  postgres = await startPostgres({
    initSQL: `${roleSQL} create table t (n int); grant all on t to ${role.username};
      create function fail() returns trigger language plpgsql as $$ begin raise 'no'; end $$;
      create table failing (n int); grant all on failing to ${role.username};
      create trigger failing before insert on failing for each statement execute function fail();`,
    settings: { max_locks_per_transaction: "1000" },
  });
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

const manyFiles = `do $$ begin for i in 1..1500 loop execute 'create temp table x' || i || ' (a int primary key)'; end loop; end $$`;

const hidden = [
  say.parse("", "insert into t values (4711)"),
  say.bind("", ""),
  say.execute(),
  say.parse("", `alter role ${role.username} password 'taken'`),
  say.bind("", ""),
  say.execute(),
  say.sync(),
];

async function attack(table: string, data: readonly Buffer[], first: readonly Buffer[]): Promise<Reply[]> {
  const one = await RawClient.start(stand.port, { user: role.username, database: postgres.database });
  one.send(say.parse("", manyFiles), say.bind("", ""), say.execute());
  one.send(say.parse("", `copy ${table} from stdin`), say.bind("", ""), say.execute(), ...first);
  await one.until("G");
  one.send(...data);
  await one.until("E");
  one.send(...hidden, say.terminate());
  const replies = await one.untilClosed();
  one.socket.destroy();
  await stand.journal.until(isClose);
  await stand.quiet();
  return replies;
}

describe("what a client sends while a failed COPY is being undone is on record, or does not run", () => {
  it.each([
    { name: "a Sync among its data", table: "t", data: [say.copyData("bad\n"), say.sync()], first: [say.flush()] },
    { name: "a Sync before it began", table: "failing", data: [], first: [say.sync()] },
  ])("after $name", async ({ table, data, first }) => {
    const replies = await attack(table, data, first);

    const rows = await postgres.query("select 1 from t where n = 4711");
    expect(rows).toEqual([]);
    expect(replies.map((reply) => errorField(reply, "M"))).toContain(
      "unexpected message before the end of COPY from stdin",
    );
  });
});

describe("a Sync that COPY ignores keeps no client from going on", () => {
  it.each([
    { name: "fails", data: "bad\n", shape: "E Z T D C Z" },
    { name: "succeeds", data: "1\n", shape: "C Z T D C Z" },
  ])("where COPY $name", async ({ data, shape: expected }) => {
    const one = await RawClient.start(stand.port, { user: role.username, database: postgres.database });

    one.send(say.parse("", "copy t from stdin"), say.bind("", ""), say.execute(), say.sync());
    await one.until("G");
    one.send(say.copyData(data), say.copyDone(), say.sync(), say.query("select 1"));
    const replies = await one.until("Z", 2);

    expect(shape(replies)).toBe(expected);
    one.send(say.terminate());
    await one.untilClosed();
  });
});
