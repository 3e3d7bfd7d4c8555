import { encodeInt, encodeNulText, FieldReader } from "./fields.ts";
import { type ErrorCode, MySqlViolation } from "./violation.ts";

/** First bytes of a server's packets in the connection phase (MySQL protocol, "Connection Phase Packets"). */
export const head = { ok: 0x00, moreData: 0x01, nextFactor: 0x02, authSwitch: 0xfe, error: 0xff } as const;
/** What caching_sha2_password says after a scramble: known, or the password is wanted as it is. */
export const sha2Answer = { fast: 0x03, full: 0x04 } as const;

/** A server's own limit for messages (MYSQL_ERRMSG_SIZE), so that no client's buffer is too small. */
const messageBytesMax = 511;

/** Payload of an ERR packet. Before capabilities are agreed there is no SQLSTATE in it. */
export function encodeError(message: string, { errno, sqlState }: ErrorCode, isAgreed = true): Buffer {
  return Buffer.concat([
    encodeInt(head.error, 1),
    encodeInt(errno, 2),
    Buffer.from(isAgreed ? `#${sqlState}` : "", "latin1"),
    cutText(message),
  ]);
}

/** Never cuts a character in two. */
function cutText(message: string): Buffer {
  const text = Buffer.from(message, "utf8");
  if (text.length <= messageBytesMax) {
    return text;
  }
  let end = messageBytesMax;
  while (end > 0 && ((text[end] ?? 0) & 0xc0) === 0x80) {
    end -= 1;
  }
  return text.subarray(0, end);
}

/** An ERR packet as read. */
export interface ServerError extends ErrorCode {
  readonly message: string;
}

/** Reads the payload of an ERR packet, with or without SQLSTATE. Throws `MySqlViolation`. */
export function readError(payload: Buffer): ServerError {
  const reader = new FieldReader(payload);
  reader.int(1);
  const errno = reader.int(2);
  const rest = reader.bytes(reader.left);
  return rest[0] === 0x23 && rest.length >= 6
    ? { errno, sqlState: rest.toString("latin1", 1, 6), message: rest.toString("utf8", 6) }
    : { errno, sqlState: "HY000", message: rest.toString("utf8") };
}

/** Payload that asks the other side to prove its password by another plugin. */
export function encodeAuthSwitch(plugin: string, nonce: Buffer): Buffer {
  return Buffer.concat([encodeInt(head.authSwitch, 1), encodeNulText(plugin), nonce, encodeInt(0, 1)]);
}

/** Reads such a payload. One without a plugin is from a server that wants the method of MySQL before 4.1. Throws `MySqlViolation`. */
export function readAuthSwitch(payload: Buffer): { readonly plugin: string; readonly nonce: Buffer } | "old" {
  if (payload.length === 1) {
    return "old";
  }
  const reader = new FieldReader(payload);
  reader.int(1);
  const plugin = reader.untilNul().toString("latin1");
  const data = reader.bytes(reader.left);
  return { plugin, nonce: data.at(-1) === 0 ? data.subarray(0, -1) : data };
}

/** Payload of more data of a plugin. */
export function encodeMoreData(byte: number): Buffer {
  return Buffer.from([head.moreData, byte]);
}

/** Warns that a packet is none of the connection phase. */
export function unexpectedPacket(first: number | undefined): MySqlViolation {
  return new MySqlViolation(`it sent an unexpected packet during login (0x${(first ?? 0).toString(16)})`);
}
