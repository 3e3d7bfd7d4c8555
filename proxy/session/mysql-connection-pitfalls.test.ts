import { afterEach, describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { Secret } from "#lib/secret.ts";
import { encodeError } from "../mysql/answers.ts";
import { capability } from "../mysql/capabilities.ts";
import { encodeInt, encodePacket } from "../mysql/fields.ts";
import { readGreeting } from "../mysql/greeting.ts";
import { mariaDBCapability, trackedCapabilities } from "../mysql/protocol.ts";
import { isClose } from "../testing/journal.ts";
import { errorText, loginPayload, RawMySqlClient } from "../testing/raw-mysql-client.ts";
import { okPayload, type ScriptedMySql, type ScriptedOptions, startScriptedMySql } from "../testing/scripted-mysql.ts";
import { role, type Stand, startStand } from "../testing/stand.ts";
import type { SessionPorts } from "./engine.ts";
import { clientLoginTimeoutMs } from "./mysql-opening.ts";

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) {
    await stop();
  }
});

/** All that is offered but query attributes, with which the text of a query is not all that there is in its packet. */
const plainFlags = trackedCapabilities.mysql & ~capability.queryAttributes;

/** What the proxy logged in to the server with. */
interface Seen {
  flags: number;
  extended: number;
  text: string;
}

/** A server that lets everybody in and answers every command with an OK. */
const obliging =
  (seen: Seen[]): NonNullable<ScriptedOptions["script"]> =>
  async ({ channel, login }) => {
    seen.push({ flags: login.readUInt32LE(0), extended: login.readUInt32LE(28), text: login.toString("latin1", 32) });
    channel.write(okPayload);
    for (;;) {
      channel.restart();
      const [command] = await channel.read();
      if (command === 0x01) {
        return;
      }
      channel.write(okPayload);
    }
  };

async function start(
  options: ScriptedOptions = {},
  ports: Partial<SessionPorts> = {},
): Promise<{ server: ScriptedMySql; stand: Stand; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = await startScriptedMySql({ script: obliging(seen), ...options });
  stops.push(() => server.stop());
  const stand = await startStand(server, ports);
  stops.push(() => stand.stop());
  return { server, stand, seen };
}

describe("pitfall 2.3.1: the server speaks first", () => {
  it("the client is greeted with the real server's version, charset, status and thread id", async () => {
    const greeting = { version: "8.0.42-azure", threadID: 1_234_567, charset: 8, status: 0x4002 };
    const { stand } = await start({ greeting });

    const session = await RawMySqlClient.start(stand.port);

    expect(session.greeting).toMatchObject(greeting);
    expect(session.answers.at(-1)?.payload).toEqual(okPayload);
    session.client.socket.destroy();
    await stand.journal.until(isClose);
    expect(stand.journal.records[0]).toMatchObject({
      kind: "session.open",
      server: { version: "8.0.42-azure", processID: 1_234_567 },
      client: { applicationName: "raw" },
    });
  });

  it("nonce and password are the proxy's own: the server's nonce never reaches the client", async () => {
    const { stand, seen } = await start();

    const { greeting } = await RawMySqlClient.start(stand.port);

    expect(greeting.nonce.toString()).not.toContain("abcdefgh");
    expect(seen[0]?.text).not.toContain(Buffer.alloc(32, 7).toString("latin1"));
  });

  it("a server that cannot be reached is told in place of the greeting, with its reason", async () => {
    const full = encodeError("Too many connections", { errno: 1040, sqlState: "08004" }, false);
    const { stand } = await start({ first: encodePacket(0, full) });

    const client = await RawMySqlClient.dial(stand.port);
    const packet = await client.next();

    expect(packet.sequence).toBe(0);
    expect(errorText(packet)).toBe("1040 the database refused the connection: Too many connections (1040)");
    expect(stand.health).toEqual(["Unreachable"]);
  });

  it("a client that sends nothing is told so before the server's own patience ends", async () => {
    const clock = manualClock();
    const { stand, server, seen } = await start({}, { clock });
    const client = await RawMySqlClient.dial(stand.port);
    await client.next();

    clock.advance(clientLoginTimeoutMs);

    expect(errorText(await client.next())).toBe("1043 the client did not log in in time");
    await stand.quiet();
    expect(seen).toHaveLength(1);
    expect(await server.outcomes(1)).toEqual(["finished"]);
  });
});

