import { describe, expect, test } from "vitest";
import { suggest } from "./suggest.ts";

describe("suggestions", () => {
  test.for([
    ["durationSecond", "durationSeconds"],
    ["databaseref", "databaseRef"],
    ["resaon", "reason"],
    ["ttl", undefined],
    ["xyz", undefined],
  ])("%s: %s", ([word, expected]) => {
    expect(suggest(word ?? "", ["durationSeconds", "databaseRef", "reason", "principal"])).toBe(expected);
  });
});
