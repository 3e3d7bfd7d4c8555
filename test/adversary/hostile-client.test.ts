import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { errorField, RawClient, say } from "#proxy/testing/raw-client.ts";
import { role, roleSQL, startStand, type Stand } from "#proxy/testing/stand.ts";
import { startPostgres, type TestPostgres } from "#test/harness/postgres.ts";

// A client with a valid grant that wants a statement to run whose text the audit trail does not hold, or holds wrongly.

let postgres: TestPostgres;
let stand: Stand;
let client: RawClient;

beforeAll(async () => {
  postgres = await startPostgres({
    initSQL: `${roleSQL} create table loot (n int); insert into loot values (1); grant all on loot to ${role.username};`,
  });
  stand = await startStand(postgres);
});
afterAll(async () => {
  await stand?.stop();
  await postgres?.stop();
});
beforeEach(async () => {
  stand.journal.clear();
  client = await RawClient.start(stand.port, { user: role.username, database: postgres.database });
});
afterEach(async () => {
  client.socket.destroy();
  await stand.quiet();
});

const harmless = "select 'harmless'";
const evil = "select 'evil'";

describe("a text that runs by its name", () => {
  it("is on record before SQL's EXECUTE can run what the protocol's Parse prepared", async () => {
    client.send(say.parse("s", evil), say.sync());
    await client.until("Z");
    client.send(say.query("execute s"));

    expect(values(await client.until("Z"))).toEqual(["evil"]);
    expect(texts()).toEqual([evil, "execute s"]);
    expect(stand.journal.starts[0]).toMatchObject({ statementName: "s", notices: ["prepared"] });
    expect(stand.journal.ends[0]).toMatchObject({ outcome: "not-executed" });
  });

  it("is on record before SQL's FETCH can run what the protocol's Bind made a portal of, with its values", async () => {
    client.send(say.query("begin"));
    await client.until("Z");
    client.send(
      say.parse("", "delete from loot where n <> $1 returning 'evil'"),
      say.bind("p", "", ["7"]),
      say.flush(),
    );
    await client.until("2");
    client.send(say.query("fetch all from p"));

    expect(values(await client.until("Z"))).toEqual(["evil"]);
    expect(texts()).toEqual(["begin", "delete from loot where n <> $1 returning 'evil'", "fetch all from p"]);
    expect(stand.journal.starts[1]).toMatchObject({ portal: "p", parameters: [{ value: "7" }], notices: ["bound"] });
  });

  it("is on record when only the planning of a Bind runs it", async () => {
    client.send(
      say.query(
        "create function pg_temp.peek() returns int immutable language plpgsql as $$ begin raise notice 'leak'; return 1; end $$",
      ),
    );
    await client.until("Z");
    client.send(say.parse("", "select pg_temp.peek()"), say.bind("", ""), say.flush());
    await client.until("N");
    client.send(say.terminate());
    await client.untilClosed();

    expect(texts()).toContain("select pg_temp.peek()");
  });

  it("is on record once when it is bound, described and executed", async () => {
    client.send(say.parse("s", evil), say.describe("S", "s"), say.sync());
    await client.until("Z");
    client.send(say.bind("p", "s"), say.describe("P", "p"));
    client.send(say.execute("p"), say.sync());
    await client.until("Z");

    expect(texts()).toEqual([evil]);
  });
});

