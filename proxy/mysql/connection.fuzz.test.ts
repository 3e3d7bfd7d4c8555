import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fuzzSeed } from "#test/harness/fuzz-seed.ts";
import { agreedFlags, offeredTo } from "./agree.ts";
import { encodeAuthSwitch, encodeError, readAuthSwitch, readError } from "./answers.ts";
import { capability } from "./capabilities.ts";
import { encodeGreeting, readGreeting, type ServerGreeting } from "./greeting.ts";
import { encodeLogin, readLogin } from "./login.ts";
import { trackedCapabilities } from "./protocol.ts";
import { MySqlViolation } from "./violation.ts";

const runs = { seed: fuzzSeed, numRuns: 300 };
const flags = fc.integer({ min: 0, max: 0xffff_ffff });
const name = fc.string({ minLength: 1, maxLength: 40 }).map((text) => text.replaceAll("\0", ""));
const needed = capability.protocol41 | capability.secureConnection;

const greeting: fc.Arbitrary<ServerGreeting> = fc.record({
  version: name,
  threadID: flags,
  flags: flags.map((value) => (value | needed) >>> 0),
  extended: flags,
  charset: fc.integer({ min: 0, max: 255 }),
  status: fc.integer({ min: 0, max: 0xffff }),
  nonce: fc.uint8Array({ minLength: 20, maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
  plugin: name,
  isMariaDB: fc.boolean(),
});

/** Runs `read`; anything but a value or a violation is a defect. */
function orViolation(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(MySqlViolation);
  }
}

describe("the connection phase", () => {
  it("any bytes are read as a packet or refused, never a crash", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (array) => {
        const bytes = Buffer.from(array);
        orViolation(() => readGreeting(bytes));
        orViolation(() => readLogin(bytes, { flags: 0xffff_ffff, extended: 0xffff_ffff }));
        orViolation(() => readError(bytes));
        orViolation(() => readAuthSwitch(bytes));
      }),
      runs,
    );
  });

  it("a login that is cut or bent at any byte is refused or read within its bounds", () => {
    const login = encodeLogin({
      flags: trackedCapabilities.mysql,
      extended: 0,
      maxPacketBytes: 1,
      charset: 45,
      username: "ada",
      authResponse: Buffer.alloc(32),
      databaseName: "orders",
      plugin: "caching_sha2_password",
      attributes: new Map([["program_name", "mysql"]]),
    });
    login.writeUInt32LE((login.readUInt32LE(0) & ~capability.tls) >>> 0, 0);
    for (let at = 0; at < login.length; at += 1) {
      orViolation(() => readLogin(login.subarray(0, at), { flags: trackedCapabilities.mysql, extended: 0 }));
      for (const byte of [0x00, 0x7f, 0xfb, 0xfc, 0xfd, 0xfe, 0xff]) {
        const bent = Buffer.from(login);
        bent[at] = byte;
        orViolation(() => readLogin(bent, { flags: trackedCapabilities.mysql, extended: 0 }));
      }
    }
  });

  it("no flag is offered or agreed on that cannot be followed, whatever server and client claim", () => {
    fc.assert(
      fc.property(greeting, flags, flags, (server, client, extended) => {
        const offered = offeredTo(server);
        const agreed = agreedFlags({ flags: client, extended }, server);

        expect(offered.flags & ~trackedCapabilities.mysql).toBe(0);
        expect(offered.extended & ~trackedCapabilities.mariaDB).toBe(0);
        expect(agreed.flags & ~server.flags).toBe(0);
        expect(agreed.flags & ~trackedCapabilities.mysql).toBe(0);
        expect(agreed.extended & ~(server.extended & extended)).toBe(0);
      }),
      runs,
    );
  });

  it("what the client is greeted with is what the server said, in what is the server's to say", () => {
    fc.assert(
      fc.property(greeting, (server) => {
        const nonce = Buffer.alloc(20, 65);

        const greeted = readGreeting(encodeGreeting(server, nonce, "caching_sha2_password"));

        const { version, threadID, charset, status } = server;
        expect(greeted).toMatchObject({ version, threadID, charset, status, nonce, plugin: "caching_sha2_password" });
        expect(greeted.flags).toBe(offeredTo(server).flags);
      }),
      runs,
    );
  });

  it("errors and switches come out as they went in; a message is never cut within a character", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 600 }), (message) => {
        const read = readError(encodeError(message, { errno: 1045, sqlState: "28000" }));

        expect(read).toMatchObject({ errno: 1045, sqlState: "28000" });
        expect(message.startsWith(read.message)).toBe(true);
        expect(Buffer.byteLength(read.message)).toBeLessThanOrEqual(511);
        expect(read.message).not.toContain("\ufffd");
      }),
      runs,
    );
    const nonce = Buffer.alloc(20, 66);
    expect(readAuthSwitch(encodeAuthSwitch("mysql_native_password", nonce))).toEqual({
      plugin: "mysql_native_password",
      nonce,
    });
  });
});
