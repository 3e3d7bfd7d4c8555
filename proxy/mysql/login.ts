import type { Flags } from "./agree.ts";
import { capability } from "./capabilities.ts";
import { encodeInt, encodeLength, encodeNulText, FieldReader } from "./fields.ts";
import { errors, MySqlViolation } from "./violation.ts";

/** Names and values of connection attributes: the server itself keeps at most 64 KiB (performance_schema documentation). */
const attributesBytesMax = 65_536;
/** No person's program needs more; each is an object in memory. */
const attributesMax = 256;

/** A client's login (MySQL protocol, "Protocol::HandshakeResponse41"). */
export interface ClientLogin extends Flags {
  readonly maxPacketBytes: number;
  readonly charset: number;
  /** As bytes: the client's charset is not known to be UTF-8. */
  readonly username: Buffer;
  readonly authResponse: Buffer;
  /** Undefined when the client names none. */
  readonly databaseName: Buffer | undefined;
  /** Undefined for clients that know no plugins: they have used `mysql_native_password`. */
  readonly plugin: string | undefined;
  readonly attributes: ReadonlyMap<string, Buffer>;
}

/** Reads the payload of a client's first packet. `offered` is what the greeting said. Throws `MySqlViolation`. */
export function readLogin(payload: Buffer, offered: Flags): ClientLogin {
  const reader = new FieldReader(payload);
  if (payload.length < 4 || (payload.readUInt16LE(0) & capability.protocol41) === 0) {
    throw new MySqlViolation("the client speaks a protocol older than MySQL 4.1", errors.handshake);
  }
  const asked = reader.int(4);
  if ((asked & capability.tls) !== 0) {
    throw new MySqlViolation(
      "this end of the tunnel is on your own computer and has no TLS: connect without it (--ssl-mode=DISABLED, --skip-ssl, tls=false); behind the tunnel everything is encrypted",
      errors.noTLS,
    );
  }
  if ((asked & capability.secureConnection) === 0) {
    throw new MySqlViolation("the client uses a password method older than MySQL 4.1", errors.handshake);
  }
  // A flag that was not offered has no meaning, however loudly it is claimed: nothing that follows may be read by it.
  const flags = (asked & offered.flags) >>> 0;
  const has = (flag: number): boolean => (flags & flag) !== 0;
  const maxPacketBytes = reader.int(4);
  const charset = reader.int(1);
  reader.bytes(19);
  // Clients of MariaDB leave that bit unset and say here what else they can.
  const extended = reader.int(4);
  const username = reader.untilNul();
  const authResponse = has(capability.pluginAuthLengthEncoded)
    ? reader.lengthEncodedBytes()
    : reader.bytes(reader.int(1));
  const databaseName = has(capability.connectWithDatabase) ? reader.untilNulOrEnd() : undefined;
  const plugin = has(capability.pluginAuth) ? reader.untilNulOrEnd().toString("latin1") : undefined;
  return {
    flags,
    extended: (asked & capability.longPassword) === 0 ? (extended & offered.extended) >>> 0 : 0,
    maxPacketBytes,
    charset,
    username,
    authResponse,
    databaseName: databaseName?.length === 0 ? undefined : databaseName,
    plugin: plugin === "" ? undefined : plugin,
    attributes: has(capability.connectAttributes) && reader.left > 0 ? readAttributes(reader) : new Map(),
  };
}

function readAttributes(reader: FieldReader): ReadonlyMap<string, Buffer> {
  const bytes = reader.lengthEncoded();
  if (bytes > attributesBytesMax) {
    throw new MySqlViolation("the client sends too many connection attributes", errors.handshake);
  }
  const fields = new FieldReader(reader.bytes(bytes));
  const attributes = new Map<string, Buffer>();
  while (fields.left > 0) {
    const name = fields.lengthEncodedBytes().toString("utf8");
    attributes.set(name, fields.lengthEncodedBytes());
    if (attributes.size > attributesMax) {
      throw new MySqlViolation("the client sends too many connection attributes", errors.handshake);
    }
  }
  return attributes;
}

/** What the proxy logs in with. */
export interface ServerLogin extends Flags {
  readonly maxPacketBytes: number;
  readonly charset: number;
  readonly username: string;
  readonly authResponse: Buffer;
  readonly databaseName: string | undefined;
  readonly plugin: string;
  readonly attributes: ReadonlyMap<string, string | Buffer>;
}

/** The request for TLS: the first fields of the login, which the server goes by, ahead of it (MySQL protocol, "Protocol::SSLRequest"). */
export function encodeTLSRequest(
  login: Pick<ServerLogin, "flags" | "extended" | "maxPacketBytes" | "charset">,
): Buffer {
  return Buffer.concat([
    encodeInt((login.flags | capability.tls) >>> 0, 4),
    encodeInt(login.maxPacketBytes, 4),
    encodeInt(login.charset, 1),
    Buffer.alloc(19),
    encodeInt(login.extended, 4),
  ]);
}

/** A login over TLS. `authResponse` of more than 255 bytes needs a server with `pluginAuthLengthEncoded`. */
export function encodeLogin(login: ServerLogin): Buffer {
  const has = (flag: number): boolean => (login.flags & flag) !== 0;
  const attributes = Buffer.concat(
    [...login.attributes].flatMap(([name, value]) => [encodeLengthEncodedText(name), encodeLengthEncodedText(value)]),
  );
  const length = has(capability.pluginAuthLengthEncoded)
    ? encodeLength(login.authResponse.length)
    : encodeInt(login.authResponse.length, 1);
  return Buffer.concat([
    encodeTLSRequest(login),
    encodeNulText(login.username),
    length,
    login.authResponse,
    ...(has(capability.connectWithDatabase) ? [encodeNulText(login.databaseName ?? "")] : []),
    ...(has(capability.pluginAuth) ? [encodeNulText(login.plugin)] : []),
    ...(has(capability.connectAttributes) ? [encodeLength(attributes.length), attributes] : []),
  ]);
}

function encodeLengthEncodedText(text: string | Buffer): Buffer {
  const bytes = Buffer.from(text as string);
  return Buffer.concat([encodeLength(bytes.length), bytes]);
}
