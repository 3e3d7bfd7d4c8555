import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { grantIDOf, isGrantID } from "./grant-id.ts";

describe("grantIDOf", () => {
  it("is the RFC 4648 base32 of the uid, lower case, behind a g", () => {
    expect(grantIDOf("00000000-0000-0000-0000-000000000000")).toBe("gaaaaaaaaaaaaaaaaaaaaaaaaaa");
    expect(grantIDOf("ffffffff-ffff-ffff-ffff-ffffffffffff")).toBe("g77777777777777777777777774");
    expect(grantIDOf("66666666-6666-6666-6666-666666666666")).toBe("gmztgmztgmztgmztgmztgmztgmy");
  });

  it("gives a legal permission-set name for every uid, and different ones for different uids", () => {
    fc.assert(
      fc.property(fc.uuid(), fc.uuid(), (one, other) => {
        expect(grantIDOf(one)).toMatch(/^[\w+=,.@-]{1,32}$/);
        expect(isGrantID(grantIDOf(one))).toBe(true);
        expect(grantIDOf(one) === grantIDOf(other)).toBe(one === other);
      }),
    );
  });

  it("refuses what is not a uid", () => {
    expect(() => grantIDOf("g1")).toThrow("UUID");
  });
});
