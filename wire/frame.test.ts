import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeFrame, FrameError, FrameReader, frameBytesMax } from "./frame.ts";

describe("frames of the handshake", () => {
  it("come back whole however the bytes are split, and leave what follows untouched", () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue(), { maxLength: 4 }),
        fc.uint8Array({ maxLength: 64 }),
        fc.nat(),
        (messages, rest, seed) => {
          const bytes = Buffer.concat([...messages.map((message) => encodeFrame(message)), rest]);
          const reader = new FrameReader();
          const seen: unknown[] = [];
          let offset = 0;
          for (let step = 0; offset < bytes.length; step += 1) {
            const size = 1 + ((seed + step * 7) % 13);
            reader.push(bytes.subarray(offset, offset + size));
            offset += size;
            for (let next = seen.length < messages.length ? reader.next() : undefined; next !== undefined;) {
              seen.push(next);
              next = seen.length < messages.length ? reader.next() : undefined;
            }
          }

          expect(seen).toEqual(messages.map((message) => JSON.parse(JSON.stringify(message))));
          expect(reader.rest()).toEqual(Buffer.from(rest));
        },
      ),
    );
  });

  it("can be read byte for byte, so that nothing behind them is taken", () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue(), { minLength: 1, maxLength: 3 }), (messages) => {
        const bytes = Buffer.concat(messages.map((message) => encodeFrame(message)));
        const reader = new FrameReader();
        const seen: unknown[] = [];
        let offset = 0;
        while (seen.length < messages.length) {
          const next = reader.next();
          if (next === undefined) {
            const missing = reader.missing();
            expect(missing).toBeGreaterThan(0);
            reader.push(bytes.subarray(offset, offset + missing));
            offset += missing;
          } else {
            seen.push(next);
          }
        }

        expect(seen).toEqual(messages.map((message) => JSON.parse(JSON.stringify(message))));
        expect(offset).toBe(bytes.length);
        expect(reader.rest()).toHaveLength(0);
      }),
    );
  });

  it("are refused beyond their limit before a byte of the body is waited for", () => {
    const reader = new FrameReader();
    const header = Buffer.alloc(4);
    header.writeUInt32BE(frameBytesMax + 1);

    reader.push(header);

    expect(() => reader.next()).toThrow(FrameError);
    expect(() => encodeFrame("x".repeat(frameBytesMax))).toThrow("frame limit");
  });

  it("are refused when they hold no JSON", () => {
    const reader = new FrameReader();
    reader.push(Buffer.from([0, 0, 0, 1, 0x7b]));

    expect(() => reader.next()).toThrow(FrameError);
  });
});
