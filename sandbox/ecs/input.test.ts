import { describe, expect, it } from "vitest";
import { mergeTags, page, readTags } from "./input.ts";

const tag = (index: number): { key: string; value: string } => ({ key: `key${index}`, value: "" });

describe("readTags", () => {
  it("takes up to 50 tags, keys up to 128 characters and values up to 256", () => {
    const tags = [
      ...Array.from({ length: 49 }, (_, index) => tag(index)),
      { key: "k".repeat(128), value: "v".repeat(256) },
    ];

    expect(readTags({ tags })).toEqual(tags);
    expect(() => readTags({ tags: [...tags, tag(50)] })).toThrow("at most 50");
    expect(() => readTags({ tags: [{ key: "k".repeat(129), value: "" }] })).toThrow("128");
    expect(() => readTags({ tags: [{ key: "k", value: "v".repeat(257) }] })).toThrow("256");
  });
});

describe("mergeTags", () => {
  it("puts changes over what was there, key by key", () => {
    const before = [
      { key: "a", value: "1" },
      { key: "b", value: "1" },
    ];

    expect(mergeTags(before, [{ key: "b", value: "2" }])).toEqual([
      { key: "a", value: "1" },
      { key: "b", value: "2" },
    ]);
  });
});

describe("page", () => {
  it("gives every item once over its pages, and refuses a token or size that is none", () => {
    const all = Array.from({ length: 250 }, (_, index) => index);
    const seen: number[] = [];

    let nextToken: string | undefined;
    do {
      const part = page(nextToken === undefined ? {} : { nextToken }, all);
      seen.push(...part.items);
      nextToken = part.nextToken;
    } while (nextToken !== undefined);

    expect(seen).toEqual(all);
    expect(() => page({ nextToken: "251" }, all)).toThrow("Invalid token");
    expect(() => page({ nextToken: "x" }, all)).toThrow("Invalid token");
    expect(() => page({ maxResults: 101 }, all)).toThrow("from 1 to 100");
    expect(() => page({ maxResults: 0 }, all)).toThrow("from 1 to 100");
  });
});
