import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { message } from "../testing/mysql-packets.ts";
import { PacketScanner, verdict, type Verdict } from "./packets.ts";
import { fullPacketBytes } from "./protocol.ts";
import { MySqlViolation } from "./violation.ts";

/** A scanner that wants `wanted` bytes of each message and says what it saw. */
function scannerOf(wanted: number, decide: (body: Buffer) => Verdict = () => verdict.pass) {
  const seen: { first: number; body: string; bytes: number; sequence: number }[] = [];
  let first = 0;
  const scanner = new PacketScanner({
    begin: (byte) => {
      first = byte;
      return wanted;
    },
    more: () => undefined,
    end: (body, bytes, sequence) => {
      seen.push({ first, body: body.toString("latin1"), bytes, sequence });
      return decide(body);
    },
    left: () => undefined,
  });
  return { scanner, seen };
}

describe("the packet scanner", () => {
  it("finds the same messages whatever the chunks, empty ones too", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 0, max: 50 }),
        (bodies, cuts, wanted) => {
          const payloads = bodies.map((body) => Buffer.from(body));
          const stream = Buffer.concat(payloads.map((payload, index) => message(payload, index)));
          const { scanner, seen } = scannerOf(wanted);

          for (let at = 0, turn = 0; at < stream.length; turn += 1) {
            const size = cuts[turn % cuts.length] ?? 1;
            scanner.push(stream.subarray(at, at + size));
            at += size;
          }

          expect(seen).toEqual(
            payloads.map((payload, index) => ({
              first: payload[0] ?? -1,
              body: payload.toString("latin1", 0, wanted),
              bytes: payload.length,
              sequence: index,
            })),
          );
          expect(scanner.atBoundary).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each([fullPacketBytes - 1, fullPacketBytes, fullPacketBytes + 1, 2 * fullPacketBytes])(
    "a payload of %i bytes is one message",
    (length) => {
      const payload = Buffer.alloc(length, "p");
      const { scanner, seen } = scannerOf(100);
      const stream = message(payload);

      for (let at = 0; at < stream.length; at += 3_000_001) {
        scanner.push(stream.subarray(at, at + 3_000_001));
      }

      expect(seen).toMatchObject([{ bytes: length, sequence: Math.floor(length / fullPacketBytes) }]);
      expect(scanner.keepsParts).toBe(false);
    },
  );

  it("keeps no more of a message than was wanted, whatever length it declares", () => {
    const { scanner } = scannerOf(10);
    const before = process.memoryUsage().arrayBuffers;

    scanner.push(Buffer.from([0xff, 0xff, 0xff, 0, 1]));
    for (let count = 0; count < 1_000; count += 1) {
      scanner.push(Buffer.alloc(10_000, "x"));
    }

    expect(scanner.isBeyond).toBe(true);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 * 1024);
  });

  it("a continued message must go on with the next number", () => {
    const { scanner } = scannerOf(10);
    scanner.push(Buffer.from([0xff, 0xff, 0xff, 7]));
    scanner.push(Buffer.alloc(fullPacketBytes));

    expect(() => scanner.push(Buffer.from([0, 0, 0, 9]))).toThrow(MySqlViolation);
  });

  it("stops before a message that must wait, and finds it again", () => {
    let mayPass = false;
    const { scanner, seen } = scannerOf(10, (body) =>
      body.toString() === "wait" && !mayPass ? verdict.stop : verdict.pass,
    );
    const stream = Buffer.concat([
      message(Buffer.from("one")),
      message(Buffer.from("wait")),
      message(Buffer.from("two")),
    ]);

    expect(scanner.push(stream)).toBe(false);
    expect([scanner.boundary, scanner.start, scanner.atBoundary]).toEqual([7, 7, true]);
    mayPass = true;
    expect(scanner.push(stream.subarray(scanner.start))).toBe(true);

    expect(seen.map(({ body }) => body)).toEqual(["one", "wait", "wait", "two"]);
  });

  it("knows at every byte what is decided: a header alone says nothing", () => {
    const { scanner } = scannerOf(-1);
    const undecided = [...message(Buffer.from("ab"))].map((byte) => {
      scanner.push(Buffer.from([byte]));
      return scanner.undecided;
    });

    expect(undecided).toEqual([1, 2, 3, 4, 0, 0]);
  });
});
