import { hash } from "node:crypto";
import type { EpochMs } from "#lib/clock.ts";
import { ProtocolError } from "./protocol-error.ts";

/*
 * Binary message of the SSM data channel, the same in both directions (amazon-ssm-agent, contracts/agentmessage.go):
 * big-endian integers, a header of 120 bytes, then the payload.
 *
 *     0 header length (116)   4 type, 32 ASCII     36 schema version   40 created, epoch ms   48 sequence number
 *    56 flags                64 id, halves swapped 80 SHA-256 of payload 112 payload type     116 payload length
 */

/** Bytes before the payload. */
export const headerBytes = 120;

/** Value of the first field: where the payload's length stands. */
const headerLength = 116;

const typeAt = 4;
const typeBytes = 32;
const schemaAt = 36;
const createdAt = 40;
const sequenceAt = 48;
const flagsAt = 56;
const idAt = 64;
const digestAt = 80;
const digestBytes = 32;
const payloadTypeAt = 112;
const payloadLengthAt = 116;

/** Types of the messages that a client sends or receives. */
type MessageType =
  | "input_stream_data"
  | "output_stream_data"
  | "acknowledge"
  | "channel_closed"
  | "start_publication"
  | "pause_publication";

/** What the payload of a stream message is. */
export const payloadTypes = {
  output: 1,
  handshakeRequest: 5,
  handshakeResponse: 6,
  handshakeComplete: 7,
  flag: 10,
} as const;

/** Values of a `flag` payload: one 4-byte integer. */
export const flags = { disconnectToPort: 1, terminateSession: 2, connectToPortError: 3 } as const;

/** Flags field of an acknowledgement: SYN (bit 0) and FIN (bit 1). */
export const synFin = 3;

/** A message in parts. */
export interface Message {
  /** A `MessageType`, or one that this client does not know. */
  readonly type: string;
  readonly createdTime: EpochMs;
  /** Counts the stream messages of one direction from 0; 0 in all others. */
  readonly sequence: number;
  readonly flags: number;
  /** UUID in its usual byte order, 16 bytes. */
  readonly id: Uint8Array;
  /** One of `payloadTypes`, or one that this client does not know; 0 in an acknowledgement. */
  readonly payloadType: number;
  readonly payload: Buffer;
}

/** What `encodeMessage` needs. The payload comes in pieces so that a stream needs no copy of its own. */
export interface Draft extends Omit<Message, "payload" | "type"> {
  readonly type: MessageType;
  readonly payload: readonly Uint8Array[];
}

const paddedTypes = new Map<string, Buffer>();

function paddedType(type: string): Buffer {
  let padded = paddedTypes.get(type);
  if (padded === undefined) {
    padded = Buffer.from(type.padEnd(typeBytes), "latin1");
    paddedTypes.set(type, padded);
  }
  return padded;
}

/** Writes a message. The result is the sender's to keep: resends must be the identical bytes. */
export function encodeMessage(draft: Draft): Buffer {
  let payloadLength = 0;
  for (const piece of draft.payload) {
    payloadLength += piece.length;
  }
  const bytes = Buffer.allocUnsafe(headerBytes + payloadLength);
  bytes.writeUInt32BE(headerLength, 0);
  bytes.set(paddedType(draft.type), typeAt);
  bytes.writeUInt32BE(1, schemaAt);
  writeInteger(bytes, draft.createdTime, createdAt);
  writeInteger(bytes, draft.sequence, sequenceAt);
  writeInteger(bytes, draft.flags, flagsAt);
  bytes.set(draft.id.subarray(8, 16), idAt);
  bytes.set(draft.id.subarray(0, 8), idAt + 8);
  bytes.writeUInt32BE(draft.payloadType, payloadTypeAt);
  bytes.writeUInt32BE(payloadLength, payloadLengthAt);
  let at = headerBytes;
  for (const piece of draft.payload) {
    bytes.set(piece, at);
    at += piece.length;
  }
  bytes.set(digestOf(bytes.subarray(headerBytes)), digestAt);
  return bytes;
}

/**
 * Reads a message; its payload shares the memory of `bytes`.
 * Applies the checks of the reference client: header length, type, date and (where the length field is not 0) digest. The
 * publication messages are exempt, as nobody knows what the service puts in them. Throws ProtocolError.
 */
export function decodeMessage(bytes: Buffer): Message {
  if (bytes.length < headerBytes) {
    throw new ProtocolError("message shorter than its header");
  }
  const type = bytes
    .toString("latin1", typeAt, typeAt + typeBytes)
    .replaceAll("\0", "")
    .trim();
  const exempt = type === "start_publication" || type === "pause_publication";
  const payloadAt = exempt ? headerBytes : bytes.readUInt32BE(0) + 4;
  // A shorter header than 116 would read its own fields as payload.
  if (payloadAt < headerBytes || payloadAt > bytes.length) {
    throw new ProtocolError("message with an impossible header length");
  }
  const payload = bytes.subarray(payloadAt);
  const createdTime = readInteger(bytes, createdAt, exempt);
  if (!exempt) {
    validate(bytes, type, createdTime, payload);
  }
  const id = Buffer.allocUnsafe(16);
  bytes.copy(id, 0, idAt + 8, idAt + 16);
  bytes.copy(id, 8, idAt, idAt + 8);
  return {
    type,
    createdTime,
    sequence: readInteger(bytes, sequenceAt, exempt),
    flags: readInteger(bytes, flagsAt, exempt),
    id,
    payloadType: bytes.readUInt32BE(payloadTypeAt),
    payload,
  };
}

function validate(bytes: Buffer, type: string, createdTime: number, payload: Buffer): void {
  if (type === "") {
    throw new ProtocolError("message without a type");
  }
  if (createdTime === 0) {
    throw new ProtocolError("message without a date");
  }
  if (bytes.readUInt32BE(payloadLengthAt) === 0) {
    return;
  }
  if (bytes.compare(digestOf(payload), 0, digestBytes, digestAt, digestAt + digestBytes) !== 0) {
    throw new ProtocolError("message whose payload does not match its digest");
  }
}

function digestOf(payload: Uint8Array): Buffer {
  return hash("sha256", payload, "buffer");
}

/** 64 bits, of which JavaScript's safe integers are enough: dates reach 2^53 ms in the year 287396. */
function writeInteger(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32BE(Math.floor(value / 2 ** 32), at);
  bytes.writeUInt32BE(value >>> 0, at + 4);
}

function readInteger(bytes: Buffer, at: number, lenient: boolean): number {
  const value = bytes.readUInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4);
  if (value > Number.MAX_SAFE_INTEGER) {
    if (lenient) {
      return 0;
    }
    throw new ProtocolError("message with a number beyond 2^53");
  }
  return value;
}
