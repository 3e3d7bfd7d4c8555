import { encodeInt, encodeLength, encodePacket } from "../mysql/fields.ts";
import { fullPacketBytes } from "../mysql/protocol.ts";

/** Commands and answers of the MySQL protocol as a test writes them. */

const bytes = (...parts: readonly (Buffer | string | number)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === "number" ? Buffer.from([part]) : Buffer.from(part as string))));

/** Text behind its length. */
const lengthText = (value: Buffer | string): Buffer => bytes(encodeLength(Buffer.from(value as string).length), value);

/** A message of any length, in as many packets as it takes. */
export function message(payload: Buffer, first = 0): Buffer {
  const packets: Buffer[] = [];
  for (let at = 0, sequence = first; ; at += fullPacketBytes, sequence += 1) {
    const part = payload.subarray(at, at + fullPacketBytes);
    packets.push(encodeInt(part.length, 3), encodeInt(sequence & 0xff, 1), part);
    if (part.length < fullPacketBytes) {
      return Buffer.concat(packets);
    }
  }
}

/** A command and what follows its number. */
export const command = (number: number, ...rest: readonly (Buffer | string | number)[]): Buffer =>
  message(bytes(number, ...rest));

export const ask = {
  query: (sql: Buffer | string) => command(0x03, sql),
  prepare: (sql: string) => command(0x16, sql),
  /** `rest`: everything behind the iteration count. */
  execute: (id: number, rest: Buffer = Buffer.alloc(0), flags = 0) =>
    command(0x17, encodeInt(id, 4), flags, encodeInt(1, 4), rest),
  bulk: (id: number, flags: number, rest: Buffer) => command(0xfa, encodeInt(id, 4), encodeInt(flags, 2), rest),
  longData: (id: number, parameter: number, data: Buffer | string) =>
    command(0x18, encodeInt(id, 4), encodeInt(parameter, 2), data),
  close: (id: number) => command(0x19, encodeInt(id, 4)),
  reset: (id: number) => command(0x1a, encodeInt(id, 4)),
  fetch: (id: number, rows: number) => command(0x1c, encodeInt(id, 4), encodeInt(rows, 4)),
  kill: (thread: number) => command(0x0c, encodeInt(thread, 4)),
  ping: () => command(0x0e),
  quit: () => command(0x01),
} as const;

/** Values of an execution: NULL bits, types, values; `undefined` stands for a value that came in pieces. */
export function bound(
  values: readonly (readonly [type: number, value: Buffer | null | undefined])[],
  sendsTypes = true,
): Buffer {
  const nulls = Buffer.alloc((values.length + 7) >> 3);
  for (const [index, [, value]] of values.entries()) {
    if (value === null) {
      nulls[index >> 3] = (nulls[index >> 3] ?? 0) | (1 << (index & 7));
    }
  }
  const types = sendsTypes ? values.map(([type]) => encodeInt(type, 2)) : [];
  return bytes(nulls, sendsTypes ? 1 : 0, ...types, ...values.map(([, value]) => value ?? Buffer.alloc(0)));
}

export const stringValue = (value: string): Buffer => lengthText(value);

export interface OKChange {
  readonly affected?: number;
  readonly insertID?: number;
  readonly status?: number;
  readonly warnings?: number;
  readonly info?: string;
  /** Session state, behind its length, with the flag that says so. */
  readonly state?: Buffer;
  readonly head?: number;
}

/** An OK packet's payload as it is with CLIENT_SESSION_TRACK. */
export function okPayload(change: OKChange = {}): Buffer {
  const { affected = 0, insertID = 0, warnings = 0, info, state, head = 0 } = change;
  const status = (change.status ?? 2) | (state === undefined ? 0 : 0x4000);
  return bytes(
    head,
    encodeLength(affected),
    encodeLength(insertID),
    encodeInt(status, 2),
    encodeInt(warnings, 2),
    info === undefined && state === undefined ? "" : lengthText(info ?? ""),
    state === undefined ? "" : lengthText(state),
  );
}

export const schemaState = (name: string): Buffer => bytes(1, lengthText(lengthText(name)));
export const variableState = (name: string, value: string): Buffer =>
  bytes(0, lengthText(bytes(lengthText(name), lengthText(value))));

export const errPayload = (errno: number, state: string, text: string): Buffer =>
  bytes(0xff, encodeInt(errno, 2), `#${state}`, text);
export const eofPayload = (status = 2, warnings = 0): Buffer =>
  bytes(0xfe, encodeInt(warnings, 2), encodeInt(status, 2));
const columnPayload = (name: string): Buffer =>
  bytes(
    ...["def", "orders", "t", "t", name, name].map((part) => lengthText(part)),
    0x0c,
    encodeInt(45, 2),
    encodeInt(80, 4),
    253,
    encodeInt(0, 2),
    0,
    encodeInt(0, 2),
  );

/** Packets of one answer: payloads with their sequence numbers, from 1 or another first one. */
export function answerOf(payloads: readonly Buffer[], first = 1): Buffer {
  return Buffer.concat(payloads.map((payload, index) => encodePacket(first + index, payload)));
}

export interface SetOptions {
  readonly deprecatesEOF?: boolean;
  readonly status?: number;
  readonly isBinary?: boolean;
  /** A byte that says whether descriptions follow. */
  readonly metadata?: 0 | 1;
}

/** Payloads of a result set of one column. */
export function setPayloads(rows: readonly string[], options: SetOptions = {}): Buffer[] {
  const { deprecatesEOF = true, status = 2, isBinary = false, metadata } = options;
  return [
    metadata === undefined ? bytes(1) : bytes(1, metadata),
    ...(metadata === 0 ? [] : [columnPayload("c")]),
    ...(deprecatesEOF ? [] : [eofPayload(2)]),
    ...rows.map((row) => (isBinary ? bytes(0, 0, lengthText(row)) : lengthText(row))),
    deprecatesEOF ? okPayload({ head: 0xfe, status }) : eofPayload(status),
  ];
}

/** Payloads of the answer to COM_STMT_PREPARE. */
export function preparedPayloads(id: number, parameters: number, columns: number, deprecatesEOF = true): Buffer[] {
  const block = (count: number): Buffer[] =>
    count === 0
      ? []
      : [...Array.from({ length: count }, () => columnPayload("?")), ...(deprecatesEOF ? [] : [eofPayload()])];
  return [
    bytes(0, encodeInt(id, 4), encodeInt(columns, 2), encodeInt(parameters, 2), 0, encodeInt(0, 2)),
    ...block(parameters),
    ...block(columns),
  ];
}
