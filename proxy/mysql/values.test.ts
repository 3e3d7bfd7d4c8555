import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stringValue } from "../testing/mysql-packets.ts";
import { FieldReader } from "./fields.ts";
import { fieldType, isBindable, readValue } from "./values.ts";
import { MySqlViolation } from "./violation.ts";

const bytesOf = (write: (buffer: Buffer) => void, length: number): Buffer => {
  const buffer = Buffer.alloc(length);
  write(buffer);
  return buffer;
};
const shown = (type: number, bytes: Buffer, isUnsigned = false, charset = "utf8mb4"): string => {
  const { binary, bytes: value } = readValue(new FieldReader(bytes), type, isUnsigned, charset);
  return value?.toString(binary ? "base64" : "utf8") ?? "NULL";
};

describe("a bound value is shown as a person would write it", () => {
  it.each([
    ["tiny", 1, Buffer.from([0x80]), false, "-128"],
    ["unsigned tiny", 1, Buffer.from([0x80]), true, "128"],
    ["short", 2, Buffer.from([0xff, 0xff]), false, "-1"],
    ["unsigned short", 2, Buffer.from([0xff, 0xff]), true, "65535"],
    ["long", 3, Buffer.from([0, 0, 0, 0x80]), false, "-2147483648"],
    ["unsigned long", 3, Buffer.from([0, 0, 0, 0x80]), true, "2147483648"],
    ["longlong", 8, Buffer.alloc(8, 0xff), false, "-1"],
    ["unsigned longlong", 8, Buffer.alloc(8, 0xff), true, "18446744073709551615"],
    ["float", 4, bytesOf((buffer) => buffer.writeFloatLE(0.1), 4), false, "0.1"],
    ["double", 5, bytesOf((buffer) => buffer.writeDoubleLE(-1e300), 8), false, "-1e+300"],
    ["decimal", 246, stringValue("12345678901234567890.5"), false, "12345678901234567890.5"],
    ["date", 10, Buffer.from([4, 0xea, 7, 11, 23]), false, "2026-11-23"],
    ["zero date", 10, Buffer.from([0]), false, "0000-00-00"],
    ["datetime without a time", 12, Buffer.from([4, 0xea, 7, 11, 23]), false, "2026-11-23 00:00:00"],
    ["datetime", 12, Buffer.from([7, 0xea, 7, 11, 23, 9, 5, 1]), false, "2026-11-23 09:05:01"],
    ["timestamp", 7, Buffer.from([11, 0xea, 7, 11, 23, 9, 5, 1, 1, 0, 0, 0]), false, "2026-11-23 09:05:01.000001"],
    ["zero datetime", 12, Buffer.from([0]), false, "0000-00-00 00:00:00"],
    ["time", 11, Buffer.from([8, 0, 1, 0, 0, 0, 2, 3, 4]), false, "26:03:04"],
    ["negative time", 11, Buffer.from([12, 1, 0, 0, 0, 0, 2, 3, 4, 0x40, 0x42, 0x0f, 0]), false, "-02:03:04.1000000"],
    ["zero time", 11, Buffer.from([0]), false, "00:00:00"],
    ["string", 253, stringValue("häl'lo"), false, "häl'lo"],
    ["blob", 252, stringValue("bytes"), false, Buffer.from("bytes").toString("base64")],
  ])("%s", (_, type, bytes, isUnsigned, expected) => {
    expect(shown(type, bytes, isUnsigned)).toBe(expected);
  });

  it("strings are read by the client's character set", () => {
    expect(shown(254, Buffer.from("\x01\xe9", "latin1"), false, "latin1")).toBe("é");
    expect(shown(254, Buffer.from([2, 0x8c, 0x57]), false, "sjis")).toBe("係");
    expect(readValue(new FieldReader(Buffer.from([1, 0xe9])), 254, false, "unknown").bytes).toEqual(
      Buffer.from([0xe9]),
    );
  });

  it("every single-precision number is shown so that it is read back", () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (number) => {
        const text = shown(
          4,
          bytesOf((buffer) => buffer.writeFloatLE(number), 4),
        );

        expect(Math.fround(Number(text)) === number).toBe(true);
      }),
    );
  });

  it.each([
    ["a date of 5 bytes", 10, Buffer.from([5, 1, 1, 1, 1, 1])],
    ["a time of 7 bytes", 11, Buffer.from([7, 0, 0, 0, 0, 0, 0, 0])],
    ["a string that ends too early", 253, Buffer.from([5, 65])],
    ["a length of 2^63", 253, Buffer.from([0xfe, 0, 0, 0, 0, 0, 0, 0, 0x80])],
    ["a length that is NULL", 253, Buffer.from([0xfb])],
    ["half a number", 8, Buffer.alloc(7)],
    ["a NULL that is none", 6, Buffer.alloc(8)],
  ])("%s is refused", (_, type, bytes) => {
    expect(() => shown(type, bytes)).toThrow(MySqlViolation);
  });

  it("types about whose layout servers differ are not taken", () => {
    const refused = Array.from({ length: 256 }, (_, type) => type).filter((type) => !isBindable(type));

    expect(refused).toContain(9);
    expect(refused).toContain(13);
    expect(refused.length).toBe(256 - Object.keys(fieldType).length);
  });
});
