import { cancelKeyBytes, ProtocolViolation, requestCode, startupBytesMax, version30, version32 } from "./protocol.ts";
import { BodyReader } from "./reader.ts";

/** What a client may send before it is connected. */
export type Opening =
  /** Direct TLS: the bytes are a ClientHello (sslnegotiation=direct, PostgreSQL 17). Only at the start of a stream. */
  | { readonly kind: "tls" }
  | { readonly kind: "ssl" }
  | { readonly kind: "gssenc" }
  | { readonly kind: "cancel"; readonly pid: number; readonly key: Buffer }
  | { readonly kind: "startup"; readonly version: number; readonly parameters: ReadonlyMap<string, string> };

const tlsHandshakeByte = 0x16;

/**
 * Takes one untagged packet from the start of `bytes`. Undefined until it is complete; `used` says where the next begins.
 * A TLS record is left where it is. Throws `ProtocolViolation` on anything else.
 */
export function readOpening(bytes: Buffer): { readonly opening: Opening; readonly used: number } | undefined {
  if (bytes[0] === tlsHandshakeByte) {
    return { opening: { kind: "tls" }, used: 0 };
  }
  if (bytes.length < 4) {
    return undefined;
  }
  const length = bytes.readInt32BE(0);
  if (length < 8 || length > startupBytesMax) {
    throw new ProtocolViolation("invalid length of startup packet");
  }
  if (bytes.length < length) {
    return undefined;
  }
  const reader = new BodyReader(bytes.subarray(4, length));
  return { opening: readBody(reader.int32(), reader), used: length };
}

function readBody(code: number, reader: BodyReader): Opening {
  switch (code) {
    case requestCode.ssl:
      reader.end();
      return { kind: "ssl" };
    case requestCode.gssenc:
      reader.end();
      return { kind: "gssenc" };
    case requestCode.cancel: {
      const pid = reader.int32();
      if (reader.left < cancelKeyBytes.min || reader.left > cancelKeyBytes.max) {
        throw new ProtocolViolation("invalid length of cancel key");
      }
      return { kind: "cancel", pid, key: Buffer.from(reader.bytes(reader.left)) };
    }
    default:
      return { kind: "startup", version: code, parameters: readParameters(reader) };
  }
}

function readParameters(reader: BodyReader): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (;;) {
    const name = reader.cstring().toString("utf8");
    if (name === "") {
      reader.end();
      return parameters;
    }
    parameters.set(name, reader.cstring().toString("utf8"));
  }
}

/** The outcome of version negotiation with a client. */
export interface Negotiated {
  /** 3.0 or 3.2: what is spoken with this client from here on. */
  readonly version: typeof version30 | typeof version32;
  /** Whether the client must be told (NegotiateProtocolVersion), since it asked for more. */
  readonly tell: boolean;
  /** `_pq_.` options of the client that are not supported. */
  readonly unsupported: readonly string[];
}

/**
 * Settles the version. 3.1 was never used by a server and falls to 3.0; a later minor falls to 3.2.
 * Throws where the major version is not 3, as the server does.
 */
export function negotiate(version: number, parameters: ReadonlyMap<string, string>): Negotiated {
  if (version >>> 16 !== 3) {
    throw new ProtocolViolation(
      `unsupported frontend protocol ${version >>> 16}.${version & 0xffff}: the server supports 3.0 to 3.2`,
      "0A000",
    );
  }
  const unsupported = [...parameters.keys()].filter((name) => name.startsWith("_pq_."));
  const spoken = version < version32 ? version30 : version32;
  return { version: spoken, tell: spoken !== version || unsupported.length > 0, unsupported };
}
