import { once } from "node:events";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { manualClock, type ManualClock } from "#lib/clock.ts";
import type { Secret } from "#lib/secret.ts";
import { encodeMessage, encodeParameterStatus } from "#proxy/postgres/encode.ts";
import { back, front } from "#proxy/postgres/protocol.ts";
import { confirmTimeoutMs } from "#proxy/session/confirm.ts";
import { isClose, type MemoryJournal } from "#proxy/testing/journal.ts";
import { errorField, RawClient, say, startup } from "#proxy/testing/raw-client.ts";
import { role, roleSQL, startStand, type Stand } from "#proxy/testing/stand.ts";
import { startPostgres, type TestPostgres } from "#test/harness/postgres.ts";
import { letIn, startFakeServer, type FakeServer } from "./fake-server.ts";

// A database server that was taken over or hangs, and a role that its holder has prepared against the end of the grant.

describe("a role that its holder has prepared against the end", () => {
  let postgres: TestPostgres;
  let stand: Stand;
  beforeAll(async () => {
    postgres = await startPostgres({
      initSQL: `${roleSQL} create table t (n int); grant all on t to ${role.username};`,
    });
    stand = await startStand(postgres);
  });
  afterAll(async () => {
    await stand?.stop();
    await postgres?.stop();
  });

  it.each(["statement_timeout", "transaction_timeout", "idle_session_timeout"])(
    "cannot keep its backend with %s, however it catches the cancel",
    async (setting) => {
      stand.journal.clear();
      const client = await RawClient.start(stand.port, { user: role.username, database: postgres.database });
      client.send(say.query(`alter role ${role.username} set ${setting} = 1`));
      await client.until("Z");
      client.send(
        say.query(
          "do $$ begin loop begin perform pg_sleep(60); exception when query_canceled then null; end; end loop; end $$",
        ),
      );
      while ((await postgres.query("select 1 from pg_stat_activity where wait_event = 'PgSleep'")).length === 0) {}

      const outcome = await stand.sessions.cutGrant(stand.grant.grantID, "grant-expired", "expired");

      expect(outcome).toEqual({ sessions: 1, backendsGone: 1 });
      expect(await postgres.query("select 1 from pg_stat_activity where wait_event = 'PgSleep'")).toEqual([]);
      await postgres.query(`alter role ${role.username} reset all`);
    },
  );
});

describe("a server that is not what it should be", () => {
  let server: FakeServer;
  let stand: Stand;
  let clock: ManualClock;

  async function start(
    serve: Parameters<typeof startFakeServer>[0],
    change: Parameters<typeof startStand>[1] = {},
  ): Promise<void> {
    clock = manualClock();
    server = await startFakeServer(serve);
    stand = await startStand(server, { clock, ...change });
  }
  const connect = (): Promise<RawClient> =>
    RawClient.start(stand.port, { user: role.username, database: server.database });
  afterEach(async () => {
    await stand.stop();
    await server.stop();
  });

  it("cannot hold up a cut by answering nothing on the second connection", async () => {
    const asked = Promise.withResolvers<void>();
    const left: number[] = [];
    await start(
      (socket, number) => {
        socket.write(letIn(number));
        socket.on("data", (bytes: Buffer) => {
          if (bytes[0] === front.query && number > 1) {
            asked.resolve();
          }
        });
      },
      { onLeft: ({ pid }) => void left.push(pid) },
    );
    await connect();

    const cut = stand.sessions.cutGrant(stand.grant.grantID, "grant-expired", "expired");
    await asked.promise;
    clock.advance(confirmTimeoutMs);

    expect(await cut).toEqual({ sessions: 1, backendsGone: 0 });
    // Somebody goes on trying.
    expect(left).toEqual([1]);
    expect(stand.journal.closes[0]).toMatchObject({ reason: "grant-expired", backend: "alive" });
  });

  it("is asked again when it has no free slot for the second connection at first", async () => {
    const refused = Promise.withResolvers<void>();
    let queries = 0;
    await start((socket, number, packet) => {
      if (packet.readInt16BE(4) !== 3) {
        socket.end();
      } else if (number === 1) {
        socket.write(letIn(1));
      } else if (queries === 0) {
        queries += 1;
        socket.end(encodeMessage(back.error, Buffer.from("SFATAL\0C53300\0Mtoo many clients\0\0")));
        socket.once("close", () => refused.resolve());
      } else {
        socket.write(letIn(number));
        socket.on("data", (bytes: Buffer) => {
          if (bytes[0] === front.query) {
            // Its own process ID, and no backend with the other one.
            socket.write(row(String(number)));
            socket.write(encodeMessage(back.readyForQuery, Buffer.from("I")));
          }
        });
      }
    });
    await connect();

    const cut = stand.sessions.cutGrant(stand.grant.grantID, "grant-expired", "expired");
    await refused.promise;
    const ticking = setInterval(() => clock.advance(250), 5);

    expect(await cut).toEqual({ sessions: 1, backendsGone: 1 });
    clearInterval(ticking);
  });

  it("is not believed that a backend is gone when its process IDs are not those of backends", async () => {
    await start((socket, number) => {
      socket.write(letIn(number));
      socket.on("data", (bytes: Buffer) => {
        if (bytes[0] === front.query) {
          socket.write(row("4711"));
          socket.write(encodeMessage(back.readyForQuery, Buffer.from("I")));
        }
      });
    });
    await connect();

    const cut = stand.sessions.cutGrant(stand.grant.grantID, "grant-expired", "expired");
    const ticking = setInterval(() => clock.advance(1_000), 5);

    expect(await cut).toEqual({ sessions: 1, backendsGone: 0 });
    clearInterval(ticking);
  });

  it("cannot fill the memory with settings during login", async () => {
    await start((socket) => {
      socket.write(encodeMessage(back.authentication, Buffer.alloc(4)));
      const flood = (): void => {
        while (!socket.destroyed && socket.write(encodeParameterStatus("x".repeat(20), "y".repeat(60_000)))) {}
      };
      socket.on("drain", flood);
      flood();
    });

    const client = await RawClient.dial(stand.port);
    client.expectMessages();
    client.send(startup({ user: role.username, database: server.database }));

    expect(errorField((await client.untilClosed())[0], "M")).toContain("sends without end");
  });
});

