import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { duplexPair, type Duplex } from "node:stream";
import fc from "fast-check";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { manualClock, type ManualClock } from "#lib/clock.ts";
import type { UserError } from "#lib/errors.ts";
import { Secret } from "#lib/secret.ts";
import { fuzzSeed } from "#test/harness/fuzz-seed.ts";
import { demandMysql } from "./demand-mysql.ts";
import { demandPostgres } from "./demand-postgres.ts";
import { loginTimeoutMs } from "./local-login.ts";
import { isProof, readAnswer, readChallenge, readSwitch } from "./mysql-login.ts";
import { ScramServer } from "./scram-server.ts";
import { trackMysql } from "./track-mysql.ts";

const password = new Secret("local-secret-of-ada");
const random = (bytes: number): Uint8Array => Buffer.alloc(bytes, 7);

let server: Server;
let clock: ManualClock;
beforeEach(async () => {
  clock = manualClock();
  server = createServer({ pauseOnConnect: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterEach(() => void server.close());
const port = (): number => (server.address() as { port: number }).port;
const accepted = async (): Promise<Socket> => ((await once(server, "connection")) as [Socket])[0];

describe("SCRAM", () => {
  it("takes the exchange of RFC 7677 3, and nothing else", () => {
    const salt = Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64");
    const scram = new ScramServer(new Secret("pencil"), salt, () => "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
    const whole = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const proof = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

    const exchange = scram.begin("n,,n=user,r=rOprNGfwEbeRWgbNEkqO");

    expect(exchange?.serverFirst).toBe(`r=${whole},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`);
    expect(exchange?.finish(`c=biws,r=${whole},p=${proof}`)).toBe("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    for (const wrong of [
      "",
      `c=biws,r=${whole},p=`,
      `c=biws,r=${whole},p=${proof.replace("d", "e")}`,
      `c=biws,r=${whole}x,p=${proof}`,
      `c=eSws,r=${whole},p=${proof}`,
    ]) {
      expect(exchange?.finish(wrong)).toBeUndefined();
    }
  });

  it.each(["", "p=tls-unique,,n=,r=x", "n,,r=x", "n,,n=,r=", "n,,m=ext,n=,r=x"])("does not begin with %j", (first) => {
    expect(new ScramServer(password, Buffer.alloc(16), () => "x").begin(first)).toBeUndefined();
  });
});

describe("a PostgreSQL client", () => {
  const login = demandPostgres(password, random);
  async function demanded(
    secret: string,
  ): Promise<{ got: Promise<Buffer>; client: pg.Client; connecting: Promise<string> }> {
    const socket = accepted();
    const client = new pg.Client({
      host: "127.0.0.1",
      port: port(),
      user: "ada",
      database: "orders",
      password: secret,
    });
    client.on("error", () => {});
    const connecting = client.connect().then(
      () => "connected",
      (error: Error) => error.message,
    );
    const got = login.speaks === "client" ? login.demand(await socket, clock) : Promise.reject(new Error("never"));
    got.then(
      async () => (await socket).write(Buffer.concat([message("R", [0, 0, 0, 0]), message("Z", [0x49])])),
      () => {},
    );
    return { got, client, connecting };
  }
  const message = (type: string, body: readonly number[]): Buffer =>
    Buffer.from([type.charCodeAt(0), 0, 0, 0, 4 + body.length, ...body]);

  it("that knows the password is let through, and what it said first is given on", async () => {
    const { got, client, connecting } = await demanded(password.reveal());

    expect((await got).toString("latin1")).toContain("user\0ada\0database\0orders\0");
    expect(await connecting).toBe("connected");
    client.connection.stream.destroy();
  });

  it("that does not is told so, and its socket is closed", async () => {
    const { got, connecting } = await demanded("guessed");

    await expect(got).rejects.toMatchObject({ code: "LocalPasswordWrong", why: "the password is another one" });
    expect(await connecting).toContain("this port demands the local password");
  });

  it("that says nothing is let go of in time", async () => {
    const socket = accepted();
    const client = connect(port(), "127.0.0.1");
    const got = login.speaks === "client" ? login.demand(await socket, clock) : undefined;

    clock.advance(loginTimeoutMs);

    await expect(got).rejects.toMatchObject({ code: "ClientSilent" });
    client.destroy();
    expect(clock.pendingCount()).toBe(0);
  });

  it("that only cancels is let through: its key proves it", async () => {
    const socket = accepted();
    const cancel = Buffer.from("0000001004d2162e0000000100000002", "hex");
    const client = connect(port(), "127.0.0.1");
    client.write(cancel);

    expect(login.speaks === "client" ? await login.demand(await socket, clock) : undefined).toEqual(cancel);
    client.destroy();
  });
});

const nonce = Buffer.from("abcdefghijklmnopqrst");
/** A greeting as the proxy gives it, asking for that plugin. */
function greeting(plugin: string): Buffer {
  const flags = 0x80000 | 0x200000 | 0x8000 | 0x200 | 0x8;
  const numbers = Buffer.alloc(8);
  numbers.writeUInt16LE(flags & 0xffff, 0);
  numbers.writeUInt8(45, 2);
  numbers.writeUInt16LE(flags >>> 16, 5);
  numbers.writeUInt8(21, 7);
  const parts = [Buffer.from("\n8.4.0\0\u0001\0\0\0", "latin1"), nonce.subarray(0, 8), Buffer.alloc(1), numbers];
  return Buffer.concat([...parts, Buffer.alloc(10), nonce.subarray(8), Buffer.from(`\0${plugin}\0`)]);
}
const packet = (sequence: number, body: Buffer): Buffer => {
  const header = Buffer.alloc(4);
  header.writeUIntLE(body.length, 0, 3);
  header.writeUInt8(sequence, 3);
  return Buffer.concat([header, body]);
};

describe("a MySQL client", () => {
  it("is read as the protocol says", () => {
    const challenge = readChallenge(greeting("caching_sha2_password"));

    expect(challenge).toMatchObject({ plugin: "caching_sha2_password", nonce });
    expect(
      readSwitch(Buffer.concat([Buffer.from("\u00femysql_native_password\0", "latin1"), nonce, Buffer.alloc(1)])),
    ).toEqual({
      plugin: "mysql_native_password",
      nonce,
      flags: 0,
    });
    expect(readChallenge(Buffer.from([0xff, 1, 2]))).toBeUndefined();
    expect(readSwitch(Buffer.from([0]))).toBeUndefined();
  });

  it("proves the password by the plugins that clients have, and by nothing else", () => {
    // Made by MariaDB's and MySQL's own client libraries for this nonce and password is the same arithmetic: see test/e2e/rds-strings.test.ts.
    expect(isProof("mysql_clear_password", Buffer.from("local-secret-of-ada\0"), nonce, password)).toBe(true);
    for (const plugin of [
      "mysql_clear_password",
      "mysql_native_password",
      "caching_sha2_password",
      "client_ed25519",
      "",
    ]) {
      for (const wrong of ["", "x", "a".repeat(20), "a".repeat(32)]) {
        expect(isProof(plugin, Buffer.from(wrong), nonce, password)).toBe(false);
      }
    }
  });

  it("sends what it likes, and nothing of it breaks the reading", () => {
    const challenge = readChallenge(greeting("mysql_native_password"));
    const any = fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const body = Buffer.from(bytes);
      readChallenge(body);
      readSwitch(body);
      const answer = readAnswer(body, challenge ?? { plugin: "", nonce, flags: 0 });
      expect(isProof(answer.plugin, answer.response, nonce, password)).toBe(false);
    });

    fc.assert(any, { seed: fuzzSeed, numRuns: 2_000 });
  });

  async function demanded(): Promise<{ client: Socket; far: Duplex; done: Promise<string> }> {
    const socket = accepted();
    const client = connect(port(), "127.0.0.1");
    client.on("error", () => {});
    const [stream, far] = duplexPair();
    stream.on("error", () => {});
    far.on("error", () => {});
    const login = demandMysql(password);
    const done =
      login.speaks === "server"
        ? login.demand(await socket, stream, trackMysql(), clock).then(
            () => "let through",
            (error: UserError) => `${error.code}: ${error.why || error.message}`,
          )
        : Promise.resolve("never");
    return { client, far, done };
  }

  it("that wants TLS, or sends what is no login, is told what is wrong before anything of it goes on", async () => {
    for (const [body, why] of [
      [Buffer.from([0x85, 0xaa, 0, 0, 0, 0, 0, 1]), "it wants TLS, which this end of the tunnel has not"],
      [Buffer.alloc(0), "the connection ended before the sign-in did"],
    ] as const) {
      const { client, far, done } = await demanded();
      far.write(packet(0, greeting("mysql_native_password")));
      client.write(packet(1, body));
      client.resume();
      if (body.length === 0) {
        far.end();
      }

      expect(await done).toContain(why);
    }
  });

  it("never sees the proxy's yes without the password", async () => {
    const { client, far, done } = await demanded();
    let seen = Buffer.alloc(0);
    client.on("data", (chunk: Buffer) => (seen = Buffer.concat([seen, chunk])));
    far.write(packet(0, greeting("mysql_native_password")));
    client.write(
      packet(
        1,
        Buffer.concat([
          Buffer.from([0x85, 0xa2, 8, 0]),
          Buffer.alloc(28),
          Buffer.from("ada\0\0mysql_native_password\0"),
        ]),
      ),
    );
    await once(far, "data");
    far.write(packet(2, Buffer.from([0, 0, 0, 2, 0, 0, 0])));

    expect(await done).toBe("LocalPasswordWrong: the password is another one");
    await once(client, "close");
    expect(seen.toString("latin1")).toContain("#28000sallyport: this port demands the local password");
    expect(seen.includes(Buffer.from([0, 0, 0, 2, 0, 0, 0]))).toBe(false);
  });
});
