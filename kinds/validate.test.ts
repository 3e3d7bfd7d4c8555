import { describe, expect, test } from "vitest";
import { annotationBytesMax, labelMax } from "./metadata.ts";
import { depthMax, valuesMax } from "./plain.ts";
import { formatProblem } from "./problem.ts";
import { validateObject } from "./validate.ts";

function grant(metadata: object = {}, spec: object = {}): Record<string, unknown> {
  return {
    apiVersion: "sallyport.dev/v1alpha1",
    kind: "Grant",
    metadata: { name: "ada", ...metadata },
    spec: {
      principal: { name: "ada" },
      databaseRef: { name: "orders" },
      roleName: "read_only",
      durationSeconds: 3600,
      notAfterTime: "2026-12-31T18:00:00Z",
      ...spec,
    },
  };
}

function problemsOf(value: unknown): readonly string[] {
  return (validateObject(value).problems ?? []).map(formatProblem);
}

describe("an accepted object", () => {
  test("is a copy that shares nothing with what was given", () => {
    const given = grant();

    const { object } = validateObject(given);

    expect(object).toEqual(grant({ namespace: "default" }));
    expect(object?.spec).not.toBe(given["spec"]);
  });

  test("gets the namespace that the caller says, and keeps its own", () => {
    expect(validateObject(grant(), { namespace: "payments" }).object?.metadata.namespace).toBe("payments");
    expect(validateObject(grant({ namespace: "own" }), { namespace: "payments" }).object?.metadata.namespace).toBe(
      "own",
    );
  });

  test("may carry what the API server writes into metadata, and kubectl's null time", () => {
    const metadata = {
      uid: "0f7a3c1e-58f1-4d0c-9a35-4f0d7d2a9b11",
      generation: 3,
      resourceVersion: "17",
      creationTimestamp: null,
      finalizers: ["sallyport.dev/revoke"],
      managedFields: [{ manager: "kubectl" }],
    };

    expect(validateObject(grant(metadata)).object?.metadata).not.toHaveProperty("creationTimestamp");
    expect(validateObject(grant(metadata)).object?.metadata.generation).toBe(3);
  });

  test("treats a field that is undefined as absent", () => {
    expect(validateObject(grant({}, { reason: undefined })).object?.spec).not.toHaveProperty("reason");
  });

  test("may have a status, which is held to its schema", () => {
    expect(problemsOf({ ...grant(), status: { conditions: [] } })).toEqual([]);
    expect(problemsOf({ ...grant(), status: { phase: "Active" } })).toEqual(["status.phase: is not a field of status"]);
  });
});

describe("metadata is refused where the API server refuses it", () => {
  const refused: readonly (readonly [string, object, string])[] = [
    ["no name", { name: "" }, "metadata.name: is required"],
    ["a name with a slash", { name: "a/b" }, "metadata.name: must be lower-case letters"],
    ["a name that ends in a dot", { name: "a." }, "metadata.name: must be lower-case letters"],
    ["a namespace with a dot", { namespace: "a.b" }, "metadata.namespace: must be at most 63"],
    ["an empty namespace", { namespace: "" }, "metadata.namespace: must be at most 63"],
    ["a label without a name", { labels: { "example.com/": "x" } }, "metadata.labels[example.com/]: must have a key"],
    ["a label with two slashes", { labels: { "a/b/c": "x" } }, "metadata.labels[a/b/c]: must have a key"],
    [
      "a label key that is too long",
      { labels: { ["k".repeat(labelMax + 1)]: "x" } },
      `metadata.labels.${"k".repeat(64)}: must have a key`,
    ],
    [
      "a label value that is too long",
      { labels: { k: "v".repeat(labelMax + 1) } },
      "metadata.labels.k: must be at most 63",
    ],
    [
      "a label that is a number",
      { labels: { k: 1 } },
      "metadata.labels.k: must be a string, found 1; put it in quotes",
    ],
    [
      "an annotation that is true",
      { annotations: { k: true } },
      "metadata.annotations.k: must be a string, found true",
    ],
    ["an annotation key with a space", { annotations: { "a b": "x" } }, "metadata.annotations[a b]: must have a key"],
    ["labels that are a list", { labels: [] }, "metadata.labels: must be an object, found an empty list"],
    ["a generation that is text", { generation: "1" }, 'metadata.generation: must be an integer from 0, found "1"'],
  ];

  test.for(refused)("%s", ([, metadata, problem]) => {
    expect(problemsOf(grant(metadata))).toEqual([expect.stringContaining(problem)]);
  });

  test("annotations up to their limit together, and not a byte more", () => {
    const rest = "v".repeat(annotationBytesMax - 1);

    expect(problemsOf(grant({ annotations: { k: rest } }))).toEqual([]);
    expect(problemsOf(grant({ annotations: { k: `${rest}v` } }))).toEqual([
      expect.stringContaining("262144 bytes in all"),
    ]);
  });

  test("an object without metadata", () => {
    expect(problemsOf({ ...grant(), metadata: undefined })).toEqual(["metadata: is required"]);
    expect(problemsOf({ ...grant(), metadata: 1 })).toEqual(["metadata: must be an object, found 1"]);
  });
});

describe("values that are not plain data are refused, never run and never followed for ever", () => {
  const cycle: Record<string, unknown> = grant();
  cycle["spec"] = cycle;
  let deep: unknown = 1;
  for (let level = 0; level < depthMax + 1; level += 1) {
    deep = { deep };
  }
  const thrower = Object.defineProperty(grant(), "status", {
    enumerable: true,
    get: () => {
      throw new Error("no");
    },
  });
  const cases: readonly (readonly [string, unknown])[] = [
    ["a cycle", cycle],
    ["nesting beyond the limit", grant({}, { deep })],
    ["more values than the limit", grant({}, { many: Array(valuesMax).fill(0) })],
    ["a getter that throws", thrower],
    ["a Date", grant({}, { notAfterTime: new Date(0) })],
    ["a Map", new Map()],
    ["a function", grant({}, { reason: () => "x" })],
    ["a bigint", grant({}, { durationSeconds: 3600n })],
    ["not a number", grant({}, { durationSeconds: Number.NaN })],
    ["infinity", grant({}, { durationSeconds: Number.POSITIVE_INFINITY })],
    ["null", null],
    ["nothing", undefined],
    ["text", "Grant"],
    ["a list", [grant()]],
  ];

  test.for(cases)("%s", ([, value]) => {
    expect(validateObject(value).problems).toHaveLength(1);
  });

  test("a field named __proto__ is an unknown field, not a prototype", () => {
    const value: unknown = JSON.parse(
      JSON.stringify(grant()).replace('"roleName"', '"__proto__":{"roleName":"read_only"},"rolename"'),
    );

    expect(problemsOf(value)).toEqual(
      expect.arrayContaining(["spec.roleName: is required", "spec.__proto__: is not a field of spec"]),
    );
  });

  test("fields that every object inherits do not count as given", () => {
    expect(problemsOf({ ...grant(), kind: "constructor" })).toHaveLength(1);
    expect(problemsOf(grant({}, { toString: "x" }))).toEqual(["spec.toString: is not a field of spec"]);
  });
});