describe("pitfall 2.3.2: both legs have the same flags", () => {
  const everything = 0xffff_ffff;

  it("the client is offered what the server has and the proxy can follow, and nothing else", async () => {
    const { stand } = await start({ greeting: { flags: everything } });

    const greeting = readGreeting((await (await RawMySqlClient.dial(stand.port)).next()).payload);

    expect(greeting.flags).toBe(trackedCapabilities.mysql);
    const flags = {
      compress: 0x20,
      localFiles: 0x80,
      zstd: 0x400_0000,
      multiFactor: 0x1000_0000,
      extension: 0x2000_0000,
    };
    for (const flag of [...Object.values(flags), capability.tls]) {
      expect(greeting.flags & flag).toBe(0);
    }
  });

  it("the server is asked for what the client asked for, whatever else the client claims", async () => {
    const { stand, seen } = await start({ greeting: { flags: everything } });
    const wanted = capability.protocol41 | capability.secureConnection | capability.foundRows | capability.deprecateEOF;

    await RawMySqlClient.start(stand.port, { flags: wanted | 0x80 | 0x1000_0000 | capability.pluginAuth });

    const ofLogin = capability.connectWithDatabase | capability.pluginAuth | capability.connectAttributes;
    expect(seen[0]?.flags).toBe((wanted | ofLogin | capability.pluginAuthLengthEncoded | capability.tls) >>> 0);
  });

  it("a flag that the server lacks is not used, though the client claims it", async () => {
    const flags = (trackedCapabilities.mysql & ~capability.deprecateEOF & ~capability.queryAttributes) | capability.tls;
    const { stand, seen } = await start({ greeting: { flags: flags >>> 0 } });

    const { greeting } = await RawMySqlClient.start(stand.port);

    expect(greeting.flags & capability.deprecateEOF).toBe(0);
    expect((seen[0]?.flags ?? 0) & (capability.deprecateEOF | capability.queryAttributes)).toBe(0);
  });
});

describe("pitfall 2.3.3: compression", () => {
  it.each([
    ["zlib", 0x20],
    ["zstd", 0x400_0000],
  ])("%s is neither offered nor agreed on, and a client that claims it is read as plain", async (_name, flag) => {
    const { stand, seen } = await start({ greeting: { flags: 0xffff_ffff } });

    const { client, greeting } = await RawMySqlClient.start(stand.port, {
      flags: (plainFlags | flag) >>> 0,
    });
    client.command(0x03, "select 1");
    const answer = await client.next();

    expect(greeting.flags & flag).toBe(0);
    expect((seen[0]?.flags ?? 0) & flag).toBe(0);
    expect(answer).toEqual({ sequence: 1, payload: okPayload });
    expect(stand.journal.starts[0]).toMatchObject({ sql: "select 1" });
  });
});

describe("pitfall 2.3.6: sequence numbers are those of each leg", () => {
  it("the client counts on from its own login, however many packets the server's login took", async () => {
    const { stand } = await start({
      async script({ channel }) {
        channel.write(Buffer.from([1, 4]));
        await channel.read();
        channel.write(okPayload);
      },
    });

    const { answers } = await RawMySqlClient.start(stand.port);

    expect(answers.map(({ sequence }) => sequence)).toEqual([2, 3]);
  });

  it("a login with the wrong number ends the connection with an error", async () => {
    const { stand } = await start();
    const client = await RawMySqlClient.dial(stand.port);
    await client.next();

    client.send(5, loginPayload());

    expect(errorText(await client.next())).toMatch(/^1156 packets out of order/);
  });
});

