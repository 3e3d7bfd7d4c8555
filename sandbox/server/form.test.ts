import fc from "fast-check";
import { expect, test } from "vitest";
import { formDepthMax, unfold } from "./form.ts";

test("lists and structures come back from their flat names, whatever the list's wrapper is called", () => {
  const unfolded = unfold([
    ["Action", "DescribeDBInstances"],
    ["Filters.Filter.1.Name", "engine"],
    ["Filters.Filter.1.Values.Value.2", "mysql"],
    ["Filters.Filter.1.Values.Value.1", "postgres"],
    ["Tags.member.1.Key", "a"],
    ["Flat.1", "x"],
    ["Nested.Inner.Leaf", "y"],
  ]);

  expect(unfolded).toEqual({
    Action: "DescribeDBInstances",
    Filters: [{ Name: "engine", Values: ["postgres", "mysql"] }],
    Tags: [{ Key: "a" }],
    Flat: ["x"],
    Nested: { Inner: { Leaf: "y" } },
  });
});

test("a list of more than nine items keeps the order of its numbers", () => {
  const pairs = Array.from({ length: 12 }, (_, index): [string, string] => [`L.member.${index + 1}`, `v${index + 1}`]);

  expect(unfold(pairs)?.["L"]).toEqual(pairs.map(([, value]) => value));
});

test("a name that is deeper than any model's, or that clashes, is refused", () => {
  const deep = (levels: number) => Array.from({ length: levels }, () => "a").join(".");

  expect(unfold([[deep(formDepthMax), "x"]])).toBeDefined();
  expect(unfold([[deep(formDepthMax + 1), "x"]])).toBeUndefined();
  expect(
    unfold([
      ["A", "1"],
      ["A.B", "2"],
    ]),
  ).toBeUndefined();
  expect(
    unfold([
      ["A", "1"],
      ["A", "2"],
    ]),
  ).toBeUndefined();
});

test("no name reaches an object's prototype, and nothing throws", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string(), fc.string())), (pairs) => {
      unfold([...pairs, ["__proto__.polluted", "yes"], ["constructor.prototype.polluted", "yes"]]);

      expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
    }),
  );
});
