import { describe, expect, it } from "vitest";
import { addressVariable, labelsOf } from "./labels.ts";

const named = (text: string) => {
  const [namespace = "", database = "", role = ""] = text.split(/[/:]/);
  return { namespace, database, role };
};
const labels = (...texts: string[]): readonly string[] => labelsOf(texts.map(named));

describe("names of several databases at once", () => {
  it("have the namespace where two are called the same, so that neither is taken for the other", () => {
    const two = labels("eu/orders:read_only", "us/orders:read_only", "eu/stock:read_only");

    expect(two).toEqual(["eu/orders:read_only", "us/orders:read_only", "stock:read_only"]);
    expect(new Set(two.map(addressVariable)).size).toBe(3);
    expect(labels("eu/orders:read_only", "eu/orders:app_owner")).toEqual(["orders:read_only", "orders:app_owner"]);
  });

  it.each([
    ["the same one twice", "eu/orders:read_only", "eu/orders:read_only", "is named twice"],
    ["two whose variable would be one", "eu/orders-eu:read", "eu/orders:eu-read", "cannot be served by one command"],
  ])("are refused: %s", (_, one, other, message) => {
    expect(() => labels(one, other)).toThrow(message);
  });
});
