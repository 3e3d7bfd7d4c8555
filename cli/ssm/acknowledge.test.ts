import { describe, expect, it } from "vitest";
import { acknowledgedSequence, encodeAcknowledge } from "./acknowledge.ts";
import { decodeMessage, type Message } from "./message.ts";
import { ProtocolError } from "./protocol-error.ts";

const message: Message = {
  type: "output_stream_data",
  createdTime: 1,
  sequence: 12,
  flags: 0,
  id: Buffer.from("00112233445566778899aabbccddeeff", "hex"),
  payloadType: 1,
  payload: Buffer.from("x"),
};

describe("acknowledge", () => {
  it("names the message in the words of the protocol", () => {
    const bytes = encodeAcknowledge(message, Buffer.alloc(16, 1), 1_700_000_000_000);

    const { type, sequence, flags, payloadType, payload } = decodeMessage(bytes);
    expect({ type, sequence, flags, payloadType }).toEqual({
      type: "acknowledge",
      sequence: 0,
      flags: 3,
      payloadType: 0,
    });
    expect(payload.toString()).toBe(
      '{"AcknowledgedMessageType":"output_stream_data","AcknowledgedMessageId":"00112233-4455-6677-8899-aabbccddeeff",' +
        '"AcknowledgedMessageSequenceNumber":12,"IsSequentialMessage":true}',
    );
  });

  it("stays JSON whatever the type of the acknowledged message is", () => {
    const bytes = encodeAcknowledge({ ...message, type: '","x":"' }, Buffer.alloc(16), 1);

    expect(JSON.parse(decodeMessage(bytes).payload.toString())).toMatchObject({ AcknowledgedMessageType: '","x":"' });
  });

  it("gives back the sequence number of what it acknowledges", () => {
    const bytes = encodeAcknowledge(message, Buffer.alloc(16), 1);

    expect(acknowledgedSequence(decodeMessage(bytes).payload)).toBe(12);
  });

  it.each([
    "",
    "{",
    "null",
    "[]",
    "{}",
    '{"AcknowledgedMessageSequenceNumber":"1"}',
    '{"AcknowledgedMessageSequenceNumber":-1}',
  ])("refuses %s", (payload) => {
    expect(() => acknowledgedSequence(Buffer.from(payload))).toThrow(ProtocolError);
  });
});
