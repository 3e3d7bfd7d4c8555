import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "#lib/clock.ts";
import { Secret } from "#lib/secret.ts";
import { createDatabaseIdentity } from "#test/harness/database-identity.ts";
import { mariadbMissing, startMariaDB } from "#test/harness/mariadb.ts";
import type { TestMySql } from "#test/harness/mysql-server.ts";
import { encodeAuthSwitch, encodeError } from "../mysql/answers.ts";
import { capability } from "../mysql/capabilities.ts";
import { encodePacket } from "../mysql/fields.ts";
import { clearResponse, sha2Response } from "../mysql/scramble.ts";
import {
  greetingOf,
  okPayload,
  type ScriptedMySql,
  type ScriptedOptions,
  startScriptedMySql,
} from "../testing/scripted-mysql.ts";
import { ask, openSide, quit } from "./mysql-side.ts";
import type { PasswordSource, UpstreamTarget } from "./target.ts";

const options = { clock: systemClock };
const identity = await createDatabaseIdentity();
const nonce = Buffer.from("abcdefghijklmnopqrst");
const servers: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

const passwords = (...values: string[]): PasswordSource & { readonly asked: boolean[] } => {
  const asked: boolean[] = [];
  return {
    asked,
    get(fresh) {
      asked.push(fresh);
      return Promise.resolve(new Secret(values[Math.min(asked.length, values.length) - 1] ?? ""));
    },
  };
};

const targetOf = ({ port, ca }: Pick<ScriptedMySql, "port" | "ca">): UpstreamTarget => ({
  host: "127.0.0.1",
  port,
  tlsMode: "VerifyFull",
  authorities: [ca],
});

/** Logs in to a scripted server. Resolves to `let in`, or to the health and message of the failure. */
async function logInTo(script: ScriptedOptions, source: PasswordSource = passwords("secret")): Promise<string> {
  const server = await startScriptedMySql(identity, script);
  servers.push(server);
  return openSide(targetOf(server), { username: "ro", password: source }, options).then(
    (upstream) => {
      upstream.socket.destroy();
      return "let in";
    },
    (error: Error & { health?: string }) => `${error.health}: ${error.message}`,
  );
}

/** The end of a login packet's password field: what was proven, and by which method. */
const proven = (login: Buffer, method: string, response: Buffer): boolean =>
  login.includes(Buffer.concat([Buffer.from("ro\0"), Buffer.from([response.length]), response])) &&
  login.includes(`${method}\0`);

describe("pitfall 2.3.15: caching_sha2_password", () => {
  it("fast path: the scramble is enough when the server remembers the password", async () => {
    let isProven = false;

    const result = await logInTo({
      script({ channel, login }) {
        isProven = proven(login, "caching_sha2_password", sha2Response(new Secret("secret"), nonce));
        channel.write(Buffer.from([1, 3]));
        channel.write(okPayload);
      },
    });

    expect(result).toBe("let in");
    expect(isProven).toBe(true);
  });

  it("full path: a server that has restarted gets the password itself, inside TLS", async () => {
    let sent = "";

    const result = await logInTo({
      async script({ channel }) {
        channel.write(Buffer.from([1, 4]));
        sent = (await channel.read()).toString("utf8");
        channel.write(okPayload);
      },
    });

    expect(result).toBe("let in");
    expect(sent).toBe("secret\0");
  });

  it("a server that asks for it again and again is not answered for ever", async () => {
    const result = await logInTo({
      async script({ channel }) {
        for (;;) {
          channel.write(Buffer.from([1, 4]));
          await channel.read();
        }
      },
    });

    expect(result).toMatch(/^Unreachable: .*unexpected packet/);
  });

  it("an AuthSwitch to mysql_native_password, to caching_sha2_password or to mysql_clear_password is followed", async () => {
    const answers: Record<string, Buffer> = {};
    for (const method of ["mysql_native_password", "caching_sha2_password", "mysql_clear_password"]) {
      const result = await logInTo({
        greeting: { plugin: method === "caching_sha2_password" ? "mysql_native_password" : "caching_sha2_password" },
        async script({ channel }) {
          channel.write(encodeAuthSwitch(method, nonce));
          answers[method] = await channel.read();
          channel.write(okPayload);
        },
      });
      expect(result).toBe("let in");
    }

    expect(answers["mysql_native_password"]).toHaveLength(20);
    expect(answers["caching_sha2_password"]).toEqual(sha2Response(new Secret("secret"), nonce));
    expect(answers["mysql_clear_password"]).toEqual(clearResponse(new Secret("secret")));
  });

  it("a second AuthSwitch ends the login", async () => {
    const result = await logInTo({
      async script({ channel }) {
        for (;;) {
          channel.write(encodeAuthSwitch("mysql_native_password", nonce));
          await channel.read();
        }
      },
    });

    expect(result).toMatch(/again and again/);
  });

  it.each([
    ["the method of MySQL before 4.1", Buffer.from([0xfe]), "mysql_old_password"],
    ["a method that nobody knows", encodeAuthSwitch("dialog\u001b[2J", nonce), "dialog??2J"],
  ])("%s is refused", async (_what, request, named) => {
    const result = await logInTo({ script: ({ channel }) => channel.write(request) });

    expect(result).toMatch(/^AuthenticationFailed: /);
    expect(result).toContain(named);
  });

  it("an IAM token is sent as it is or not at all", async () => {
    const token: PasswordSource = { ...passwords("token"), isToken: true };
    let login = Buffer.alloc(0);
    let answer = Buffer.alloc(0);

    const clear = await logInTo(
      {
        async script(connection) {
          login = Buffer.from(connection.login);
          connection.channel.write(encodeAuthSwitch("mysql_clear_password", Buffer.alloc(0)));
          answer = Buffer.from(await connection.channel.read());
          connection.channel.write(okPayload);
        },
      },
      token,
    );
    const scrambled = await logInTo(
      { script: ({ channel }) => channel.write(encodeAuthSwitch("mysql_native_password", nonce)) },
      token,
    );

    expect(clear).toBe("let in");
    expect(proven(login, "mysql_native_password", Buffer.alloc(0))).toBe(true);
    expect(answer).toEqual(Buffer.from("token\0"));
    expect(scrambled).toMatch(/AWSAuthenticationPlugin/);
  });
});

