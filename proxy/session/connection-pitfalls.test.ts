import { connect as connectTLS, type ConnectionOptions, type TLSSocket } from "node:tls";
import { once } from "node:events";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type GoBetween, startGoBetween } from "#test/harness/go-between.ts";
import { startPostgres, type TestPostgres } from "#test/harness/postgres.ts";
import { version32 } from "../postgres/protocol.ts";

import { isClose } from "../testing/journal.ts";
import { errorField, RawClient, requests, say, shape, startup } from "../testing/raw-client.ts";
import { role, roleSQL, startStand, type Stand } from "../testing/stand.ts";

// Numbers are those of the pitfalls that each test stands for: connection phase 1 to 11, command phase 12 to 25.

let postgres: TestPostgres;
let stand: Stand;

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

describe("the connection phase", () => {
  beforeEach(() => stand.journal.clear());
  afterEach(() => stand.quiet());

  it("1 First bytes: a client that begins with TLS (0x16, sslnegotiation=direct) has its session inside TLS", async () => {
    const secure = await dialTLS({ ALPNProtocols: ["postgresql"] });
    const client = RawClient.over(secure);
    client.expectMessages();

    client.send(startup(parameters()), say.query("select 'inside'"));

    expect(shape(await client.until("Z", 2))).toBe("R K Z T D C Z");
    expect([secure.alpnProtocol, secure.getProtocol()]).toEqual(["postgresql", "TLSv1.3"]);
    client.send(say.terminate());
    expect(await client.untilClosed()).toEqual([]);
  });

  it("1 First bytes: a driver with sslnegotiation=direct and sslmode=require works, with large answers too", async () => {
    const driver = new pg.Client({
      ...parameters(),
      host: "127.0.0.1",
      port: stand.port,
      ssl: { rejectUnauthorized: false },
      sslnegotiation: "direct",
    } as pg.ClientConfig);
    await driver.connect();

    const { rows } = await driver.query("select repeat('x', 1000) as text from generate_series(1, 2000)");

    expect(rows).toHaveLength(2_000);
    await driver.end();
  });

  it.each([
    ["another protocol", { ALPNProtocols: ["http/1.1"] }],
    ["no protocol", {}],
  ])("1 First bytes: direct TLS for %s is closed: it was meant for another service", async (_what, alpn) => {
    const secure = await dialTLS(alpn).catch((error: NodeJS.ErrnoException) => error);

    if (!(secure instanceof Error)) {
      const client = RawClient.over(secure);
      client.expectMessages();
      client.send(startup(parameters()));
      expect(await client.untilClosed()).toEqual([]);
    }
    expect(stand.sessions.all()).toEqual([]);
  });

  it("1 First bytes: TLS that begins anywhere but at the start is an error", async () => {
    const client = await RawClient.dial(stand.port);
    client.send(requests.gssenc, Buffer.from([0x16, 3, 1, 0, 5]));
    await client.byte();
    client.expectMessages();

    expect(errorField((await client.untilClosed())[0], "C")).toBe("08P01");
  });

  it("2 GSSENCRequest is answered N by the proxy itself, and 3 Ordering: GSSENC, then TLS, then startup on one stream", async () => {
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

  it("3 Ordering and repeats: encryption requests without end are cut off", async () => {
    const client = await RawClient.dial(stand.port);

    client.send(...Array.from({ length: 10 }, () => requests.ssl));
    for (let answers = 0; answers < 5; answers += 1) {
      await client.byte();
    }
    client.expectMessages();

    expect(errorField((await client.untilClosed())[0], "M")).toContain("too many");
  });

  it("3 Ordering: a cancel request inside TLS, as libpq 17 sends it, cancels", async () => {
    const client = RawClient.over(await dialTLS({ ALPNProtocols: ["postgresql"] }));
    client.expectMessages();
    client.send(startup(parameters(), version32));
    const key = (await client.until("Z")).find((reply) => reply.type === "K")?.body as Buffer;
    client.send(say.query("select pg_sleep(600)"));
    await running("pg_sleep(600)");

    const canceller = RawClient.over(await dialTLS({ ALPNProtocols: ["postgresql"] }));
    canceller.send(cancelRequest(key));

    expect(errorField((await client.until("E")).at(-1), "C")).toBe("57014");
    expect(await canceller.untilClosed()).toEqual([]);
    client.socket.destroy();
  });

  it("3 Ordering: no second encryption is begun inside TLS", async () => {
    const client = RawClient.over(await dialTLS({ ALPNProtocols: ["postgresql"] }));
    client.expectMessages();

    client.send(requests.ssl);

    expect(errorField((await client.untilClosed())[0], "M")).toContain("encrypted already");
  });

  it("4 Plaintext stuffed before TLS: what is sent along with SSLRequest is read after N, as the plain bytes it is", async () => {
    const client = await RawClient.dial(stand.port);

    client.send(requests.ssl, startup(parameters()));
    const answer = await client.byte();
    client.expectMessages();

    expect(answer).toBe("N");
    expect(shape(await client.until("Z"))).toBe("R K Z");
    client.socket.destroy();
  });

  it.each([
    ["3.0", 0x30000, {}, "R K Z", 4],
    ["3.1, which no server speaks", 0x30001, {}, "v R K Z", 4],
    ["3.2", version32, {}, "R K Z", 32],
    ["3.9999 with an option, as a testing libpq asks", 0x3270f, { "_pq_.test": "1" }, "v R K Z", 32],
  ])(
    "5 Version negotiation and 6 BackendKeyData: version %s is settled before login, with a cancel key of its size",
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

  it("5 Version negotiation: another major version is an error", async () => {
    const client = await RawClient.dial(stand.port);
    client.expectMessages();

    client.send(startup(parameters(), 0x40000));

    expect(errorField((await client.untilClosed())[0], "C")).toBe("0A000");
  });

  it("6 BackendKeyData: a server that sends none, as RDS Proxy, serves a session without cancel, and its end is complete", async () => {
    const { between, close } = await withoutKeys();
    const client = await RawClient.dial(between.stand.port);
    client.expectMessages();
    client.send(startup(parameters(), version32));
    const greeting = shape(await client.until("Z"));
    client.send(say.query("select pg_sleep(600)"));
    await running("pg_sleep(600)");
    const { cancelKey } = between.stand.sessions.all()[0] ?? {};
    const pid = Buffer.alloc(4);
    pid.writeInt32BE(cancelKey?.pid ?? 0);
    const guess = await RawClient.dial(between.stand.port);
    guess.send(cancelRequest(Buffer.concat([pid, cancelKey?.key ?? pid])));
    await guess.untilClosed();

    const isStillRunning = await running("pg_sleep(600)");
    const outcome = await between.stand.sessions.cutGrant(between.stand.grant.grantID, "grant-expired", "expired");

    expect(greeting).toBe("R Z");
    expect(isStillRunning).toBe(true);
    expect(outcome).toEqual({ sessions: 1, backendsGone: 1 });
    while ((await backends()) > 0) {}
    expect(errorField((await client.untilClosed()).at(-1), "C")).toBe("57P01");
    await close();
  });

  it("7 CancelRequest: a flood of them does not reach the server one for one", async () => {
    const { between, close } = await withoutKeys(false);
    const client = await RawClient.dial(between.stand.port);
    client.expectMessages();
    client.send(startup(parameters(), version32));
    const key = (await client.until("Z")).find((reply) => reply.type === "K")?.body as Buffer;

    const flood = await Promise.all(
      Array.from({ length: 30 }, async () => {
        const canceller = await RawClient.dial(between.stand.port);
        canceller.send(cancelRequest(key));
        return canceller;
      }),
    );
    await Promise.all(flood.map((canceller) => canceller.untilClosed()));

    const cancels = between.server.opened.filter((word) => word === 80877102).length;
    expect(cancels).toBeGreaterThanOrEqual(1);
    expect(cancels).toBeLessThanOrEqual(10);
    client.socket.destroy();
    await between.stand.quiet();
    await close();
  });

  it("7 CancelRequest: one with the proxy's own key cancels the statement, and only within its grant", async () => {
    const client = await RawClient.dial(stand.port);
    client.expectMessages();
    client.send(startup(parameters(), version32));
    const key = (await client.until("Z")).find((reply) => reply.type === "K")?.body as Buffer;
    client.send(say.query("select pg_sleep(600)"));
    const cancel = cancelRequest(key);
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

  it("8 Startup params: replication is refused, in every spelling that turns it on", async () => {
    for (const replication of ["database", "true", "1", "on"]) {
      const client = await RawClient.dial(stand.port);
      client.expectMessages();

      client.send(startup({ ...parameters(), replication }));

      expect(errorField((await client.untilClosed())[0], "M")).toContain("replication");
    }
  });

  it("8 Startup params: a database that is not named means the user's, which is an error that names the right one", async () => {
    const client = await RawClient.dial(stand.port);
    client.expectMessages();

    client.send(startup({ user: role.username }));

    const [error] = await client.untilClosed();
    expect(errorField(error, "C")).toBe("3D000");
    expect(errorField(error, "M")).toContain(`connect to database "${postgres.database}"`);
  });

  it.each([
    ["user", { user: "postgres" }, "28000"],
    ["database", { database: "postgres" }, "3D000"],
  ])("9 Wrong user/db must be an error: another %s than the grant's", async (_what, change, state) => {
    const client = await RawClient.dial(stand.port);
    client.expectMessages();

    client.send(startup({ ...parameters(), ...change }));

    const [error] = await client.untilClosed();
    expect([errorField(error, "S"), errorField(error, "C")]).toEqual(["FATAL", state]);
    expect(errorField(error, "M")).toContain("not what this grant is for");
    expect(stand.journal.records).toEqual([]);
  });

  it("8 Startup params: a setting that the server refuses is the server's own error", async () => {
    const client = await RawClient.dial(stand.port);
    client.expectMessages();

    client.send(startup({ ...parameters(), options: "-c log_statement=none" }));

    const [error] = await client.untilClosed();
    expect(errorField(error, "C")).toBe("42501");
    expect(errorField(error, "M")).toContain("log_statement");
  });

  it("8 Startup params: settings in the startup packet reach the server, user and database do not change", async () => {
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

  it("10 ParameterStatus: every setting that the server reports at login is relayed, and later changes too", async () => {
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

/** A client that has gone over to TLS at once. */
async function dialTLS(options: ConnectionOptions): Promise<TLSSocket> {
  const secure = connectTLS({ host: "127.0.0.1", port: stand.port, rejectUnauthorized: false, ...options });
  await once(secure, "secureConnect");
  return secure;
}

function cancelRequest(pidAndKey: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0, 0, 0, 8 + pidAndKey.length, 4, 0xd2, 0x16, 0x2e]), pidAndKey]);
}

/** A stand in front of a server whose keys are lost on the way; SCRAM could not pass a go-between. */
async function withoutKeys(strip = true): Promise<{
  between: { stand: Stand; server: GoBetween };
  close: () => Promise<void>;
}> {
  const fromServer = (type: string, message: Buffer): Buffer => (strip && type === "K" ? Buffer.alloc(0) : message);
  const server = await startGoBetween(postgres, { fromServer });
  const between = { stand: await startStand(server), server };
  return {
    between,
    async close() {
      await between.stand.stop();
      await server.stop();
    },
  };
}

async function backends(): Promise<number> {
  return (await postgres.query("select 1 from pg_stat_activity where usename = $1", [role.username])).length;
}

/** Waits until the server itself says that it runs this. */
async function running(text: string): Promise<true> {
  const sql = "select 1 from pg_stat_activity where usename = $1 and state = 'active' and position($2 in query) > 0";
  while ((await postgres.query(sql, [role.username, text])).length === 0) {}
  return true;
}
