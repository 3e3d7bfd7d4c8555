import { describe, expect, it } from "vitest";
import { contextLookup, evaluateCondition } from "./condition.ts";
import type { Context } from "./condition.ts";

function outcome(operator: string, values: string | readonly string[], context: Context): string {
  const lookup = contextLookup(context);
  return evaluateCondition(operator, "Key", values, lookup, (name) => lookup(name)?.[0]);
}

const absent: Context = {};

describe("evaluateCondition", () => {
  it.each([
    ["StringEquals", "a", "a", "b"],
    ["StringNotEquals", "a", "b", "a"],
    ["StringEqualsIgnoreCase", "Ab", "aB", "b"],
    ["StringNotEqualsIgnoreCase", "Ab", "b", "aB"],
    ["StringLike", "a*", "abc", "b"],
    ["StringNotLike", "a*", "b", "abc"],
    ["ArnEquals", "arn:aws:s3:::*", "arn:aws:s3:::x", "arn:aws:sqs:::x"],
    ["ArnLike", "arn:aws:*:::x", "arn:aws:s3:::x", "arn:aws:s3:::y"],
    ["ArnNotLike", "arn:aws:*:::x", "arn:aws:s3:::y", "arn:aws:s3:::x"],
    ["Bool", "true", "true", "false"],
    ["NumericEquals", "10", "10.0", "11"],
    ["NumericNotEquals", "10", "11", "10.0"],
    ["NumericLessThan", "10", "9", "10"],
    ["NumericLessThanEquals", "10", "10", "11"],
    ["NumericGreaterThan", "10", "11", "10"],
    ["NumericGreaterThanEquals", "10", "10", "9"],
    ["DateEquals", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", "2026-01-01T00:00:01Z"],
    ["DateLessThan", "2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z"],
    ["DateGreaterThan", "1767225600", "2026-01-01T00:00:01Z", "2026-01-01T00:00:00Z"],
  ])("%s with %s is met by %s and not by %s", (operator, wanted, met, unmet) => {
    expect(outcome(operator, wanted, { key: met })).toBe("met");
    expect(outcome(operator, wanted, { key: unmet })).toBe("unmet");
  });

  it("takes wildcards literally where the operator has none", () => {
    expect(outcome("StringEquals", "a*", { key: "abc" })).toBe("unmet");
    expect(outcome("StringEquals", "a*", { key: "a*" })).toBe("met");
  });

  it("passes any of several values, and none of them where the operator is negated", () => {
    expect(outcome("StringEquals", ["a", "b"], { key: "b" })).toBe("met");
    expect(outcome("StringNotEquals", ["a", "b"], { key: "b" })).toBe("unmet");
  });

  it("fails a positive operator when the key is absent, and passes a negated one and IfExists", () => {
    expect(outcome("StringEquals", "a", absent)).toBe("unmet");
    expect(outcome("StringNotEquals", "a", absent)).toBe("met");
    expect(outcome("StringEqualsIfExists", "a", absent)).toBe("met");
    expect(outcome("BoolIfExists", "true", absent)).toBe("met");
    expect(outcome("BoolIfExists", "true", { key: false })).toBe("unmet");
  });

  it("asks with Null whether the key is absent", () => {
    expect(outcome("Null", "true", absent)).toBe("met");
    expect(outcome("Null", "true", { key: "" })).toBe("unmet");
    expect(outcome("Null", "false", { key: "" })).toBe("met");
  });

  it("quantifies over keys of several values", () => {
    expect(outcome("ForAnyValue:StringEquals", ["a", "b"], { key: ["x", "b"] })).toBe("met");
    expect(outcome("ForAnyValue:StringEquals", "a", { key: ["x", "y"] })).toBe("unmet");
    expect(outcome("ForAnyValue:StringEquals", "a", absent)).toBe("unmet");
    expect(outcome("ForAnyValue:StringNotEquals", "a", absent)).toBe("unmet");
    expect(outcome("ForAllValues:StringEquals", ["a", "b"], { key: ["a", "b"] })).toBe("met");
    expect(outcome("ForAllValues:StringEquals", "a", { key: ["a", "b"] })).toBe("unmet");
    expect(outcome("ForAllValues:StringEquals", "a", absent)).toBe("met");
    expect(outcome("ForAnyValue:StringLikeIfExists", "a*", absent)).toBe("met");
  });

  it("calls unknown operators and unreadable policy values invalid", () => {
    expect(outcome("StringAlmost", "a", { key: "a" })).toBe("invalid");
    expect(outcome("ForSomeValue:StringEquals", "a", { key: "a" })).toBe("invalid");
    expect(outcome("NumericLessThan", "ten", { key: "9" })).toBe("invalid");
    expect(outcome("DateLessThan", "tomorrow", { key: "2026-01-01T00:00:00Z" })).toBe("invalid");
    expect(outcome("Bool", "yes", { key: "true" })).toBe("invalid");
  });

  it("compares with the value of a policy variable, and with nothing when it has none", () => {
    expect(outcome("StringEquals", "${owner}", { key: "ada", owner: "ada" })).toBe("met");
    expect(outcome("StringLike", "${owner}", { key: "ada", owner: "*" })).toBe("unmet");
    expect(outcome("StringLike", "${nobody}*", { key: "ada" })).toBe("unmet");
    expect(outcome("StringNotEquals", "${nobody}", { key: "ada" })).toBe("invalid");
  });
});
