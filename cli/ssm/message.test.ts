import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeMessage, encodeMessage, headerBytes, payloadTypes } from "./message.ts";
import { ProtocolError } from "./protocol-error.ts";

// Byte-identical to the serializer of the official client (aws-and-ssm facts, A4).
const helloVector = Buffer.from(
  "00000074696e7075745f73747265616d5f64617461202020202020202020202020202020000000010000018bcfe56800000000000000000100000000" +
    "000000008899aabbccddeeff0011223344556677" +
    "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824000000010000000568656c6c6f",
  "hex",
);
const terminateVector = Buffer.from(
  "00000074696e7075745f73747265616d5f64617461202020202020202020202020202020000000010000018bcfe56800000000000000000700000000" +
    "000000008899aabbccddeeff0011223344556677" +
    "433ebf5bc03dffa38536673207a21281612cef5faa9bc7a4d5b9be2fdb12cf1a0000000a0000000400000002",
  "hex",
);
const id = Buffer.from("00112233445566778899aabbccddeeff", "hex");

function hello(): Buffer {
  return Buffer.from(helloVector);
}

describe("message", () => {
  it("writes the bytes of the official client", () => {
    const draft = { type: "input_stream_data", createdTime: 1_700_000_000_000, flags: 0, id } as const;

    const data = encodeMessage({
      ...draft,
      sequence: 1,
      payloadType: payloadTypes.output,
      payload: [Buffer.from("he"), Buffer.from("llo")],
    });
    const flag = encodeMessage({
      ...draft,
      sequence: 7,
      payloadType: payloadTypes.flag,
      payload: [Buffer.from([0, 0, 0, 2])],
    });

    expect(data.toString("hex")).toBe(helloVector.toString("hex"));
    expect(flag.toString("hex")).toBe(terminateVector.toString("hex"));
  });

  it("reads the bytes of the official client", () => {
    const message = decodeMessage(hello());

    expect(message).toEqual({
      type: "input_stream_data",
      createdTime: 1_700_000_000_000,
      sequence: 1,
      flags: 0,
      id,
      payloadType: 1,
      payload: Buffer.from("hello"),
    });
  });

  it("gives back whatever was written", () => {
    fc.assert(
      fc.property(
        fc.record({
          type: fc.constantFrom("input_stream_data", "output_stream_data", "acknowledge", "channel_closed"),
          createdTime: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
          sequence: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
          flags: fc.integer({ min: 0, max: 3 }),
          id: fc.uint8Array({ minLength: 16, maxLength: 16 }),
          payloadType: fc.integer({ min: 0, max: 12 }),
          payload: fc.array(fc.uint8Array({ maxLength: 2000 }), { maxLength: 4 }),
        }),
        (draft) => {
          const message = decodeMessage(encodeMessage(draft as Parameters<typeof encodeMessage>[0]));

          expect(message).toEqual({ ...draft, id: Buffer.from(draft.id), payload: Buffer.concat(draft.payload) });
        },
      ),
    );
  });

  it("reads a type padded with zero bytes as one padded with spaces", () => {
    const bytes = hello();
    bytes.fill(0, 4 + "input_stream_data".length, 36);

    expect(decodeMessage(bytes).type).toBe("input_stream_data");
  });

  it("takes everything after a longer header as payload, whatever the length field says", () => {
    const bytes = Buffer.concat([hello().subarray(0, headerBytes), Buffer.from("..hello")]);
    bytes.writeUInt32BE(118, 0);
    bytes.writeUInt32BE(99, 116);

    expect(decodeMessage(bytes).payload.toString()).toBe("hello");
  });

  it("accepts an empty payload", () => {
    const bytes = hello().subarray(0, headerBytes);
    bytes.writeUInt32BE(0, 116);

    expect(decodeMessage(bytes).payload.length).toBe(0);
  });

  it.each<[string, (bytes: Buffer) => Buffer]>([
    ["shorter than a header", (bytes) => bytes.subarray(0, 119)],
    ["with header length 0", (bytes) => (bytes.writeUInt32BE(0, 0), bytes)],
    ["with a header beyond its end", (bytes) => (bytes.writeUInt32BE(0xffff_ffff, 0), bytes)],
    ["with a header that ends early", (bytes) => (bytes.writeUInt32BE(100, 0), bytes)],
    ["without a type", (bytes) => bytes.fill(0x20, 4, 36)],
    ["without a date", (bytes) => bytes.fill(0, 40, 48)],
    ["with a sequence number beyond 2^53", (bytes) => bytes.fill(0xff, 48, 56)],
    ["whose digest is wrong", (bytes) => bytes.fill(0, 80, 112)],
    ["whose payload was changed", (bytes) => bytes.fill(0x41, 120, 121)],
  ])("refuses a message %s", (_name, spoil) => {
    const bytes = spoil(hello());

    expect(() => decodeMessage(bytes)).toThrow(ProtocolError);
  });

  it("lets publication messages pass unchecked, as nobody knows their content", () => {
    const bytes = Buffer.alloc(headerBytes, 0xff);
    bytes.write("pause_publication".padEnd(32), 4, "latin1");

    expect(decodeMessage(bytes).type).toBe("pause_publication");
  });

  it("never throws anything but ProtocolError, whatever comes in", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(119), (noise, at) => {
        const bytes = hello();
        bytes.set(noise.subarray(0, bytes.length - at), at);
        for (const input of [bytes, Buffer.from(noise)]) {
          try {
            decodeMessage(input);
          } catch (error) {
            expect(error).toBeInstanceOf(ProtocolError);
          }
        }
      }),
    );
  });
});
