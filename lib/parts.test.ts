import { expect, it } from "vitest";
import { appendPart } from "./parts.ts";

it("a message that comes byte by byte is kept in few pieces, and whole", () => {
  const parts: Buffer[] = [];

  for (let n = 0; n < 40_000; n += 1) {
    appendPart(parts, Buffer.of(n & 0xff));
  }

  expect(parts).toHaveLength(3);
  expect(Buffer.concat(parts).every((byte, n) => byte === (n & 0xff))).toBe(true);
});

it("large chunks are kept as they are", () => {
  const [first, second] = [Buffer.alloc(60_000, 1), Buffer.alloc(60_000, 2)];
  const parts: Buffer[] = [];

  appendPart(parts, first);
  appendPart(parts, second);

  expect(parts).toEqual([first, second]);
  expect(parts[0]).toBe(first);
});
