import { type Flags, offeredTo } from "./agree.ts";
import { capability } from "./capabilities.ts";
import { encodeInt, encodeNulText, FieldReader } from "./fields.ts";
import { MySqlViolation } from "./violation.ts";

/** Bytes of the random text that a password is scrambled with; a NUL follows it on the wire. */
export const nonceBytes = 20;
/** Longest version that is passed on: they are far below 100 bytes, and the record takes it too. */
const versionBytesMax = 256;

/** A server's first packet (MySQL protocol, "Protocol::HandshakeV10"). */
export interface ServerGreeting extends Flags {
  /** As the server wrote it; MariaDB may put `5.5.5-` before its own. */
  readonly version: string;
  /** Names the connection in KILL and in the process list. */
  readonly threadID: number;
  /** Low byte of the default collation. */
  readonly charset: number;
  readonly status: number;
  readonly nonce: Buffer;
  /** Empty where the server knows no plugins. */
  readonly plugin: string;
  /** It said so by its flags: see `capability`. */
  readonly isMariaDB: boolean;
}

/** Reads the payload of a server's first packet. Throws `MySqlViolation`. */
export function readGreeting(payload: Buffer): ServerGreeting {
  const reader = new FieldReader(payload);
  const protocol = reader.int(1);
  if (protocol !== 10) {
    throw new MySqlViolation(`it speaks protocol ${protocol}, which is not supported`);
  }
  const version = reader.untilNul();
  if (version.length > versionBytesMax) {
    throw new MySqlViolation("its version is of impossible length");
  }
  const threadID = reader.int(4);
  const first = reader.bytes(8);
  reader.int(1);
  const low = reader.int(2);
  const charset = reader.int(1);
  const status = reader.int(2);
  const flags = (low | (reader.int(2) << 16)) >>> 0;
  if ((flags & capability.protocol41) === 0 || (flags & capability.secureConnection) === 0) {
    throw new MySqlViolation("it is older than MySQL 4.1, which is not supported");
  }
  const declared = reader.int(1);
  reader.bytes(6);
  const isMariaDB = (flags & capability.longPassword) === 0;
  const extended = reader.int(4);
  const second = reader.bytes(Math.max(13, declared - 8));
  const hasPlugins = (flags & capability.pluginAuth) !== 0;
  return {
    version: version.toString("utf8"),
    threadID,
    flags,
    extended: isMariaDB ? extended : 0,
    charset,
    status,
    nonce: Buffer.concat([first, second]).subarray(0, nonceBytes),
    plugin: hasPlugins ? reader.untilNulOrEnd().toString("latin1") : "",
    isMariaDB,
  };
}

/**
 * The greeting for the proxy's client: the server's own, with the flags that may pass, and a nonce and a plugin of the proxy's.
 */
export function encodeGreeting(server: ServerGreeting, nonce: Buffer, plugin: string): Buffer {
  const { flags, extended } = offeredTo(server);
  return Buffer.concat([
    encodeInt(10, 1),
    encodeNulText(server.version),
    encodeInt(server.threadID, 4),
    nonce.subarray(0, 8),
    encodeInt(0, 1),
    encodeInt(flags & 0xffff, 2),
    encodeInt(server.charset, 1),
    encodeInt(server.status, 2),
    encodeInt(flags >>> 16, 2),
    encodeInt(nonceBytes + 1, 1),
    Buffer.alloc(6),
    encodeInt(extended, 4),
    nonce.subarray(8, nonceBytes),
    encodeInt(0, 1),
    encodeNulText(plugin),
  ]);
}

/** The version as people write it: MariaDB's without what it puts before it for old clients. */
export function displayVersion({ version, isMariaDB }: ServerGreeting): string {
  return isMariaDB ? version.replace(/^5\.5\.5-/, "") : version;
}
