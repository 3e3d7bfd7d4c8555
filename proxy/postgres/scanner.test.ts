import fc from "fast-check";
import { expect, it } from "vitest";
import { type FrameHandler, FrameScanner } from "./scanner.ts";

function frame(type: string, body: Uint8Array): Buffer {
  const header = Buffer.alloc(5);
  header.write(type, 0, "latin1");
  header.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
}

/** Collects what it is shown: `D` streams past, everything else is wanted whole. */
function collector(): FrameHandler & { readonly seen: string[] } {
  const seen: string[] = [];
  return {
    seen,
    plan: (type, bytes) => (type === 0x44 ? -1 : bytes),
    message: (type, body) => void seen.push(`${String.fromCharCode(type)}:${body.toString("hex")}`),
  };
}

const message = fc.tuple(fc.constantFrom("1", "2", "C", "D", "Z"), fc.uint8Array({ maxLength: 24 }));

it("finds the same messages wherever the stream is cut, empty ones between others too", () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 8 }), fc.array(fc.nat(40)), (messages, cuts) => {
      const bytes = Buffer.concat(messages.map(([type, body]) => frame(type, body)));
      const handler = collector();
      const scanner = new FrameScanner(handler);

      let offset = 0;
      for (const cut of cuts) {
        scanner.push(bytes.subarray(offset, offset + cut));
        offset += cut;
      }
      scanner.push(bytes.subarray(offset));

      const wanted = messages.filter(([type]) => type !== "D");
      expect(handler.seen).toEqual(wanted.map(([type, body]) => `${type}:${Buffer.from(body).toString("hex")}`));
      expect(scanner.atBoundary).toBe(true);
    }),
  );
});

it("refuses a length that does not count itself, and holds nothing for one that claims a gigabyte", () => {
  const scanner = new FrameScanner(collector());
  expect(() => scanner.push(Buffer.from([0x43, 0, 0, 0, 3]))).toThrow("invalid message length");

  const patient = new FrameScanner({ plan: () => -1, message: () => {} });
  patient.push(Buffer.from([0x44, 0x3f, 0xff, 0xff, 0xff, 1, 2, 3]));
  expect(patient.atBoundary).toBe(false);
});
