import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compilePattern, matchArnPattern, matchPattern } from "./pattern.ts";

function matches(text: string, value: string): boolean {
  return matchPattern(compilePattern(text, undefined) ?? [], value);
}

/** The textbook definition, exponential and obviously right. */
function naive(pattern: string, value: string): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) {
    return value === "";
  }
  if (first === "*") {
    return naive(rest.join(""), value) || (value !== "" && naive(pattern, value.slice(1)));
  }
  return value !== "" && (first === "?" || first === value[0]) && naive(rest.join(""), value.slice(1));
}

describe("matchPattern", () => {
  it("agrees with the textbook definition", () => {
    const text = (characters: string): fc.Arbitrary<string> =>
      fc.array(fc.constantFrom(...characters), { maxLength: 8 }).map((parts) => parts.join(""));

    fc.assert(
      fc.property(text("ab*?"), text("ab"), (pattern, value) => {
        expect(matches(pattern, value)).toBe(naive(pattern, value));
      }),
      { numRuns: 1_000 },
    );
  });

  it("stays quick on patterns that make a backtracking matcher hang", () => {
    expect(matches(`${"*a".repeat(50)}b`, "a".repeat(5_000))).toBe(false);
  });

  it("finds regular expression signs to be ordinary characters", () => {
    expect(matches("a.c", "abc")).toBe(false);
    expect(matches("a.[c", "a.[c")).toBe(true);
  });
});

describe("matchArnPattern", () => {
  it("keeps a wildcard inside its part, except in the last", () => {
    const arnLike = (text: string, value: string): boolean =>
      matchArnPattern(compilePattern(text, undefined) ?? [], value);

    expect(arnLike("arn:aws:ecs:*:1:task/*", "arn:aws:ecs:eu-west-1:1:task/a/b:c")).toBe(true);
    expect(arnLike("arn:aws:*:1:task/*", "arn:aws:ecs:eu-west-1:1:task/a")).toBe(false);
    expect(arnLike("*", "arn:aws:ecs:eu-west-1:1:task/a")).toBe(false);
  });
});
