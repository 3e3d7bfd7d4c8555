import type { FieldReader } from "./fields.ts";
import { boundValuesMax } from "./limits.ts";
import type { Prepared } from "./prepared.ts";
import { isBindable, isLongDataType, longValue, nullValue, readValue, type BoundValue } from "./values.ts";
import { refusalCodes } from "./refusal-codes.ts";
import { errors, MySqlViolation } from "./violation.ts";

/** A value that travels with a statement under a name. */
export interface NamedValue extends BoundValue {
  readonly name: Buffer;
  readonly type: number;
}

/** What a statement is executed with. */
export interface Bindings {
  readonly values: readonly BoundValue[];
  /** Type numbers of `values`. */
  readonly types: readonly number[];
  readonly attributes: readonly NamedValue[];
  /** Type and flag of each parameter, to be remembered once the execution is on its way; undefined when none were sent. */
  readonly sent: Buffer | undefined;
}

const unsignedFlag = 0x80;
export const noBindings: Bindings = { values: [], types: [], attributes: [], sent: undefined };

/** What decides how bound values are read. */
export interface BindingOptions {
  /** CLIENT_QUERY_ATTRIBUTES was agreed on. */
  readonly hasAttributes: boolean;
  /** character_set_client. */
  readonly charset: string;
}

/** Attributes in front of a COM_QUERY's text (MySQL protocol, "COM_QUERY"). Leaves the reader at the text. Throws `MySqlViolation`. */
export function readAttributes(reader: FieldReader, charset: string): readonly NamedValue[] {
  const count = reader.lengthEncoded();
  if (reader.lengthEncoded() !== 1) {
    throw new MySqlViolation("malformed packet: not one set of attributes");
  }
  return readBlock(reader, count, undefined, { hasAttributes: true, charset }).attributes;
}

/**
 * What follows the fixed fields of COM_STMT_EXECUTE (MySQL protocol, "COM_STMT_EXECUTE"). `isCounted`: the flag
 * PARAMETER_COUNT_AVAILABLE. Throws `MySqlViolation`.
 */
export function readBindings(
  reader: FieldReader,
  statement: Prepared,
  isCounted: boolean,
  options: BindingOptions,
): Bindings {
  if (statement.parameters === 0 && !(options.hasAttributes && isCounted)) {
    // The server does not look at what follows.
    return noBindings;
  }
  const count = options.hasAttributes ? reader.lengthEncoded() : statement.parameters;
  if (count < statement.parameters) {
    throw new MySqlViolation("wrong arguments: fewer values than parameters", refusalCodes.wrongArguments);
  }
  const bindings = readBlock(reader, count, statement, options);
  if (reader.left > 0) {
    throw new MySqlViolation("malformed packet: bytes follow the last value");
  }
  return bindings;
}

