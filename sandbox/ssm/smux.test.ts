import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bareFrame, encodeFrame, FrameError, FrameReader } from "./smux.ts";
import type { Frame } from "./smux.ts";

const frames: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({
    command: fc.constantFrom("open" as const, "end" as const, "nop" as const),
    streamID: fc.nat(0xffff_ffff),
    data: fc.constant(Buffer.alloc(0)),
  }),
  fc.record({
    command: fc.constant("push" as const),
    streamID: fc.nat(0xffff_ffff),
    data: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
  }),
);

describe("smux frame", () => {
  it("is written as the vectors of the reference say", () => {
    expect(encodeFrame(bareFrame("open", 3)).toString("hex")).toBe("0100000003000000");
    expect(encodeFrame({ command: "push", streamID: 3, data: Buffer.from("hi") }).toString("hex")).toBe(
      "01020200030000006869",
    );
    expect(encodeFrame(bareFrame("end", 3)).toString("hex")).toBe("0101000003000000");
    expect(encodeFrame(bareFrame("nop", 0)).toString("hex")).toBe("0103000000000000");
  });

  it("is read the same wherever the bytes are split in two", () => {
    fc.assert(
      fc.property(fc.array(frames, { minLength: 1, maxLength: 5 }), (list) => {
        const bytes = Buffer.concat(list.map(encodeFrame));
        for (let at = 0; at <= bytes.length; at += 1) {
          const reader = new FrameReader();
          expect([...reader.read(bytes.subarray(0, at)), ...reader.read(bytes.subarray(at))]).toEqual(list);
        }
      }),
      { numRuns: 50 },
    );
  });

  it("is read the same when bytes come one by one", () => {
    fc.assert(
      fc.property(fc.array(frames, { maxLength: 5 }), (list) => {
        const reader = new FrameReader();
        const bytes = Buffer.concat(list.map(encodeFrame));

        expect([...bytes].flatMap((byte) => reader.read(Buffer.from([byte])))).toEqual(list);
      }),
    );
  });

  it("carries up to 65 535 bytes", () => {
    const data = Buffer.alloc(65_535, 7);

    expect(new FrameReader().read(encodeFrame({ command: "push", streamID: 5, data }))).toEqual([
      { command: "push", streamID: 5, data },
    ]);
  });

  it("is refused with another version or an unknown command", () => {
    expect(() => new FrameReader().read(Buffer.from("0200000003000000", "hex"))).toThrow(FrameError);
    expect(() => new FrameReader().read(Buffer.from("0104000003000000", "hex"))).toThrow(FrameError);
  });

  it("has no data unless it is a push, whatever the length field says", () => {
    const bytes = Buffer.from("01000500030000000101000003000000", "hex");

    expect(new FrameReader().read(bytes)).toEqual([bareFrame("open", 3), bareFrame("end", 3)]);
  });
});
