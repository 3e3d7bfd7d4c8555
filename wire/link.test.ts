import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeAuditBatch, encodeAuditBatch } from "./link.ts";

describe("audit batches", () => {
  it("come back as the same records, byte for byte", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (records) => {
        expect(decodeAuditBatch(encodeAuditBatch(records))).toEqual(records.map((record) => Buffer.from(record)));
      }),
    );
  });

  it("are refused whole when cut at any byte that is not the end of a record", () => {
    const batch = encodeAuditBatch([Buffer.from("one"), Buffer.from("three")]);

    for (let length = 1; length < batch.length; length += 1) {
      if (length !== 7) {
        expect(() => decodeAuditBatch(batch.subarray(0, length))).toThrow("cut short");
      }
    }
  });
});
