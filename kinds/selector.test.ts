import { describe, expect, test } from "vitest";
import { matchesLabels } from "./selector.ts";

describe("label selectors", () => {
  const labels = { stage: "production", team: "orders" };
  const cases: readonly (readonly [string, Parameters<typeof matchesLabels>[0], boolean])[] = [
    ["nothing asked", {}, true],
    ["a label that is there", { matchLabels: { stage: "production" } }, true],
    ["a label with another value", { matchLabels: { stage: "test" } }, false],
    ["a label that is missing", { matchLabels: { zone: "a" } }, false],
    ["a label that every object inherits", { matchLabels: { constructor: "x" } }, false],
    ["In", { matchExpressions: [{ key: "team", operator: "In", values: ["orders", "billing"] }] }, true],
    ["In of others", { matchExpressions: [{ key: "team", operator: "In", values: ["billing"] }] }, false],
    ["In of a missing label", { matchExpressions: [{ key: "zone", operator: "In", values: ["a"] }] }, false],
    ["NotIn", { matchExpressions: [{ key: "team", operator: "NotIn", values: ["billing"] }] }, true],
    ["NotIn of its value", { matchExpressions: [{ key: "team", operator: "NotIn", values: ["orders"] }] }, false],
    ["NotIn of a missing label", { matchExpressions: [{ key: "zone", operator: "NotIn", values: ["a"] }] }, true],
    ["Exists", { matchExpressions: [{ key: "team", operator: "Exists" }] }, true],
    ["Exists of a missing label", { matchExpressions: [{ key: "toString", operator: "Exists" }] }, false],
    ["DoesNotExist", { matchExpressions: [{ key: "zone", operator: "DoesNotExist" }] }, true],
    ["DoesNotExist of one that is there", { matchExpressions: [{ key: "team", operator: "DoesNotExist" }] }, false],
    [
      "all must hold",
      { matchLabels: { stage: "production" }, matchExpressions: [{ key: "zone", operator: "Exists" }] },
      false,
    ],
  ];

  test.for(cases)("%s", ([, selector, matches]) => {
    expect(matchesLabels(selector, labels)).toBe(matches);
  });

  test("an object without labels", () => {
    expect(matchesLabels({ matchLabels: { a: "b" } }, undefined)).toBe(false);
    expect(matchesLabels({ matchExpressions: [{ key: "a", operator: "DoesNotExist" }] }, undefined)).toBe(true);
  });
});
