import { afterEach, describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { createDatabaseIdentity } from "#test/harness/database-identity.ts";
import { encodeError } from "../mysql/answers.ts";
import { capability } from "../mysql/capabilities.ts";
import { encodePacket } from "../mysql/fields.ts";
import { readGreeting } from "../mysql/greeting.ts";
import { mariaDBCapability, trackedCapabilities } from "../mysql/protocol.ts";
import { isClose } from "../testing/journal.ts";
import { errorText, loginPayload, RawMySqlClient } from "../testing/raw-mysql-client.ts";
import { okPayload } from "../testing/scripted-mysql.ts";
import { plainFlags, startScriptedStand } from "../testing/scripted-stand.ts";
import { clientLoginTimeoutMs } from "./mysql-opening.ts";

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) {
    await stop();
  }
});

const identity = await createDatabaseIdentity();

async function start(
  ...parts: Parameters<typeof startScriptedStand> extends [unknown, ...infer Rest] ? Rest : never
): Promise<Awaited<ReturnType<typeof startScriptedStand>>> {
  const started = await startScriptedStand(identity, ...parts);
  stops.push(started.stop);
  return started;
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
