import { describe, expect, it } from "vitest";
import { codeOf } from "./one-time-code.ts";

describe("the code of a one-time link", () => {
  it.each([
    ["#code=abc_-1", "abc_-1"],
    ["#code=a%2Bb", "a+b"],
    ["#code=", undefined],
    ["#code=%E0%A4%A", undefined],
    ["#main", undefined],
    ["", undefined],
  ])("%s", (hash, code) => {
    expect(codeOf(hash)).toBe(code);
  });

  it("is no link of Slack's, nor the other way round", () => {
    expect([codeOf("#slack=abc"), codeOf("#code=abc", "slack"), codeOf("#slack=abc", "slack")]).toEqual([
      undefined,
      undefined,
      "abc",
    ]);
  });
});