describe("pitfall 2.3.13: another user on the same connection", () => {
  it("COM_CHANGE_USER is refused with 1047, and the session goes on", async () => {
    const { stand } = await start();
    const { client } = await RawMySqlClient.start(stand.port);

    client.command(0x11, "root\0");
    const refused = await client.next();
    client.command(0x0e);
    const pong = await client.next();

    expect(refused.sequence).toBe(1);
    expect(errorText(refused)).toMatch(/^1047 #08S01/);
    expect(pong.payload).toEqual(okPayload);
  });
});

describe("pitfall 2.3.15: any login method of a client gets in", () => {
  it("caching_sha2_password: the scramble is declared right, so that the password is never asked for by RSA", async () => {
    const { stand } = await start();

    const { answers } = await RawMySqlClient.start(stand.port);

    expect(answers.map(({ payload }) => payload)).toEqual([Buffer.from([1, 3]), okPayload]);
  });

  it.each([
    ["no password at all", { authResponse: Buffer.alloc(0) }],
    ["the clear password", { plugin: "mysql_clear_password", authResponse: Buffer.from("password\0") }],
  ])("%s: the OK comes at once", async (_what, change) => {
    const { stand } = await start();

    const { answers } = await RawMySqlClient.start(stand.port, change);

    expect(answers).toEqual([{ sequence: 2, payload: okPayload }]);
  });

  it.each([
    ["mysql_native_password", "mysql_native_password", 20, 0],
    ["dialog", "caching_sha2_password", 32, 1],
  ])("%s: the client is switched to %s", async (plugin, switchedTo, scrambleBytes, extraPackets) => {
    const { stand } = await start();
    const client = await RawMySqlClient.dial(stand.port);
    await client.next();

    client.send(1, loginPayload({ plugin, authResponse: Buffer.alloc(0) }));
    const request = await client.next();
    client.send(3, Buffer.alloc(scrambleBytes, 9));
    const answers = [await client.next()];
    for (let count = 0; count < extraPackets; count += 1) {
      answers.push(await client.next());
    }

    expect(request.payload.subarray(0, 1 + switchedTo.length)).toEqual(Buffer.from(`\u00fe${switchedTo}`, "latin1"));
    expect(answers.at(-1)).toEqual({ sequence: 4 + extraPackets, payload: okPayload });
  });

  it("a client that knows no plugins gets in too", async () => {
    const { stand } = await start({ greeting: { plugin: "mysql_native_password" } });
    const flags = capability.protocol41 | capability.secureConnection | capability.connectWithDatabase;

    const { answers } = await RawMySqlClient.start(stand.port, { flags, authResponse: Buffer.alloc(20, 1) });

    expect(answers).toEqual([{ sequence: 2, payload: okPayload }]);
  });
});

describe("pitfall 2.3.17: MariaDB", () => {
  it("its version keeps what it puts before it, and of its further flags the client gets those that can be followed", async () => {
    const flags = ((trackedCapabilities.mysql & ~capability.longPassword) | capability.tls) >>> 0;
    const greeting = {
      version: "5.5.5-10.11.19-MariaDB",
      flags,
      extended: 0xffff_ffff,
      plugin: "mysql_native_password",
    };
    const { stand, seen } = await start({ greeting });

    const session = await RawMySqlClient.start(stand.port, {
      flags: trackedCapabilities.mysql & ~capability.longPassword,
      extended: 0xffff_ffff,
      plugin: "mysql_native_password",
    });

    expect(session.greeting).toMatchObject({ version: greeting.version, isMariaDB: true });
    expect(session.greeting.extended).toBe(trackedCapabilities.mariaDB);
    expect(seen[0]?.extended).toBe(trackedCapabilities.mariaDB);
    expect(session.greeting.extended & mariaDBCapability.bulkOperations).not.toBe(0);
    session.client.socket.destroy();
    await stand.journal.until(isClose);
    expect(stand.journal.records[0]).toMatchObject({ server: { version: "10.11.19-MariaDB" } });
  });

  it("a client of MySQL asks for none of them", async () => {
    const flags = ((trackedCapabilities.mysql & ~capability.longPassword) | capability.tls) >>> 0;
    const { stand, seen } = await start({ greeting: { flags, extended: 0xff } });

    await RawMySqlClient.start(stand.port, { flags: trackedCapabilities.mysql | 1, extended: 0xff });

    expect(seen[0]?.extended).toBe(0);
  });
});

describe("a login that asks for something else", () => {
  it.each([
    [
      "another user",
      { username: "root" },
      /^1045 #28000user "root" is not what this grant is for: connect as user "read_only"/,
    ],
    ["another database", { databaseName: "mysql" }, /^1044 #42000database "mysql" is not .* database "orders" as user/],
  ])("%s is an error that names what the grant is for", async (_what, change, expected) => {
    const { stand, server, seen } = await start();

    const { client, answers } = await RawMySqlClient.start(stand.port, change);
    await client.untilClosed();

    expect(errorText(answers[0] ?? { sequence: 0, payload: Buffer.alloc(1) })).toMatch(expected);
    // Nobody was logged in as anybody else, and the server was not left with half a login.
    expect(seen.every(({ text }) => text.startsWith(role.username))).toBe(true);
    expect(await server.outcomes(1)).toEqual(["finished"]);
    expect(stand.journal.records).toEqual([]);
  });

  it("no database means the granted one", async () => {
    const { stand, seen } = await start();

    await RawMySqlClient.start(stand.port, { flags: trackedCapabilities.mysql & ~capability.connectWithDatabase });

    expect(seen[0]?.text).toContain("orders\0");
  });

  it("TLS on the loopback end is refused with what to do instead", async () => {
    const { stand } = await start();
    const client = await RawMySqlClient.dial(stand.port);
    await client.next();

    client.send(1, loginPayload().fill(0x0a, 1, 2).subarray(0, 32));

    expect(errorText(await client.next())).toMatch(/has no TLS: connect without it/);
  });
});

describe("a hostile client before its login", () => {
  it.each<[string, (client: RawMySqlClient) => void, RegExp]>([
    ["declares 16 MiB", ({ socket }) => void socket.write(Buffer.from([0xff, 0xff, 0xff, 1])), /^1153 /],
    ["sends an empty login", (client) => client.send(1, Buffer.alloc(0)), /^1043 /],
    ["sends a login that ends in its head", (client) => client.send(1, loginPayload().subarray(0, 20)), /^1835 /],
    [
      "sends a user name without end",
      (client) => client.send(1, Buffer.concat([loginPayload().subarray(0, 32), Buffer.alloc(60_000, 65)])),
      /^1835 /,
    ],
    [
      "declares a scramble of 2^53 bytes",
      (client) =>
        client.send(
          1,
          Buffer.concat([
            loginPayload().subarray(0, 32),
            Buffer.from("a\0"),
            Buffer.from([0xfe]),
            Buffer.alloc(8, 0xff),
          ]),
        ),
      /^1835 /,
    ],
    ["sends a command instead", (client) => client.command(0x03, "select 1"), /^1156 /],
    ["is as old as MySQL 4.0", (client) => client.send(1, Buffer.from([5, 0, 0, 0, 0, 97, 0])), /^1043 /],
    [
      "sends attributes beyond the limit",
      (client) =>
        client.send(1, loginPayload({ attributes: new Map(Array.from({ length: 300 }, (_, at) => [`a${at}`, ""])) })),
      /^1043 /,
    ],
  ])("that %s gets an error, and the server a whole login", async (_what, act, expected) => {
    const { stand, server } = await start();
    const client = await RawMySqlClient.dial(stand.port);
    await client.next();

    act(client);
    const packet = await client.next();
    await client.untilClosed();

    expect(errorText(packet)).toMatch(expected);
    await stand.quiet();
    expect(await server.outcomes(1)).toEqual(["finished"]);
    expect(stand.journal.records).toEqual([]);
  });

  it("commands sent along with the login are run after it, on record", async () => {
    const { stand } = await start();
    const client = await RawMySqlClient.dial(stand.port);
    await client.next();

    const early = Buffer.concat([encodeInt(0x03, 1), Buffer.from("select 'early'")]);
    client.socket.write(Buffer.concat([encodePacket(1, loginPayload({ flags: plainFlags })), encodePacket(0, early)]));
    const answers = [await client.next(), await client.next(), await client.next()];

    expect(answers.map(({ sequence }) => sequence)).toEqual([2, 3, 1]);
    expect(stand.journal.starts[0]).toMatchObject({ sql: "select 'early'" });
  });

  it("one that hangs up again and again leaves the server no login that was broken off", async () => {
    const { stand, server } = await start();

    for (let count = 0; count < 10; count += 1) {
      const client = await RawMySqlClient.dial(stand.port);
      await client.next();
      client.socket.destroy();
      await client.untilClosed();
    }
    await stand.quiet();

    expect(await server.outcomes(10)).toEqual(Array.from({ length: 10 }, () => "finished"));
  });
});

describe("a grant that ends while the client is at its login", () => {
  it("is told to the client instead of the answer to its login", async () => {
    const { stand } = await start();
    const client = await RawMySqlClient.dial(stand.port);
    await client.next();

    const outcome = stand.sessions.cutGrant(stand.grant.grantID, "grant-revoked", "your access was revoked");

    expect(errorText(await client.next())).toBe("1317 your access was revoked");
    expect(await outcome).toEqual({ sessions: 1, backendsGone: 1 });
  });

  it("nobody is let in whose grant has ended since the handshake", async () => {
    const { stand, server } = await start({}, { refusalOf: () => "this access has expired" });

    const client = await RawMySqlClient.dial(stand.port);

    expect(errorText(await client.next())).toBe("1045 this access has expired");
    expect(server.connections()).toBe(0);
  });
});

it("a password that was rotated between two connections is read afresh, and the client does not notice", async () => {
  const passwords = ["the old one", role.password];
  const asked: boolean[] = [];
  let logins = 0;
  const { stand } = await start(
    {
      async script(connection) {
        logins += 1;
        if (logins === 1) {
          connection.channel.write(encodeError("Access denied", { errno: 1045, sqlState: "28000" }));
          return;
        }
        await obliging([])(connection);
      },
    },
    {
      passwordOf: () => ({
        get(fresh) {
          asked.push(fresh);
          return Promise.resolve(new Secret(passwords[asked.length - 1] ?? ""));
        },
      }),
    },
  );

  const { client, answers } = await RawMySqlClient.start(stand.port, { flags: plainFlags });
  client.command(0x03, "select 1");

  expect(answers.at(-1)?.payload).toEqual(okPayload);
  expect((await client.next()).payload).toEqual(okPayload);
  expect(asked).toEqual([false, true]);
  expect(stand.health).toEqual(["Reachable"]);
});
