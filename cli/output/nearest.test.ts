import { describe, expect, it } from "vitest";
import { didYouMean, nearestNames } from "./nearest.ts";

describe("what somebody may have meant", () => {
  it.each([
    ["ordres", ["orders"]],
    ["ORDERS", ["orders", "orders-archive"]],
    ["order", ["orders", "orders-archive"]],
    ["billng", ["billing"]],
    ["archive", ["orders-archive"]],
    ["customers-of-the-east", []],
    ["x", []],
  ])("by %s is %j", (typed, meant) => {
    expect(nearestNames(typed, ["orders", "billing", "orders-archive", "orders"])).toEqual(meant);
  });

  it("is asked for, or nothing is said", () => {
    expect(didYouMean("ordres", ["orders", "borders"])).toBe("Did you mean orders or borders?");
    expect(didYouMean("zebra", ["orders"])).toBe("");
  });
});