describe("a session that cannot be opened", () => {
  let server: FakeServer;
  let stand: Stand;
  beforeEach(async () => {
    server = await startFakeServer((socket, number) => {
      if (number === 1) {
        socket.write(letIn(number));
        socket.resume().once("end", () => socket.end());
      } else {
        socket.end();
      }
    });
  });
  afterEach(async () => {
    await stand.stop();
    await server.stop();
  });
  const say0 = (): Buffer => startup({ user: role.username, database: server.database });

  it("leaves no connection to the database when its backend cannot be noted", async () => {
    const full = (): never => {
      throw new Error("ENOSPC");
    };
    stand = await startStand(server, { backends: { note: full, forget: () => {} } });
    const client = await RawClient.dial(stand.port);
    client.expectMessages();

    client.send(say0());
    await client.untilClosed();

    await untilNoneIsOpen();
  });

  it("ends with its grant while its first record waits for the controller", async () => {
    stand = await startStand(server);
    stand.journal.hold = true;
    const client = await RawClient.dial(stand.port);
    client.expectMessages();
    client.send(say0());
    await stand.journal.until((record) => record.kind === "session.open");

    const outcome = await stand.sessions.cutGrant(stand.grant.grantID, "grant-revoked", "revoked");

    expect(outcome.sessions).toBe(1);
    expect((await client.untilClosed()).map((reply) => reply.type)).toEqual(["E"]);
    await untilNoneIsOpen();
    expect(await closeOf(stand.journal)).toMatchObject({ reason: "grant-revoked" });
  });

  it("ends with its grant while Secrets Manager does not answer", async () => {
    const asked = Promise.withResolvers<void>();
    stand = await startStand(server, {
      passwordOf: () => ({
        get: () => {
          asked.resolve();
          return new Promise<Secret>(() => {});
        },
      }),
    });
    const client = await RawClient.dial(stand.port);
    client.expectMessages();
    client.send(say0());
    await asked.promise;

    const outcome = await stand.sessions.cutGrant(stand.grant.grantID, "grant-revoked", "revoked");

    expect(outcome).toEqual({ sessions: 1, backendsGone: 1 });
    await client.untilClosed();
  });

  async function untilNoneIsOpen(): Promise<void> {
    for (const socket of server.open) {
      await once(socket, "close");
    }
  }
});

const closeOf = (journal: MemoryJournal) => journal.until(isClose);

/** One row of one text column. */
function row(text: string): Buffer {
  const value = Buffer.from(text);
  const body = Buffer.alloc(6 + value.length);
  body.writeInt16BE(1, 0);
  body.writeInt32BE(value.length, 2);
  value.copy(body, 6);
  return encodeMessage(back.dataRow, body);
}
