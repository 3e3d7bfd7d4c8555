import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJSON, type CanonicalValue } from "../canonical.ts";
import type { Parameter, RecordBody, StatementEnd, StatementResult, StatementStart } from "../record.ts";
import { recordJSON } from "../record-json.ts";
import { Batch } from "../spool/batch.ts";
import { endBody, openBody, startBody } from "../testing/bodies.ts";
import type { Text } from "../text.ts";
import { decodeEntry, tryDecodeEntry } from "./decode.ts";
import { encodeEntry, sessionPrefix } from "./encode.ts";
import { outcomes, protocols, transactions } from "./layout.ts";

const number = fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }));
const string = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({ unit: "grapheme", maxLength: 60 }),
  // Halves of surrogate pairs, which UTF-8 cannot hold.
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 }).map((units) => String.fromCharCode(...units)),
);
const text: fc.Arbitrary<Text> = fc.oneof(
  string,
  fc.uint8Array({ maxLength: 60 }).map((bytes) => ({ base64: Buffer.from(bytes).toString("base64") })),
);
const reference = fc.record({ text: fc.nat(), bytes: fc.nat() });
const parameter: fc.Arbitrary<Parameter> = fc.record(
  {
    type: number,
    format: fc.constantFrom("text" as const, "binary" as const),
    value: fc.option(text, { nil: null }),
    text: reference,
  },
  { requiredKeys: ["type", "format", "value"] },
);
const startFields = {
  sql: text,
  sqlText: reference,
  redacted: number,
  statements: number,
  statementName: text,
  portal: text,
  parameters: fc.array(parameter, { maxLength: 4 }),
  attributes: fc.array(
    fc.tuple(parameter, text).map(([value, name]) => ({ ...value, name })),
    { maxLength: 2 },
  ),
  parametersOmitted: number,
  functionOID: number,
  rowLimit: number,
  continues: number,
  user: text,
  database: text,
  encoding: string,
  notices: fc.array(string, { maxLength: 3 }),
};
const start = fc.record(
  {
    ...startFields,
    kind: fc.constant("statement.start" as const),
    session: fc.string({ unit: "grapheme", minLength: 1 }),
    statement: number,
    protocol: fc.constantFrom(...protocols),
    transaction: fc.constantFrom(...transactions),
  },
  { requiredKeys: ["kind", "session", "statement", "protocol", "transaction"] },
) as fc.Arbitrary<StatementStart>;

const resultFields = {
  tag: string,
  rows: number,
  sqlState: string,
  message: text,
  suspended: fc.boolean(),
  errno: number,
  affectedRows: number,
  lastInsertID: string,
  warnings: number,
  info: text,
};
const result = fc.record(
  { ...resultFields, outcome: fc.constantFrom(...outcomes) },
  { requiredKeys: ["outcome"] },
) as fc.Arbitrary<StatementResult>;
const end = fc.record(
  {
    ...resultFields,
    kind: fc.constant("statement.end" as const),
    session: fc.string({ unit: "grapheme", minLength: 1 }),
    statement: number,
    outcome: fc.constantFrom(...outcomes),
    bytesToClient: number,
    bytesFromClient: number,
    durationMs: number,
    transaction: fc.constantFrom(...transactions),
    results: fc.array(result, { maxLength: 3 }),
  },
  { requiredKeys: ["kind", "session", "statement", "outcome", "bytesToClient", "bytesFromClient", "durationMs"] },
) as fc.Arbitrary<StatementEnd>;
const other: fc.Arbitrary<RecordBody> = fc.oneof(
  string.map((databaseName) => openBody("a", { databaseName })),
  fc.record({
    kind: fc.constant("statement.text" as const),
    session: fc.constant("a"),
    text: fc.nat(),
    index: fc.nat(),
    data: text,
  }),
  fc.constant({ kind: "gap" as const, count: 3, reason: "spool-full" as const }),
);
const body: fc.Arbitrary<RecordBody> = fc.oneof(start, end, other);

function encode(batch: Batch, each: RecordBody, time: number): Buffer {
  const prefix = each.session === undefined || each.kind === "session.open" ? undefined : sessionPrefix(each.session);
  const at = batch.entryAt;
  const entryEnd = encodeEntry(batch, each, prefix, time);
  return batch.bytes.subarray(batch.entryAt, entryEnd - at + batch.entryAt);
}

const json = (value: unknown): string => canonicalJSON(value as CanonicalValue);

describe("encodeEntry and decodeEntry", () => {
  it("give back every body as it was, with every field", () => {
    fc.assert(
      fc.property(body, fc.nat(), (each, time) => {
        const entry = decodeEntry(encode(new Batch(), each, time));

        expect(entry.time).toBe(time);
        // As JSON, which knows no -0.
        expect(json(entry.body)).toBe(json(each));
      }),
      { numRuns: 500 },
    );
  });

  it("refuse numbers that JSON cannot hold, whatever the shape, and keep nothing of them", () => {
    const batch = new Batch();

    expect(() => encode(batch, startBody("a", Number.NaN), 0)).toThrow(TypeError);
    expect(() => encode(batch, endBody("a", 1, { durationMs: Infinity }), 0)).toThrow(TypeError);
    expect(() => encode(batch, { kind: "gap", count: Number.NaN, reason: "spool-full" }, 0)).toThrow(TypeError);
    expect(batch.end).toBe(0);
  });

  it("give back a text of any size that a record may have, and the buffer shrinks again", () => {
    const batch = new Batch();
    const small = batch.bytes.length;
    const large = startBody("a", 1, { sql: "ü".repeat(2_000_000) });

    const entry = decodeEntry(encode(batch, large, 0));
    const grown = batch.bytes.length;
    batch.reset();

    expect(entry.body).toEqual(large);
    expect(grown).toBeGreaterThan(small);
    expect(batch.bytes.length).toBe(small);
  });

  it("refuse anything else, whatever byte is changed or missing, without reading beyond the end", () => {
    const bytes = Buffer.from(encode(new Batch(), startBody("a", 1, { parameters: [] }), 0));

    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), fc.boolean(), (at, value, cut) => {
        const changed = Buffer.from(bytes);
        changed[at] = value;

        const entry = tryDecodeEntry(cut ? changed.subarray(0, at) : changed);

        expect(entry === undefined || typeof entry.body.kind === "string").toBe(true);
      }),
    );
    expect(tryDecodeEntry(Buffer.from([9, 1]))).toBeUndefined();
    expect(tryDecodeEntry(Buffer.alloc(0))).toBeUndefined();
  });

  it("refuse a session whose name UTF-8 cannot hold or that is too long", () => {
    expect(() => sessionPrefix("\ud800")).toThrow(TypeError);
    expect(() => sessionPrefix("x".repeat(65_536))).toThrow(TypeError);
  });
});

describe("recordJSON", () => {
  it("is the canonical JSON of body and envelope, for every body", () => {
    const envelope = {
      v: 1,
      proxy: 'default/"main"',
      task: "t1",
      seq: 9,
      sessionSeq: 3,
      time: "2026-01-01T00:00:00.000Z",
      prev: "ab".repeat(32),
    } as const;

    fc.assert(
      fc.property(body, fc.boolean(), (each, isFirst) => {
        const its = isFirst ? { ...envelope, prev: null } : envelope;

        expect(recordJSON(each, its)).toBe(json({ ...each, ...its }));
      }),
      { numRuns: 500 },
    );
  });
});