function readBlock(
  reader: FieldReader,
  count: number,
  statement: Prepared | undefined,
  { hasAttributes, charset }: BindingOptions,
): Bindings {
  if (count > 65_535) {
    throw new MySqlViolation("malformed packet: too many values");
  }
  if (count === 0) {
    return noBindings;
  }
  const nulls = reader.bytes((count + 7) >> 3);
  const isTyped = reader.int(1) !== 0;
  const { types, names } = isTyped ? readTypes(reader, count, hasAttributes) : { types: statement?.types, names: [] };
  if (types === undefined || types.length < 2 * count) {
    throw new MySqlViolation("wrong arguments: values without their types", refusalCodes.wrongArguments);
  }
  const parameters = statement?.parameters ?? 0;
  const values: BoundValue[] = [];
  const numbers: number[] = [];
  const attributes: NamedValue[] = [];
  for (let index = 0; index < count; index += 1) {
    const type = types[2 * index] ?? 0;
    const isNull = ((nulls[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;
    const pieces = index < parameters ? statement?.longData?.get(index) : undefined;
    // What came in pieces counts even where the NULL bit is set: so the servers read it.
    const value =
      pieces !== undefined
        ? readPieces(pieces, type, charset)
        : isNull
          ? nullValue
          : readTyped(reader, type, types[2 * index + 1] ?? 0, charset);
    if (index < parameters) {
      values.push(value);
      numbers.push(type);
    }
    const name = names[index];
    if (index >= parameters || (name !== undefined && name.length > 0)) {
      attributes.push({ ...value, name: Buffer.from(name ?? ""), type });
    }
  }
  return {
    values,
    types: numbers,
    attributes,
    sent: isTyped ? Buffer.from(types.subarray(0, 2 * parameters)) : undefined,
  };
}

/** Type, flag and, with query attributes, name of each value. */
function readTypes(
  reader: FieldReader,
  count: number,
  hasNames: boolean,
): { readonly types: Buffer; readonly names: readonly Buffer[] } {
  if (!hasNames) {
    return { types: reader.bytes(2 * count), names: [] };
  }
  const types: number[] = [];
  const names: Buffer[] = [];
  for (let index = 0; index < count; index += 1) {
    types.push(reader.int(1), reader.int(1));
    names.push(reader.lengthEncodedBytes());
  }
  return { types: Buffer.from(types), names };
}

function readTyped(reader: FieldReader, type: number, flag: number, charset: string): BoundValue {
  if (!isBindable(type) || (flag & ~unsignedFlag) !== 0) {
    throw new MySqlViolation(`wrong arguments: a value of type ${type}`, refusalCodes.wrongArguments);
  }
  return readValue(reader, type, (flag & unsignedFlag) !== 0, charset);
}

function readPieces(pieces: readonly Buffer[], type: number, charset: string): BoundValue {
  if (!isLongDataType(type)) {
    throw new MySqlViolation(`wrong arguments: a value of type ${type} in pieces`, refusalCodes.wrongArguments);
  }
  return longValue(Buffer.concat(pieces), type, charset);
}

const bulkFlag = { types: 0x80 } as const;
const indicator = { value: 0, null: 1, default: 2, ignore: 3 } as const;

/**
 * What follows the statement's id in MariaDB's COM_STMT_BULK_EXECUTE: values of many rows, one row after the other. Throws
 * `MySqlViolation`.
 */
export function readBulkBindings(reader: FieldReader, statement: Prepared, charset: string): Bindings {
  const flags = reader.int(2);
  if ((flags & ~bulkFlag.types) !== 0) {
    throw new MySqlViolation("wrong arguments: flags of a bulk execution", refusalCodes.wrongArguments);
  }
  const isTyped = (flags & bulkFlag.types) !== 0;
  const types = isTyped ? reader.bytes(2 * statement.parameters) : statement.types;
  if (types === undefined || statement.parameters === 0) {
    throw new MySqlViolation("wrong arguments: values without their types", refusalCodes.wrongArguments);
  }
  const values: BoundValue[] = [];
  const numbers: number[] = [];
  while (reader.left > 0) {
    if (values.length + statement.parameters > boundValuesMax) {
      throw new MySqlViolation("too many values in one bulk execution to be recorded", errors.packetTooLarge);
    }
    for (let index = 0; index < statement.parameters; index += 1) {
      const type = types[2 * index] ?? 0;
      values.push(readIndicated(reader, type, types[2 * index + 1] ?? 0, charset));
      numbers.push(type);
    }
  }
  return { values, types: numbers, attributes: [], sent: isTyped ? Buffer.from(types) : undefined };
}

function readIndicated(reader: FieldReader, type: number, flag: number, charset: string): BoundValue {
  switch (reader.int(1)) {
    case indicator.value:
      return readTyped(reader, type, flag, charset);
    case indicator.null:
      return nullValue;
    case indicator.default:
      return { ...nullValue, instead: "default" };
    case indicator.ignore:
      return { ...nullValue, instead: "ignore" };
    default:
      throw new MySqlViolation("malformed packet: an unknown indicator of a value");
  }
}