describe("a name that means something else to the server than to the proxy", () => {
  const long = "n".repeat(63);

  it.each([
    ["the server's cut at 63 bytes", [say.close("S", `${long}x`), say.parse(`${long}x`, evil)], `${long}y`],
    ["DEALLOCATE without a space", [say.query('deallocate"s"'), say.query(`prepare"s"as ${evil}`)], "s"],
    ["comments that nest", [say.query("deallocate /* /* */ */ s"), say.query(`prepare /* /* */ */ s as ${evil}`)], "s"],
    ["a comment that ends at a return", [say.query("deallocate --\rs"), say.query(`prepare --\rs as ${evil}`)], "s"],
    ["Unicode escapes", [say.query('deallocate U&"\\0073"'), say.query(`prepare U&"\\0073" as ${evil}`)], "s"],
    [
      "a function that is called begin",
      [
        say.query(
          `create or replace function pg_temp.begin() returns int language sql as 'select 1'; deallocate s; prepare s as ${evil}`,
        ),
      ],
      "s",
    ],
    [
      "a label that is called end",
      [
        say.query(
          `create or replace function pg_temp.f() returns int begin atomic select 1 as end; select 2; end; deallocate s; prepare s as ${evil}`,
        ),
      ],
      "s",
    ],
  ])("is not recorded with the text of another: %s", async (_how, rename, name) => {
    client.send(say.parse(name, harmless), say.sync());
    await client.until("Z");
    for (const message of rename) {
      client.send(message, ...(message[0] === 0x51 ? [] : [say.sync()]));
      await client.until("Z");
    }

    client.send(say.bind("", name), say.execute(), say.sync());

    await ranEvilAndToldIt(name);
  });

  it("is not recorded with the text of another when all comes in one chunk", async () => {
    client.send(say.parse("s", harmless), say.sync());
    await client.until("Z");

    client.send(say.query(`deallocate s; prepare s as ${evil}`), say.bind("", "s"), say.execute(), say.sync());

    await client.until("Z");
    await ranEvilAndToldIt("s");
  });

  it("is not recorded with the text of another when the renaming fails half-way, in one chunk", async () => {
    client.send(say.parse("s", evil), say.sync());
    await client.until("Z");

    client.send(
      say.query(`select 1/0; deallocate s; prepare s as ${harmless}`),
      say.bind("", "s"),
      say.execute(),
      say.sync(),
    );

    await client.until("Z");
    await ranEvilAndToldIt("s");
  });

  it.each(["", "s"])(
    "%j is not recorded with the text of another when the server skips that one's Parse",
    async (name) => {
      client.send(say.parse(name, evil), say.sync());
      await client.until("Z");

      client.send(
        say.bind("", "no_such_statement"),
        ...(name === "" ? [] : [say.close("S", name)]),
        say.parse(name, harmless),
        say.sync(),
        say.bind("", name),
        say.execute(),
        say.sync(),
      );

      await client.until("Z");
      await ranEvilAndToldIt(name);
    },
  );

  it("is on record as the unnamed one when the server skips the query that would have dropped it", async () => {
    client.send(say.parse("", evil), say.sync());
    await client.until("Z");

    client.send(
      say.bind("", "no_such_statement"),
      say.query(harmless),
      say.sync(),
      say.bind("", ""),
      say.execute(),
      say.sync(),
    );

    await client.until("Z");
    await ranEvilAndToldIt("");
  });

  it("is on record when another Parse of the name fails before SQL executes it, in one chunk", async () => {
    client.send(say.parse("s", evil), say.sync());
    await client.until("Z");

    client.send(say.parse("s", harmless), say.sync(), say.query("execute s"));

    await client.until("Z");
    expect(values(await client.until("Z"))).toEqual(["evil"]);
    expect(texts()).toContain(evil);
  });

  it("is not recorded with the text of another portal when SQL declares it anew", async () => {
    client.send(say.query("begin"));
    await client.until("Z");
    client.send(say.parse("", harmless), say.bind("p", ""), say.flush());
    await client.until("2");
    client.send(say.query("close p"));
    await client.until("Z");
    client.send(say.query(`declare p cursor for ${evil}`));
    await client.until("Z");

    client.send(say.execute("p"), say.sync());

    expect(values(await client.until("Z"))).toEqual(["evil"]);
    expect(texts().at(-1)).toBe(`declare p cursor for ${evil}`);
  });

  it("is refused where it is not ASCII: client_encoding decides which name the server reads", async () => {
    client.send(say.parse("é", harmless), say.sync());

    expect(errorField((await client.untilClosed())[0], "C")).toBe("0A000");
  });
});

it.each([
  ["in binary form", Buffer.from("host=x password=s3cr3t-value dbname=y")],
  ["in another encoding", Buffer.from("application_name=caf\xe9 password=s3cr3t-value dbname=y", "latin1")],
])("a password in a bound value %s is not recorded", async (_how, value) => {
  client.send(say.query("set client_encoding = 'LATIN1'"));
  await client.until("Z");
  client.send(say.parse("", "select length($1::text)"), say.bind("", "", [value]), say.execute(), say.sync());
  await client.until("Z");

  const start = stand.journal.starts.at(-1);
  const recorded = start?.parameters?.[0]?.value;
  expect(start?.redacted).toBe(1);
  const bytes =
    typeof recorded === "object" && recorded !== null ? Buffer.from(recorded.base64, "base64") : Buffer.of();
  expect(bytes.toString("latin1")).toMatch(/password=\[redacted\] dbname=y/);
});

/** The server ran the evil text, the record of that execution does not claim another, and the text is on record. */
async function ranEvilAndToldIt(name: string): Promise<void> {
  expect(values(await client.until("Z"))).toEqual(["evil"]);
  const last = stand.journal.starts.at(-1);
  expect(last).toMatchObject({ statementName: name });
  expect(last?.sql === undefined || String(last.sql).trim() === evil).toBe(true);
  expect(texts().some((text) => text?.includes(evil))).toBe(true);
}

function texts(): (string | undefined)[] {
  return stand.journal.starts.map((start) => start.sql as string | undefined);
}

/** First column of the rows, as text. */
function values(replies: readonly { readonly type: string; readonly body: Buffer }[]): string[] {
  return replies.filter((reply) => reply.type === "D").map((reply) => reply.body.toString("utf8", 6));
}
