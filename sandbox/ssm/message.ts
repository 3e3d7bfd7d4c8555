import { hash } from "node:crypto";

/** One binary message of the data channel (ClientMessage and AgentMessage share the layout). */
export interface ChannelMessage {
  /** ASCII, at most 32 characters, such as `input_stream_data`. */
  readonly messageType: string;
  /** Milliseconds since the epoch; 0 is refused by both ends. */
  readonly createdDate: number;
  readonly sequenceNumber: number;
  /** Bit 0 SYN, bit 1 FIN. */
  readonly flags: number;
  /** UUID, lower case with hyphens. */
  readonly messageID: string;
  readonly payloadType: number;
  readonly payload: Buffer;
}

/** Message types of the data channel. */
export const messageTypes = {
  input: "input_stream_data",
  output: "output_stream_data",
  acknowledge: "acknowledge",
  channelClosed: "channel_closed",
} as const;

/** Payload types of stream messages. */
export const payloadTypes = {
  output: 1,
  handshakeRequest: 5,
  handshakeResponse: 6,
  handshakeComplete: 7,
  flag: 10,
} as const;

/** What a Flag payload says: a big-endian u32. */
export const flagValues = { disconnectToPort: 1, terminateSession: 2, connectToPortError: 3 } as const;

/** A message that the protocol does not allow. */
export class MessageError extends Error {}

/** Offset of PayloadLength, which is what the HeaderLength field holds. */
const headerLength = 116;
const schemaVersion = 1;
const messageTypeBytes = 32;
const digestOffset = 80;
/** Whole header with PayloadLength. */
const payloadOffset = headerLength + 4;

/** Writes a message; all integers are big-endian. */
export function encodeMessage(message: ChannelMessage): Buffer {
  const bytes = Buffer.alloc(payloadOffset + message.payload.length);
  bytes.writeUInt32BE(headerLength, 0);
  bytes.fill(0x20, 4, 4 + messageTypeBytes);
  bytes.write(message.messageType, 4, messageTypeBytes, "latin1");
  bytes.writeUInt32BE(schemaVersion, 36);
  bytes.writeBigUInt64BE(BigInt(message.createdDate), 40);
  bytes.writeBigInt64BE(BigInt(message.sequenceNumber), 48);
  bytes.writeBigUInt64BE(BigInt(message.flags), 56);
  writeUUID(bytes, message.messageID);
  digest(message.payload).copy(bytes, digestOffset);
  bytes.writeUInt32BE(message.payloadType, 112);
  bytes.writeUInt32BE(message.payload.length, headerLength);
  message.payload.copy(bytes, payloadOffset);
  return bytes;
}

/**
 * Reads a message and checks what the two reference ends check between them: header length, type, date, digest. It also
 * insists that the length field is true, which they do not, because a sandbox should find a sloppy client.
 * Throws MessageError. The payload is a view of `bytes`.
 */
export function decodeMessage(bytes: Buffer): ChannelMessage {
  if (bytes.length < payloadOffset) {
    throw new MessageError(`a message has at least ${payloadOffset} bytes, this one ${bytes.length}`);
  }
  if (bytes.readUInt32BE(0) !== headerLength) {
    throw new MessageError(`header length ${bytes.readUInt32BE(0)} is not ${headerLength}`);
  }
  const payload = bytes.subarray(payloadOffset);
  if (bytes.readUInt32BE(headerLength) !== payload.length) {
    throw new MessageError(
      `payload length says ${bytes.readUInt32BE(headerLength)}, there are ${payload.length} bytes`,
    );
  }
  if (payload.length > 0 && !digest(payload).equals(bytes.subarray(digestOffset, digestOffset + 32))) {
    throw new MessageError("the digest is not the SHA-256 of the payload");
  }
  const messageType = readType(bytes);
  const createdDate = safe(bytes.readBigUInt64BE(40), "created date");
  if (messageType === "" || createdDate === 0) {
    throw new MessageError("message type and created date must not be empty");
  }
  return {
    messageType,
    createdDate,
    sequenceNumber: safe(bytes.readBigInt64BE(48), "sequence number"),
    flags: safe(bytes.readBigUInt64BE(56), "flags"),
    messageID: readUUID(bytes),
    payloadType: bytes.readUInt32BE(112),
    payload,
  };
}

/** Receivers strip zero bytes, then white space. */
function readType(bytes: Buffer): string {
  return bytes
    .toString("latin1", 4, 4 + messageTypeBytes)
    .replaceAll("\0", "")
    .trim();
}

function safe(value: bigint, what: string): number {
  if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new MessageError(`${what} ${value} is out of range`);
  }
  return Number(value);
}

function digest(payload: Buffer): Buffer {
  return hash("sha256", payload, "buffer");
}

/** The two halves of the UUID are swapped on the wire: bytes 8 to 15 come first. */
function writeUUID(bytes: Buffer, uuid: string): void {
  const raw = Buffer.from(uuid.replaceAll("-", ""), "hex");
  raw.copy(bytes, 64, 8, 16);
  raw.copy(bytes, 72, 0, 8);
}

function readUUID(bytes: Buffer): string {
  const digits = bytes.toString("hex", 72, 80) + bytes.toString("hex", 64, 72);
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
