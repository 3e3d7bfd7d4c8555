import { ProtocolViolation, sqlState } from "./protocol.ts";
import { BodyReader, latin1Of } from "./reader.ts";
import type { StoredText } from "./stored-text.ts";

/** Parse: prepares `sql` under a name; the empty name is the unnamed statement. */
export interface ParseMessage {
  readonly name: string;
  readonly sql: Buffer;
  /** Type OIDs of the first parameters; 0 leaves the choice to the server. */
  readonly types: readonly number[];
}

/** Bind: makes a portal of a prepared statement. */
export interface BindMessage {
  readonly portal: string;
  readonly statement: string;
  readonly parameters: readonly BoundValue[];
}

/** One parameter as it travels. NULL is `null`, which is not an empty value. */
export interface BoundValue {
  readonly binary: boolean;
  readonly bytes: Buffer | null;
  /** It passed in pieces: this is what it was; `bytes` is empty. */
  readonly stored?: StoredText;
}

/**
 * Name of a statement or portal. Which name the server reads in other bytes than ASCII depends on client_encoding, which can change
 * on the way; a name that is taken for another one would be recorded with that one's text. No driver makes such names.
 */
export function asciiName(bytes: Buffer): string {
  if (bytes.length === 0) {
    return "";
  }
  let high = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    high |= bytes[at] ?? 0;
  }
  if (high >= 0x80) {
    throw new ProtocolViolation(
      "names of prepared statements and portals must be ASCII here",
      sqlState.featureNotSupported,
    );
  }
  return latin1Of(bytes);
}

/** Query: its SQL. The one NUL is the terminator, so recorded text cannot differ from what runs. */
export function readQuery(body: Buffer): Buffer {
  const reader = new BodyReader(body);
  const sql = reader.cstring();
  reader.end();
  return sql;
}

export function readParse(body: Buffer): ParseMessage {
  const reader = new BodyReader(body);
  const statement = asciiName(reader.name());
  const sql = reader.cstring();
  const count = reader.uint16();
  const types: number[] = [];
  for (let index = 0; index < count; index += 1) {
    types.push(reader.uint32());
  }
  reader.end();
  return { name: statement, sql, types };
}

export function readBind(body: Buffer): BindMessage {
  const reader = new BodyReader(body);
  const portal = asciiName(reader.name());
  const statement = asciiName(reader.name());
  const formats = readFormats(reader);
  const count = reader.uint16();
  if (formats.length > 1 && formats.length !== count) {
    throw new ProtocolViolation(`bind message has ${formats.length} parameter formats but ${count} parameters`);
  }
  const parameters: BoundValue[] = [];
  for (let index = 0; index < count; index += 1) {
    const format = formats.length === 1 ? formats[0] : formats[index];
    parameters.push({ binary: format === 1, bytes: reader.value() });
  }
  readFormats(reader);
  reader.end();
  return { portal, statement, parameters };
}

const noFormats: readonly number[] = [];

export function readFormats(reader: BodyReader): readonly number[] {
  const count = reader.uint16();
  if (count === 0) {
    return noFormats;
  }
  const formats: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const format = reader.int16();
    if (format !== 0 && format !== 1) {
      throw new ProtocolViolation(`unsupported format code: ${format}`);
    }
    formats.push(format);
  }
  return formats;
}

/** Execute: the portal's name, and the row limit (0 = none). */
export function readExecute(body: Buffer): { readonly portal: string; readonly rowLimit: number } {
  const reader = new BodyReader(body);
  const portal = asciiName(reader.name());
  const rowLimit = reader.int32();
  reader.end();
  return { portal, rowLimit };
}

/** Describe and Close name a prepared statement (`S`) or a portal (`P`). */
export function readTarget(body: Buffer): { readonly kind: "statement" | "portal"; readonly name: string } {
  const reader = new BodyReader(body);
  const kind = reader.uint8();
  const target = asciiName(reader.name());
  reader.end();
  if (kind !== 0x53 && kind !== 0x50) {
    throw new ProtocolViolation("invalid DESCRIBE or CLOSE message subtype");
  }
  return { kind: kind === 0x53 ? "statement" : "portal", name: target };
}

/** FunctionCall: runs a function by its OID, without any SQL. */
export function readFunctionCall(body: Buffer): {
  readonly functionOID: number;
  readonly arguments: readonly BoundValue[];
} {
  const reader = new BodyReader(body);
  const functionOID = reader.uint32();
  const formats = readFormats(reader);
  const count = reader.uint16();
  const values: BoundValue[] = [];
  for (let index = 0; index < count; index += 1) {
    const format = formats.length === 1 ? formats[0] : formats[index];
    values.push({ binary: format === 1, bytes: reader.value() });
  }
  reader.int16();
  reader.end();
  return { functionOID, arguments: values };
}
