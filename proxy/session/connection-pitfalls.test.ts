import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startPostgres, type TestPostgres } from "#test/harness/postgres.ts";
import { version32 } from "../postgres/protocol.ts";
import { isClose } from "../testing/journal.ts";
import { errorField, RawClient, requests, say, shape, startup } from "../testing/raw-client.ts";
import { role, roleSQL, startStand, type Stand } from "../testing/stand.ts";

// Numbers are those of the pitfalls that each test stands for: connection phase 1 to 11, command phase 12 to 25.

let postgres: TestPostgres;
let stand: Stand;

beforeAll(async () => {
  postgres = await startPostgres({ initSQL: `${roleSQL} create table t (n int); grant all on t to ${role.username};` });
  stand = await startStand(postgres);
});
afterAll(async () => {
  await stand?.stop();
  await postgres?.stop();
});

const parameters = (): Record<string, string> => ({ user: role.username, database: postgres.database });

describe("the connection phase", () => {
  beforeEach(() => stand.journal.clear());
  afterEach(() => stand.quiet());

  it("1: direct TLS (first byte 0x16) is answered with a clear error and a close", async () => {
    const client = await RawClient.dial(stand.port);
    client.expectMessages();

    client.socket.write(Buffer.from([0x16, 3, 1, 0, 5]));

    const [error] = await client.untilClosed();
    expect(errorField(error, "M")).toContain("direct TLS");
  });

  it("2 and 3: GSSENC, then TLS, then startup on one stream: N, N, and a session", async () => {
    const client = await RawClient.dial(stand.port);

    client.send(requests.gssenc);
    const toGSS = await client.byte();
    client.send(requests.ssl);
    const toTLS = await client.byte();
    client.expectMessages();
    client.send(startup(parameters()));

    expect([toGSS, toTLS]).toEqual(["N", "N"]);
    expect(shape(await client.until("Z"))).toBe("R K Z");
    client.socket.destroy();
  });

  it("3: encryption requests without end are cut off", async () => {
    const client = await RawClient.dial(stand.port);

    client.send(...Array.from({ length: 10 }, () => requests.ssl));
    for (let answers = 0; answers < 5; answers += 1) {
      await client.byte();
    }
    client.expectMessages();

    expect(errorField((await client.untilClosed())[0], "M")).toContain("too many");
  });

  it.each([
    ["3.0", 0x30000, {}, "R K Z", 4],
    ["3.1, which no server speaks", 0x30001, {}, "v R K Z", 4],
    ["3.2", version32, {}, "R K Z", 32],
    ["3.9999 with an option, as a testing libpq asks", 0x3270f, { "_pq_.test": "1" }, "v R K Z", 32],
  ])(
    "5 and 6: version %s is settled before login, with a cancel key of its size",
    async (_what, version, more, wanted, keyBytes) => {
      const client = await RawClient.dial(stand.port);
      client.expectMessages();

      client.send(startup({ ...parameters(), ...more }, version));

      const replies = await client.until("Z");
      expect(shape(replies)).toBe(wanted);
      expect(replies.find((reply) => reply.type === "K")?.body.length).toBe(4 + keyBytes);
      client.socket.destroy();
    },
  );

  it("5: another major version is an error", async () => {
    const client = await RawClient.dial(stand.port);
    client.expectMessages();

    client.send(startup(parameters(), 0x40000));

    expect(errorField((await client.untilClosed())[0], "C")).toBe("0A000");
  });

  it("7: a cancel request with the proxy's own key cancels the statement, and only within its grant", async () => {
    const client = await RawClient.dial(stand.port);
    client.expectMessages();
    client.send(startup(parameters(), version32));
    const key = (await client.until("Z")).find((reply) => reply.type === "K")?.body as Buffer;
    client.send(say.query("select pg_sleep(600)"));
    const cancel = Buffer.concat([Buffer.from([0, 0, 0, 8 + key.length, 4, 0xd2, 0x16, 0x2e]), key]);
    const wrong = Buffer.from(cancel);
    wrong[wrong.length - 1] = (wrong.at(-1) ?? 0) ^ 1;
    await running("pg_sleep(600)");

    const guess = await RawClient.dial(stand.port);
    guess.send(wrong);
    await guess.untilClosed();
    const grant = stand.grant;
    stand.grant = { ...grant, grantID: "gother" };
    const stranger = await RawClient.dial(stand.port);
    stranger.send(cancel);
    await stranger.untilClosed();
    stand.grant = grant;
    expect(client.replies).toEqual([]);
    const right = await RawClient.dial(stand.port);
    right.send(cancel);

    expect(errorField((await client.until("E")).at(-1), "C")).toBe("57014");
    expect(await right.untilClosed()).toEqual([]);
    client.send(say.terminate());
    await stand.journal.until(isClose);
    expect(stand.journal.ends[0]).toMatchObject({ outcome: "cancelled", sqlState: "57014" });
  });

  it("8: replication is refused, in every spelling that turns it on", async () => {
    for (const replication of ["database", "true", "1", "on"]) {
      const client = await RawClient.dial(stand.port);
      client.expectMessages();

      client.send(startup({ ...parameters(), replication }));

      expect(errorField((await client.untilClosed())[0], "M")).toContain("replication");
    }
  });

  it("8 and 9: a database that is not named means the user's, which is an error that names the right one", async () => {
    const client = await RawClient.dial(stand.port);
    client.expectMessages();

    client.send(startup({ user: role.username }));

    const [error] = await client.untilClosed();
    expect(errorField(error, "C")).toBe("3D000");
    expect(errorField(error, "M")).toContain(`connect to database "${postgres.database}"`);
  });

  it("8: settings in the startup packet reach the server, user and database do not change", async () => {
    const client = await RawClient.start(stand.port, {
      ...parameters(),
      options: "-c search_path=elsewhere",
      application_name: "tool",
    });

    client.send(say.query("select current_setting('search_path'), current_setting('application_name'), current_user"));

    const row = (await client.until("Z")).find((reply) => reply.type === "D")?.body.toString("latin1");
    expect(row).toContain("elsewhere");
    expect(row).toContain("tool");
    expect(row).toContain(role.username);
    client.socket.destroy();
  });

  it("10: every setting that the server reports at login is relayed, and later changes too", async () => {
    const client = await RawClient.dial(stand.port);
    client.expectMessages();
    client.send(startup(parameters()));
    const names = (await client.until("Z"))
      .filter((reply) => reply.type === "S")
      .map((reply) => reply.body.toString("utf8").split("\0")[0]);

    client.send(say.query("set timezone = 'Asia/Tokyo'"));
    const changed = (await client.until("Z")).find((reply) => reply.type === "S")?.body.toString("utf8");

    expect(names).toEqual(expect.arrayContaining(["server_version", "client_encoding", "TimeZone", "DateStyle"]));
    expect(names.length).toBeGreaterThanOrEqual(13);
    expect(changed).toBe("TimeZone\0Asia/Tokyo\0");
    client.socket.destroy();
  });
});

/** Waits until the server itself says that it runs this. */
async function running(text: string): Promise<void> {
  const sql = "select 1 from pg_stat_activity where usename = $1 and state = 'active' and position($2 in query) > 0";
  while ((await postgres.query(sql, [role.username, text])).length === 0) {}
}
