import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fuzzSeed } from "#test/harness/fuzz-seed.ts";
import type { SessionTrack } from "./session-track.ts";
import { trackMysql } from "./track-mysql.ts";
import { trackPostgres } from "./track-postgres.ts";

/** One message of PostgreSQL. */
function message(type: string, body: string | Buffer = ""): Buffer {
  const bytes = Buffer.from(body as string);
  const header = Buffer.alloc(5);
  header.write(type);
  header.writeInt32BE(bytes.length + 4, 1);
  return Buffer.concat([header, bytes]);
}
function opening(code: number, body = ""): Buffer {
  const header = Buffer.alloc(8);
  header.writeInt32BE(8 + body.length, 0);
  header.writeInt32BE(code, 4);
  return Buffer.concat([header, Buffer.from(body)]);
}
const startup = opening(196_608, "user\0ada\0\0");
const sslRequest = opening(80_877_103);
const ready = message("Z", "I");
const fatal = message("E", "SFATAL\0VFATAL\0C57P01\0Mthe grant has ended\0\0");
const words = "the way was lost";

/** A packet of MySQL. */
function packet(sequence: number, body: readonly number[]): Buffer {
  const header = Buffer.alloc(4);
  header.writeUIntLE(body.length, 0, 3);
  header.writeUInt8(sequence, 3);
  return Buffer.concat([header, Buffer.from(body)]);
}
const greeting = packet(0, [10, 1, 2, 3]);
const login = packet(1, [0x85, 0xa2, 0, 0]);
const ok = (sequence: number): Buffer => packet(sequence, [0, 0, 0]);
const query = packet(0, [3, 49]);

type Story = readonly (readonly ["client" | "server", Buffer])[];

function told(track: SessionTrack, story: Story): Buffer | undefined {
  for (const [side, bytes] of story) {
    if (side === "client") {
      track.fromClient(bytes);
    } else {
      track.fromServer(bytes);
    }
  }
  return track.lastWords(words);
}

describe("a PostgreSQL client whose session is cut", () => {
  const postgres = (...story: Story): string | undefined => told(trackPostgres(), story)?.toString();

  it("is told so as the server would tell it, between two messages", () => {
    const answer = postgres(["client", startup], ["server", ready], ["client", message("Q", "select 1\0")]);

    expect(answer).toContain("SFATAL\0VFATAL\0C08006\0Mthe way was lost\0");
  });

  it("is told so after an encryption that was declined", () => {
    expect(postgres(["client", sslRequest], ["server", Buffer.from("N")], ["client", startup])).toBeDefined();
  });

  it.each<readonly [string, Story]>([
    [
      "in the middle of a row",
      [
        ["client", startup],
        ["server", message("D", "half a row").subarray(0, 9)],
      ],
    ],
    [
      "in the middle of a header",
      [
        ["client", startup],
        ["server", ready.subarray(0, 3)],
      ],
    ],
    ["before it has said who it is", [["client", startup.subarray(0, 6)]]],
    ["while it waits for the answer to its wish for TLS", [["client", sslRequest]]],
    [
      "inside TLS",
      [
        ["client", sslRequest],
        ["server", Buffer.from("S")],
        ["client", Buffer.from([0x16, 3, 1])],
      ],
    ],
    ["inside TLS that it began with", [["client", Buffer.from([0x16, 3, 1, 0, 5])]]],
    ["that only asked for a cancel", [["client", opening(80_877_102, "12345678")]]],
    [
      "that has taken its leave",
      [
        ["client", Buffer.concat([startup, message("X")])],
        ["server", ready],
      ],
    ],
    [
      "that the server has told why",
      [
        ["client", startup],
        ["server", Buffer.concat([ready, fatal])],
      ],
    ],
  ])("is not told %s", (_, story) => {
    expect(postgres(...story)).toBeUndefined();
  });

  it("is told though its last statement failed", () => {
    const failed = message("E", "SERROR\0VERROR\0C42P01\0Mno such table\0\0");

    expect(postgres(["client", startup], ["server", Buffer.concat([failed, ready])])).toBeDefined();
  });
});

describe("a MySQL client whose session is cut", () => {
  const mysql = (...story: Story): Buffer | undefined => told(trackMysql(), story);

  it.each<readonly [string, number, Story]>([
    ["in place of the answer it waits for", 1, [["client", query]]],
    [
      "behind the rows it has got",
      4,
      [
        ["client", query],
        ["server", packet(3, [5, 65])],
      ],
    ],
    [
      "in place of the next answer, where it waits for none",
      1,
      [
        ["client", query],
        ["server", ok(3)],
      ],
    ],
  ])("is told so %s", (_, sequence, story) => {
    const answer = mysql(["server", greeting], ["client", login], ["server", ok(2)], ...story);

    expect(answer?.readUIntLE(0, 3)).toBe((answer?.length ?? 0) - 4);
    expect(answer?.[3]).toBe(sequence);
    expect(answer?.subarray(7).toString()).toBe(`#08S01${words}`);
  });

  it.each<readonly [string, Story]>([
    ["in the middle of a packet", [["server", ok(2).subarray(0, 6)]]],
    ["that has taken its leave", [["client", packet(0, [1])]]],
    [
      "that the server has told why",
      [
        ["client", query],
        ["server", packet(1, [0xff, 0x51, 4])],
      ],
    ],
  ])("is not told %s", (_, story) => {
    expect(mysql(["server", greeting], ["client", login], ...story)).toBeUndefined();
  });

  it("is not told inside TLS", () => {
    const tls = packet(1, [0x85, 0xaa, 0, 0]);

    expect(mysql(["server", greeting], ["client", tls])).toBeUndefined();
  });
});

it("where the bytes are cut makes no difference", () => {
  const whole = {
    postgres: Buffer.concat([message("T", "x".repeat(300)), message("D", "row"), message("D"), ready]),
    mysql: Buffer.concat([
      packet(2, [0, 0, 0]),
      packet(1, [1]),
      packet(
        2,
        Array.from({ length: 300 }, () => 7),
      ),
    ]),
  };
  const cut = (bytes: Buffer, places: readonly number[]): Buffer[] => {
    const at = [...new Set(places.map((place) => place % bytes.length))].toSorted((one, other) => one - other);
    return [0, ...at].map((start, index) => bytes.subarray(start, at[index] ?? bytes.length));
  };
  const same = fc.property(fc.array(fc.nat(1_000), { maxLength: 20 }), (places) => {
    const [postgres, mysql] = [trackPostgres(), trackMysql()];
    for (const piece of cut(startup, places)) {
      postgres.fromClient(piece);
    }
    for (const piece of cut(whole.postgres, places)) {
      postgres.fromServer(piece);
    }
    mysql.fromServer(greeting);
    for (const piece of cut(login, places)) {
      mysql.fromClient(piece);
    }
    for (const piece of cut(whole.mysql, places)) {
      mysql.fromServer(piece);
    }
    expect(postgres.lastWords(words)).toBeDefined();
    expect(mysql.lastWords(words)?.[3]).toBe(3);
  });

  fc.assert(same, { seed: fuzzSeed, numRuns: 200 });
});
