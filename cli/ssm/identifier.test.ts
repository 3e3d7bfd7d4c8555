import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createIdentifiers, fraction, identifierText } from "./identifier.ts";

describe("identifier", () => {
  it("makes distinct version 4 UUIDs", () => {
    const next = createIdentifiers(randomBytes);

    const texts = Array.from({ length: 600 }, () => identifierText(next()));

    expect(new Set(texts).size).toBe(600);
    for (const text of texts) {
      expect(text).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
  });

  it("does not change an id that was given out", () => {
    const next = createIdentifiers((count) => Buffer.alloc(count, count));
    const first = next();
    const before = identifierText(first);

    for (let count = 0; count < 600; count += 1) {
      next();
    }

    expect(identifierText(first)).toBe(before);
  });

  it("makes fractions from 0 up to, but never, 1", () => {
    expect(fraction(() => Buffer.alloc(4, 0))).toBe(0);
    expect(fraction(() => Buffer.alloc(4, 0xff))).toBeLessThan(1);
  });
});
