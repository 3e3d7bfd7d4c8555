import { expect, it } from "vitest";
import { heldMessageBytesMax } from "./limits.ts";
import { isBeyondRecord } from "./record-size.ts";

const simple = (sql: Buffer): Parameters<typeof isBeyondRecord>[0] => ({ protocol: "simple", sql, spans: ["one"] });

it.each([
  ["a text that is written as it is", Buffer.alloc(heldMessageBytesMax - 8_192, "x"), false],
  ["a text that is longer than a record", Buffer.alloc(heldMessageBytesMax, "x"), true],
  ["half a record of quotes", Buffer.alloc(heldMessageBytesMax / 2, '"'), true],
  ["a fifth of a record of control characters", Buffer.alloc(heldMessageBytesMax / 5, 1), true],
  ["an eighth of them", Buffer.alloc(heldMessageBytesMax / 8, 1), false],
  ["bytes that are not UTF-8, written in base64", Buffer.alloc((heldMessageBytesMax / 5) * 4, 0xff), true],
  ["fewer of them", Buffer.alloc((heldMessageBytesMax / 3) * 2, 0xff), false],
])("%s: %#", (_, sql, isBeyond) => {
  expect(isBeyondRecord(simple(sql))).toBe(isBeyond);
});

it("counts what is bound", () => {
  const bytes = Buffer.alloc((heldMessageBytesMax / 5) * 4, "x");
  const start = { ...simple(Buffer.from("select ?")), parameters: [{ binary: false, bytes }] };

  expect(isBeyondRecord(start)).toBe(false);
  expect(isBeyondRecord({ ...start, parameters: [{ binary: true, bytes }] })).toBe(true);
});
