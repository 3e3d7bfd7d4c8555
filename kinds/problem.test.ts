import { describe, expect, test } from "vitest";
import { describeValue, formatPath, formatProblem, foundTextMax } from "./problem.ts";

describe("problems", () => {
  test("paths are written as the API server writes them", () => {
    expect(formatPath([])).toBe("");
    expect(formatPath(["spec", "roles", 0, "name"])).toBe("spec.roles[0].name");
    expect(formatPath(["metadata", "labels", "example.com/team"])).toBe("metadata.labels[example.com/team]");
  });

  test("without a place only the field is named", () => {
    const base = { file: "", line: 0, column: 0, message: "is required", severity: "error" } as const;

    expect(formatProblem({ ...base, path: "spec" })).toBe("spec: is required");
    expect(formatProblem({ ...base, path: "", severity: "warning" })).toBe("warning: is required");
    expect(formatProblem({ ...base, path: "", file: "a.yaml" })).toBe("a.yaml: is required");
  });

  test("found values are named shortly", () => {
    expect(["a", 1, true, null, [], [1], {}, undefined].map(describeValue)).toEqual([
      '"a"',
      "1",
      "true",
      "null (an empty value)",
      "an empty list",
      "a list",
      "an object",
      "nothing",
    ]);
    expect(describeValue("x".repeat(foundTextMax + 1))).toBe(`"${"x".repeat(foundTextMax - 1)}…"`);
  });
});
