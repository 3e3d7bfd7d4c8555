import { back, requestCode } from "./protocol.ts";

/** One tagged message: type, length, body. */
export function encodeMessage(type: number, body: Uint8Array = new Uint8Array()): Buffer {
  const message = Buffer.allocUnsafe(5 + body.length);
  message[0] = type;
  message.writeInt32BE(4 + body.length, 1);
  message.set(body, 5);
  return message;
}

const int32 = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.allocUnsafe(4 * values.length);
  values.forEach((value, index) => bytes.writeInt32BE(value | 0, 4 * index));
  return bytes;
};
const cstring = (text: string): Buffer => Buffer.from(`${text.replaceAll("\0", "")}\0`, "utf8");

/** An error or a notice that the proxy itself sends. */
export interface ServerSays {
  readonly severity: "FATAL" | "ERROR" | "WARNING" | "NOTICE";
  readonly sqlState: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
}

/** ErrorResponse. */
export function encodeError(says: ServerSays): Buffer {
  return encodeMessage(back.error, encodeFields(says));
}

/** NoticeResponse. */
export function encodeNotice(says: ServerSays): Buffer {
  return encodeMessage(back.notice, encodeFields(says));
}

function encodeFields(says: ServerSays): Buffer {
  const fields: [string, string | undefined][] = [
    ["S", says.severity],
    ["V", says.severity],
    ["C", says.sqlState],
    ["M", says.message],
    ["D", says.detail],
    ["H", says.hint],
  ];
  const parts = fields.flatMap(([code, text]) => (text ? [Buffer.from(code), cstring(text)] : []));
  return Buffer.concat([...parts, Buffer.from([0])]);
}

/** AuthenticationOk. */
export function encodeAuthenticationOk(): Buffer {
  return encodeMessage(back.authentication, int32(0));
}

export function encodeParameterStatus(name: string, value: string): Buffer {
  return encodeMessage(back.parameterStatus, Buffer.concat([cstring(name), cstring(value)]));
}

/** BackendKeyData: 4 bytes of key under protocol 3.0, 4 to 256 under 3.2. */
export function encodeBackendKeyData(pid: number, key: Uint8Array): Buffer {
  return encodeMessage(back.backendKeyData, Buffer.concat([int32(pid), key]));
}

/** NegotiateProtocolVersion: the newest version that is spoken, and the options that are not known. */
export function encodeNegotiateVersion(version: number, unsupported: readonly string[]): Buffer {
  return encodeMessage(
    back.negotiateVersion,
    Buffer.concat([int32(version, unsupported.length), ...unsupported.map(cstring)]),
  );
}

/** ReadyForQuery outside a transaction. */
export function encodeReadyIdle(): Buffer {
  return encodeMessage(back.readyForQuery, Buffer.from("I"));
}

function encodeUntagged(body: Buffer): Buffer {
  return Buffer.concat([int32(4 + body.length), body]);
}

/** SSLRequest, sent before the startup packet. */
export function encodeSSLRequest(): Buffer {
  return encodeUntagged(int32(requestCode.ssl));
}

/** CancelRequest: pid and key as BackendKeyData gave them. */
export function encodeCancelRequest(pid: number, key: Uint8Array): Buffer {
  return encodeUntagged(Buffer.concat([int32(requestCode.cancel, pid), key]));
}

/** Startup packet. */
export function encodeStartup(parameters: ReadonlyMap<string, string>, version: number): Buffer {
  const pairs = [...parameters].flatMap(([name, value]) => [cstring(name), cstring(value)]);
  return encodeUntagged(Buffer.concat([int32(version), ...pairs, Buffer.from([0])]));
}
