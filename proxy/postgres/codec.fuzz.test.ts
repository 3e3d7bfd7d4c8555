import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { readServerError } from "./backend.ts";
import { readBind, readExecute, readFunctionCall, readParse, readQuery, readTarget } from "./frontend.ts";
import { back, front, ProtocolViolation } from "./protocol.ts";
import { readOpening } from "./startup.ts";
import { Tracker } from "./tracker.ts";

/** Runs `read`; anything but a value or a ProtocolViolation is a defect. */
function orViolation(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolViolation);
  }
}

const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));
/** Bytes that look like messages more often than chance: small integers and strings in a row. */
const plausible = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        Buffer.from([0, 0]),
        Buffer.from([0, 1]),
        Buffer.from([0, 0, 0, 1]),
        Buffer.from([0xff, 0xff, 0xff, 0xff]),
        Buffer.from("s\0"),
        Buffer.from([0]),
      ),
      bytes,
    ),
    { maxLength: 12 },
  )
  .map((parts) => Buffer.concat(parts));

describe("readers of client messages", () => {
  it.each([
    ["Query", readQuery],
    ["Parse", readParse],
    ["Bind", readBind],
    ["Execute", readExecute],
    ["Describe and Close", readTarget],
    ["FunctionCall", readFunctionCall],
    ["startup", readOpening],
  ])("%s: any bytes are read or refused, never a crash", (_what, read) => {
    fc.assert(
      fc.property(fc.oneof(bytes, plausible), (body) => {
        orViolation(() => read(body));
      }),
      { numRuns: 2_000 },
    );
  });

  it("a startup packet is found at its last byte and not before, and what follows is left", () => {
    const packet = Buffer.concat([Buffer.from([0, 0, 0, 17, 0, 3, 0, 0]), Buffer.from("user\0ro\0\0")]);
    for (let length = 1; length < packet.length; length += 1) {
      expect(readOpening(packet.subarray(0, length))).toBeUndefined();
    }

    const read = readOpening(Buffer.concat([packet, Buffer.from("Q")]));

    expect(read?.used).toBe(packet.length);
    expect(read?.opening).toMatchObject({ kind: "startup", parameters: new Map([["user", "ro"]]) });
  });

  it.each([7, 10_001, 0x7fff_ffff, -1])(
    "a startup packet of length %i is refused from its first four bytes",
    (length) => {
      const header = Buffer.alloc(4);
      header.writeInt32BE(length);

      expect(() => readOpening(header)).toThrow(ProtocolViolation);
    },
  );
});

it("a server's error is read whatever it holds", () => {
  fc.assert(
    fc.property(fc.oneof(bytes, plausible), (body) => {
      expect(typeof readServerError(body).sqlState).toBe("string");
    }),
    { numRuns: 2_000 },
  );
});

describe("the tracker", () => {
  const clientTypes = Object.values(front);
  const serverTypes = Object.values(back);
  const event = fc.oneof(
    fc.record({ from: fc.constant("client" as const), type: fc.constantFrom(...clientTypes), body: plausible }),
    fc.record({ from: fc.constant("server" as const), type: fc.constantFrom(...serverTypes), body: plausible }),
  );

  /** A server that is ready while an Execute waits for its answer: it was once dropped without an end. */
  const readyTooEarly = [
    { from: "client" as const, type: front.execute, body: Buffer.from([0, 0, 0, 0, 0]) },
    { from: "server" as const, type: back.readyForQuery, body: Buffer.alloc(0) },
  ];

  it("survives any conversation: each statement that started ends exactly once, and at the latest when it is closed", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        const open = new Set<number>();
        const clock = manualClock();
        const tracker = new Tracker(
          {
            started: (number) => {
              expect(open.has(number)).toBe(false);
              open.add(number);
            },
            ended: ({ number }) => {
              expect(open.delete(number)).toBe(true);
            },
          },
          () => clock.monotonicMs(),
        );
        orViolation(() => {
          for (const { from, type, body } of events) {
            if (from === "client") {
              tracker.client(type, body);
              tracker.forwarded();
            } else {
              tracker.serverBytes(type, 1, body.length + 5);
              tracker.server(type, body);
            }
          }
        });
        tracker.close("unknown");
        expect([...open]).toEqual([]);
      }),
      { numRuns: 5_000, examples: [[readyTooEarly]] },
    );
  });
});
