import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeMessage, encodeMessage, MessageError, messageTypes, payloadTypes } from "./message.ts";
import type { ChannelMessage } from "./message.ts";

/** Vectors of reference/aws-and-ssm.md A4, which are byte-identical to what the reference client writes. */
const helloHex =
  "00000074696e7075745f73747265616d5f64617461202020202020202020202020202020000000010000018bcfe56800000000000000000100000000000000008899aabbccddeeff00112233445566772cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824000000010000000568656c6c6f";
const terminateHex =
  "00000074696e7075745f73747265616d5f64617461202020202020202020202020202020000000010000018bcfe56800000000000000000700000000000000008899aabbccddeeff0011223344556677433ebf5bc03dffa38536673207a21281612cef5faa9bc7a4d5b9be2fdb12cf1a0000000a0000000400000002";

const hello: ChannelMessage = {
  messageType: messageTypes.input,
  createdDate: 1_700_000_000_000,
  sequenceNumber: 1,
  flags: 0,
  messageID: "00112233-4455-6677-8899-aabbccddeeff",
  payloadType: payloadTypes.output,
  payload: Buffer.from("hello"),
};
const terminate: ChannelMessage = {
  ...hello,
  sequenceNumber: 7,
  payloadType: payloadTypes.flag,
  payload: Buffer.from([0, 0, 0, 2]),
};

const messages: fc.Arbitrary<ChannelMessage> = fc.record({
  messageType: fc.constantFrom(...Object.values(messageTypes)),
  createdDate: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  sequenceNumber: fc.nat(Number.MAX_SAFE_INTEGER),
  flags: fc.nat(3),
  messageID: fc.uuid(),
  payloadType: fc.nat(12),
  payload: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
});

describe("data channel message", () => {
  it("is written byte for byte as the reference client writes it", () => {
    expect(encodeMessage(hello).toString("hex")).toBe(helloHex);
    expect(encodeMessage(terminate).toString("hex")).toBe(terminateHex);
  });

  it("is read from the reference client's bytes", () => {
    expect(decodeMessage(Buffer.from(helloHex, "hex"))).toEqual(hello);
    expect(decodeMessage(Buffer.from(terminateHex, "hex"))).toEqual(terminate);
  });

  it("reads back whatever it wrote", () => {
    fc.assert(
      fc.property(messages, (message) => {
        expect(decodeMessage(encodeMessage(message))).toEqual(message);
      }),
    );
  });

  it("is refused when it is cut off at any byte", () => {
    const bytes = encodeMessage(hello);

    for (let length = 0; length < bytes.length; length += 1) {
      expect(() => decodeMessage(bytes.subarray(0, length)), `${length} bytes`).toThrow(MessageError);
    }
  });

  it("is refused when a byte of payload or digest is changed", () => {
    const bytes = encodeMessage(hello);

    for (const at of [...Array(32).keys()].map((index) => 80 + index).concat([120, 121, 122, 123, 124])) {
      const altered = Buffer.from(bytes);
      altered.writeUInt8(bytes.readUInt8(at) ^ 1, at);
      expect(() => decodeMessage(altered), `byte ${at}`).toThrow("digest");
    }
  });

  it("is refused without a type, without a date, or with another header length", () => {
    expect(() => decodeMessage(encodeMessage({ ...hello, messageType: "" }))).toThrow("type and created date");
    expect(() => decodeMessage(encodeMessage({ ...hello, createdDate: 0 }))).toThrow("type and created date");
    const longer = encodeMessage(hello);
    longer.writeUInt32BE(112, 0);
    expect(() => decodeMessage(longer)).toThrow("header length 112");
  });

  it("throws nothing but MessageError on arbitrary bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          decodeMessage(Buffer.from(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(MessageError);
        }
      }),
    );
  });

  it("strips zero bytes and spaces from the type, as both reference ends do", () => {
    const bytes = encodeMessage(hello);
    bytes.fill(0, 4 + messageTypes.input.length, 36);

    expect(decodeMessage(bytes).messageType).toBe(messageTypes.input);
  });
});
