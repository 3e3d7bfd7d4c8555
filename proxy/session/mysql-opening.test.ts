import { afterEach, describe, expect, it } from "vitest";
import { Secret } from "#lib/secret.ts";
import { createDatabaseIdentity } from "#test/harness/database-identity.ts";
import { encodeError } from "../mysql/answers.ts";
import { capability } from "../mysql/capabilities.ts";
import { encodeInt, encodePacket } from "../mysql/fields.ts";
import { trackedCapabilities } from "../mysql/protocol.ts";
import { errorText, loginPayload, RawMySqlClient } from "../testing/raw-mysql-client.ts";
import { okPayload } from "../testing/scripted-mysql.ts";
import { obliging, plainFlags, startScriptedStand } from "../testing/scripted-stand.ts";
import { role } from "../testing/stand.ts";

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
        await obliging()(connection);
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
