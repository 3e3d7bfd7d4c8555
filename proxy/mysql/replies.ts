import { FieldReader } from "./fields.ts";
import { status } from "./protocol.ts";
import { MySqlViolation } from "./violation.ts";

/** What an OK packet says, or an EOF packet, which says less. */
export interface OKReply {
  readonly affectedRows: number;
  /** Decimal; undefined when nothing was generated. */
  readonly lastInsertID: string | undefined;
  readonly status: number;
  readonly warnings: number;
  readonly info: Buffer | undefined;
  readonly changes: SessionChanges | undefined;
}

/** What the server tells of its session's state (MySQL protocol, "Session State Information"). */
export interface SessionChanges {
  /** The current database; an empty one is none. */
  readonly database: Buffer | undefined;
  /** System variables by name. */
  readonly variables: readonly { readonly name: string; readonly value: Buffer }[];
}

/** What an ERR packet says. */
export interface ErrorReply {
  readonly errno: number;
  readonly sqlState: string;
  readonly message: Buffer;
}

/** What COM_STMT_PREPARE_OK says. */
export interface PreparedReply {
  readonly id: number;
  readonly columns: number;
  readonly parameters: number;
  /** Whether descriptions of parameters and columns follow. */
  readonly hasMetadata: boolean;
}

const trackedState = { systemVariable: 0, schema: 1 } as const;

/** Reads an OK packet. `tracksSession`: CLIENT_SESSION_TRACK was agreed on. Throws `MySqlViolation`. */
export function readOK(body: Buffer, tracksSession: boolean): OKReply {
  // By far the most common: no more than single bytes, nothing behind.
  if (body.length === 7 && (body[1] ?? 255) < 0xfb && body[2] === 0) {
    return {
      affectedRows: body[1] ?? 0,
      lastInsertID: undefined,
      status: (body[3] ?? 0) | ((body[4] ?? 0) << 8),
      warnings: (body[5] ?? 0) | ((body[6] ?? 0) << 8),
      info: undefined,
      changes: undefined,
    };
  }
  const reader = new FieldReader(body);
  reader.int(1);
  const affectedRows = Number(readUnsigned(reader));
  const generated = readUnsigned(reader);
  const flags = reader.int(2);
  const warnings = reader.int(2);
  let info: Buffer | undefined;
  let changes: SessionChanges | undefined;
  if (!tracksSession) {
    info = reader.bytes(reader.left);
  } else if (reader.left > 0) {
    info = reader.lengthEncodedBytes();
    if ((flags & status.sessionStateChanged) !== 0) {
      changes = readChanges(new FieldReader(reader.lengthEncodedBytes()));
    }
    if (reader.left > 0) {
      throw new MySqlViolation("the server sent an OK packet with bytes that mean nothing");
    }
  }
  return {
    affectedRows: Math.min(affectedRows, Number.MAX_SAFE_INTEGER),
    lastInsertID: generated === 0 ? undefined : String(generated),
    status: flags,
    warnings,
    info: info === undefined || info.length === 0 ? undefined : Buffer.from(info),
    changes,
  };
}

/** A length-encoded integer that may use all 64 bits. */
function readUnsigned(reader: FieldReader): number | bigint {
  const first = reader.int(1);
  if (first < 0xfb) {
    return first;
  }
  if (first === 0xfe) {
    return reader.bytes(8).readBigUInt64LE(0);
  }
  if (first === 0xfc || first === 0xfd) {
    return reader.int(first - 0xfa);
  }
  throw new MySqlViolation("malformed packet: not a number");
}

function readChanges(reader: FieldReader): SessionChanges {
  let database: Buffer | undefined;
  const variables: { name: string; value: Buffer }[] = [];
  while (reader.left > 0) {
    const type = reader.int(1);
    const data = new FieldReader(reader.lengthEncodedBytes());
    if (type === trackedState.schema) {
      database = Buffer.from(data.lengthEncodedBytes());
    } else if (type === trackedState.systemVariable) {
      // MariaDB puts all that changed into one piece.
      while (data.left > 0) {
        const name = data.lengthEncodedBytes().toString("latin1");
        variables.push({ name, value: Buffer.from(data.lengthEncodedBytes()) });
      }
    }
  }
  return { database, variables };
}

/** Reads an EOF packet. Throws `MySqlViolation`. */
export function readEOF(body: Buffer): OKReply {
  if (body.length !== 5) {
    throw new MySqlViolation("the server sent an EOF packet of a wrong length");
  }
  return {
    affectedRows: 0,
    lastInsertID: undefined,
    status: body.readUInt16LE(3),
    warnings: body.readUInt16LE(1),
    info: undefined,
    changes: undefined,
  };
}

/** Reads an ERR packet of the command phase, where SQLSTATE is always there. It is read whatever it holds. */
export function readErrorReply(body: Buffer): ErrorReply {
  const errno = body.length >= 3 ? body.readUInt16LE(1) : 0;
  const hasState = body[3] === 0x23 && body.length >= 9;
  return {
    errno,
    sqlState: hasState ? body.toString("latin1", 4, 9) : "HY000",
    message: Buffer.from(body.subarray(hasState ? 9 : Math.min(3, body.length))),
  };
}

/** Error number of MariaDB's progress reports, which are no errors (MariaDB, "Progress Reporting"). */
export const progressErrno = 0xffff;

/**
 * Reads the packet that says how many columns follow. `isFlagged`: a byte says whether their descriptions do (MySQL
 * OPTIONAL_RESULTSET_METADATA, MariaDB CACHE_METADATA). Throws `MySqlViolation`.
 */
export function readColumnCount(
  body: Buffer,
  isFlagged: boolean,
): { readonly columns: number; readonly hasMetadata: boolean } {
  const reader = new FieldReader(body);
  const columns = reader.lengthEncoded();
  const hasMetadata = !isFlagged || reader.int(1) !== 0;
  if (reader.left > 0 || columns === 0 || columns > 65_535) {
    throw new MySqlViolation("the server sent an impossible number of columns");
  }
  return { columns, hasMetadata };
}

/** Reads COM_STMT_PREPARE_OK. `isFlagged`: MySQL's OPTIONAL_RESULTSET_METADATA was agreed on. Throws `MySqlViolation`. */
export function readPrepared(body: Buffer, isFlagged: boolean): PreparedReply {
  const reader = new FieldReader(body);
  reader.int(1);
  const id = reader.int(4);
  const columns = reader.int(2);
  const parameters = reader.int(2);
  reader.int(1);
  // The number of warnings is missing where it is 0 in old servers.
  if (reader.left >= 2) {
    reader.int(2);
  }
  const hasMetadata = !isFlagged || reader.left === 0 || reader.int(1) !== 0;
  if (reader.left > 0) {
    throw new MySqlViolation("the server answered a prepare with bytes that mean nothing");
  }
  return { id, columns, parameters, hasMetadata };
}