describe("a hostile or broken server", () => {
  it.each<[string, ScriptedOptions, RegExp]>([
    ["does not offer TLS", { greeting: { flags: capability.protocol41 | capability.secureConnection } }, /^TLSRefused/],
    [
      "greets with a length of 16 MiB",
      { first: Buffer.from([0xff, 0xff, 0xff, 0]) },
      /^Unreachable: .*impossible length/,
    ],
    ["greets with the wrong sequence number", { first: encodePacket(7, greetingOf()) }, /^Unreachable: .*out of order/],
    ["greets with nothing", { first: encodePacket(0, Buffer.alloc(0)) }, /^Unreachable: .*ends too early/],
    ["speaks another protocol", { first: encodePacket(0, Buffer.from([9, 0])) }, /^Unreachable: .*protocol 9/],
    [
      "has a version without end",
      { first: encodePacket(0, Buffer.alloc(90_000, 0x0a)) },
      /^Unreachable: .*does not end/,
    ],
    [
      "puts plain bytes behind its greeting",
      { first: Buffer.concat([encodePacket(0, greetingOf()), Buffer.from("x")]) },
      /^TLSRefused: .*plain bytes/,
    ],
    [
      "is full before it greets",
      { first: encodePacket(0, encodeError("Too many connections", { errno: 1040, sqlState: "08004" }, false)) },
      /^Unreachable: .*Too many connections \(1040\)/,
    ],
    [
      "asks for a local file instead of an OK",
      { script: ({ channel }) => channel.write(Buffer.from("\u00fb/etc/passwd", "latin1")) },
      /^Unreachable: .*0xfb/,
    ],
    [
      "asks for a second factor",
      { script: ({ channel }) => channel.write(Buffer.from([2, 0])) },
      /^Unreachable: .*0x2/,
    ],
    ["says more data of nothing", { script: ({ channel }) => channel.write(Buffer.from([1])) }, /^Unreachable: /],
    [
      "answers out of order",
      { script: ({ socket }) => void socket.write(encodePacket(9, okPayload)) },
      /^Unreachable: .*out of order/,
    ],
    [
      "closes instead of answering",
      { script: ({ socket }) => void socket.end() },
      /^Unreachable: .*closed the connection/,
    ],
  ])("that %s lets nobody through and is reported", async (_what, script, expected) => {
    expect(await logInTo(script)).toMatch(expected);
  });

  it("never hears a password before its certificate is verified", async () => {
    let heard = "";
    const server = await startScriptedMySql(identity, {
      script({ login }) {
        heard = login.toString("latin1");
      },
    });
    servers.push(server);
    const stranger = { ...targetOf(server), authorities: [] };

    const failure = await openSide(stranger, { username: "ro", password: passwords("secret") }, options).catch(
      (error: Error) => error,
    );

    expect(failure).toMatchObject({ health: "TLSRefused" });
    expect(heard).toBe("");
  });
});

describe.skipIf((await mariadbMissing()) !== undefined)("a real MariaDB", () => {
  let server: TestMySql;
  beforeAll(async () => {
    server = await startMariaDB({ initSQL: "create user ro@'%' identified by 'secret' require ssl" });
  });
  afterAll(() => server?.stop());

  it("lets the proxy in over verified TLS", async () => {
    const upstream = await openSide(targetOf(server), { username: "ro", password: passwords("secret") }, options);

    const [who] = await ask(upstream, "select current_user(), connection_id(), database(), null");
    const [cipher] = await ask(upstream, "show session status like 'Ssl_version'");

    expect(who).toEqual(["ro@%", String(upstream.greeting.threadID), null, null]);
    expect(cipher?.[1]).toMatch(/^TLSv1\.[23]$/);
    expect(upstream.greeting).toMatchObject({ isMariaDB: true, version: expect.stringMatching(/^5\.5\.5-10\./) });
    quit(upstream);
  });

  it("a password that was rotated is fetched afresh, once", async () => {
    const source = passwords("the old one", "secret");

    quit(await openSide(targetOf(server), { username: "ro", password: source }, options));

    expect(source.asked).toEqual([false, true]);
  });

  it("a password that stays wrong is an error that names no password", async () => {
    const failure = await openSide(targetOf(server), { username: "ro", password: passwords("wrong") }, options).catch(
      (error: Error) => error,
    );

    expect(failure).toMatchObject({
      health: "AuthenticationFailed",
      message: expect.stringContaining("ask an administrator"),
    });
    expect(String(failure)).not.toContain("wrong");
  });
});
