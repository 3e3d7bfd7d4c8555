import { expect, it } from "vitest";
import { checkReason, isPattern, matchBounded } from "./reason.ts";

it("finds patterns anywhere in the reason, and all of them must be there", () => {
  const patterns = [
    { pattern: "(?i)ops-\\d+", message: "Name a ticket." },
    { pattern: ".{10}", message: "Say more." },
  ];
  const policy = { requirement: "Required" as const, patterns };

  expect(checkReason("see OPS-12, index is slow", policy)).toBeUndefined();
  expect(checkReason("OPS-12", policy)?.message).toContain("Say more.");
  expect(checkReason("the index is slow", policy)?.message).toContain("Name a ticket.");
});

it("stops a pattern that backtracks without end, and lets the reason not pass", () => {
  expect(matchBounded("^(a+)+$", `${"a".repeat(40)}b`)).toBe("tooSlow");
});

it("gives a pattern no way to reach the controller", () => {
  expect(matchBounded("a", "a")).toBe("matches");
  expect(matchBounded("[", "a")).toBe("differs");
  expect(isPattern("[")).toBe(false);
  expect(isPattern("(?i)^ops")).toBe(true);
});

it("accepts no reason at all where the policy asks for none", () => {
  expect(checkReason(undefined, undefined)).toBeUndefined();
  expect(
    checkReason(undefined, { requirement: "Optional", patterns: [{ pattern: "x", message: "" }] }),
  ).toBeUndefined();
});
