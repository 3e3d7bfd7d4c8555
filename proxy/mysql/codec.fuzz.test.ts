import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { fuzzSeed } from "#test/harness/fuzz-seed.ts";
import {
  answerOf,
  ask,
  command,
  eofPayload,
  errPayload,
  okPayload,
  preparedPayloads,
  setPayloads,
} from "../testing/mysql-packets.ts";
import { PacketScanner, verdict } from "./packets.ts";
import { trackedCapabilities } from "./protocol.ts";
import { readColumnCount, readEOF, readErrorReply, readOK, readPrepared } from "./replies.ts";
import { readText } from "./statements.ts";
import { MySqlTracker } from "./tracker.ts";
import { MySqlViolation } from "./violation.ts";

/** Runs `read`; anything but a value or a MySqlViolation is a defect. */
function orViolation(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(MySqlViolation);
  }
}

const bytes = fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array));
const number = fc.constantFrom(
  0x01,
  0x02,
  0x03,
  0x04,
  0x09,
  0x0a,
  0x0c,
  0x0e,
  0x11,
  0x16,
  0x17,
  0x18,
  0x19,
  0x1a,
  0x1b,
  0x1c,
  0x1f,
  0xfa,
);
/** Commands that are whole, nearly whole and not at all. */
const fromClient = fc.oneof(
  fc.constantFrom(
    ask.query("select 1; select 2"),
    ask.query("use x"),
    ask.prepare("select ?"),
    ask.execute(1, Buffer.from([0, 1, 253, 0, 1, 65])),
    ask.execute(0xffff_ffff, Buffer.from([0, 0, 1, 65])),
    ask.longData(1, 0, "x"),
    ask.close(1),
    ask.fetch(1, 2),
    ask.reset(1),
    ask.ping(),
    command(0x1f),
    command(0x04, "t\0"),
  ),
  fc.tuple(number, bytes).map(([code, rest]) => command(code, rest)),
  bytes,
);
const payload = fc.oneof(
  fc.constantFrom(
    [okPayload()],
    [okPayload({ status: 10 })],
    [okPayload({ head: 0xfe })],
    [errPayload(1064, "42000", "no")],
    [errPayload(0xffff, "", "")],
    setPayloads(["a", "b"]),
    setPayloads(["a", "b"], { isBinary: true }),
    setPayloads(["a"], { isBinary: true }).slice(2),
    [eofPayload(0x42)],
    setPayloads([], { deprecatesEOF: false }),
    preparedPayloads(1, 1, 1),
    preparedPayloads(1, 0, 0, false),
    [Buffer.from([0xfb, 65])],
  ),
  bytes.map((body) => [body]),
);
const fromServer = fc.oneof(
  payload.map((payloads) =>
    Buffer.concat(payloads.map((body, index) => Buffer.concat([Buffer.from([body.length, 0, 0, index + 1]), body]))),
  ),
  bytes,
);
const event = fc.oneof(
  fromClient.map((data) => ({ from: "client" as const, data })),
  fromServer.map((data) => ({ from: "server" as const, data })),
);

describe("readers of the server's packets", () => {
  it.each([
    ["OK", (body: Buffer) => readOK(body, true)],
    ["OK without session tracking", (body: Buffer) => readOK(body, false)],
    ["EOF", readEOF],
    ["ERR", readErrorReply],
    ["column count", (body: Buffer) => readColumnCount(body, true)],
    ["COM_STMT_PREPARE_OK", (body: Buffer) => readPrepared(body, true)],
  ])("%s: any bytes are read or refused, never a crash", (_, read) => {
    fc.assert(
      fc.property(bytes, (body) => {
        orViolation(() => read(body));
      }),
      { numRuns: 2_000, seed: fuzzSeed },
    );
  });
});

it("any text at all is split, in time that is in proportion to it", () => {
  const piece = fc.constantFrom(
    ";",
    "'",
    '"',
    "`",
    "\\",
    "/*",
    "/*!",
    "*/",
    "--",
    " ",
    "\n",
    "#",
    "kill",
    "5",
    "use",
    "x",
    "set",
    "begin",
    "end",
    "call",
    "create procedure",
    "names",
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 40 }),
      fc.boolean(),
      fc.boolean(),
      (pieces, ansiQuotes, noBackslashEscapes) => {
        const sql = Buffer.from(pieces.join(" "));

        expect(readText(sql, { ansiQuotes, noBackslashEscapes }, true).spans.length).toBeLessThanOrEqual(
          pieces.length + 1,
        );
      },
    ),
    { numRuns: 2_000, seed: fuzzSeed },
  );
  expect(
    readText(Buffer.from("kill ;".repeat(200_000)), { ansiQuotes: false, noBackslashEscapes: false }, true).spans
      .length,
  ).toBe(100_000);
});

/** A prepared statement, so that more of what follows has a meaning. */
const beginning = [
  { from: "client" as const, data: ask.prepare("select ?") },
  { from: "server" as const, data: answerOf(preparedPayloads(1, 0, 0)) },
];

it("of a thousand KILLs and more none passes unseen", () => {
  const mode = { ansiQuotes: false, noBackslashEscapes: false };

  const { kills } = readText(Buffer.from("kill 7;".repeat(5_000)), mode, true);

  expect(kills).toHaveLength(1_000);
  expect(kills.at(-1)).toEqual({ scope: "connection", thread: undefined });
});

describe("the tracker", () => {
  it("survives any conversation: each statement that started ends exactly once, and at the latest when it is closed", () => {
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 30 }),
        fc.boolean(),
        fc.boolean(),
        fc.constantFrom(-1, ~0x0100_0000, ~0x0b00_0000),
        (others, hasStatement, isMariaDB, mask) => {
          const events = hasStatement ? [...beginning, ...others] : others;
          const open = new Set<number>();
          const clock = manualClock();
          const tracker = new MySqlTracker(
            {
              started: (started) => {
                expect(open.has(started)).toBe(false);
                open.add(started);
              },
              ended: ({ number: ended }) => {
                expect(open.delete(ended)).toBe(true);
              },
            },
            () => clock.monotonicMs(),
            {
              capabilities: trackedCapabilities.mysql & mask,
              mariaDBCapabilities: trackedCapabilities.mariaDB,
              isMariaDB,
              charset: "utf8mb4",
            },
          );
          const client = new PacketScanner({
            begin: (first, _, sequence) => tracker.clientBegins(first, sequence),
            more: () => undefined,
            end: (body, length, sequence) => tracker.clientEnds(body, length, sequence),
            left: () => undefined,
          });
          const server = new PacketScanner({
            begin: (first, length, sequence) => tracker.serverBegins(first, length, sequence),
            more: (length) => tracker.serverGoesOn(length),
            end: (body, length) => {
              tracker.serverEnds(body, length);
              return verdict.pass;
            },
            left: () => undefined,
          });

          orViolation(() => {
            for (const { from, data } of events) {
              (from === "client" ? client : server).push(data);
              tracker.forwarded();
            }
          });
          tracker.close("unknown");

          expect([...open]).toEqual([]);
          expect(tracker.depth).toBe(0);
        },
      ),
      { numRuns: 5_000, seed: fuzzSeed },
    );
  });
});
