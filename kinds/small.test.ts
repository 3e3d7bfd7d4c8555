import { describe, expect, test } from "vitest";
import { isDateTime } from "./date-time.ts";
import type { Grant } from "./generated/grant.ts";
import { canonicalJson, grantDigest, specDigest } from "./digest.ts";
import { formatKey, keyOf, parseKey } from "./key.ts";
import { describeValue, formatPath, formatProblem, foundTextMax } from "./problem.ts";
import { matchesLabels } from "./selector.ts";
import { suggest } from "./suggest.ts";

const grant: Grant = {
  apiVersion: "sallyport.dev/v1alpha1",
  kind: "Grant",
  metadata: { name: "ada", namespace: "default", uid: "0f7a3c1e-58f1-4d0c-9a35-4f0d7d2a9b11" },
  spec: {
    principal: { name: "ada" },
    databaseRef: { name: "orders" },
    roleName: "read_only",
    durationSeconds: 3600,
    notAfterTime: "2026-12-31T18:00:00Z",
  },
};

describe("keys", () => {
  test("are written and read back", () => {
    expect(formatKey(keyOf(grant))).toBe("Grant/default/ada");
    expect(parseKey("Grant/default/ada")).toEqual({ kind: "Grant", namespace: "default", name: "ada" });
  });

  test.for(["", "Grant", "Grant/default", "Grant//ada", "Grant/default/", "Grant/default/ada/x", "Pod/default/ada"])(
    "are refused where they are none: %s",
    (text) => {
      expect(() => parseKey(text)).toThrow(/Kind\/namespace\/name/);
    },
  );
});

describe("digests", () => {
  test("canonical JSON sorts keys, keeps lists, leaves out what is undefined, refuses what JSON cannot say", () => {
    expect(canonicalJson({ b: [2, 1], a: { d: null, c: "é\n" }, e: undefined })).toBe(
      '{"a":{"c":"é\\n","d":null},"b":[2,1]}',
    );
    expect(() => canonicalJson({ a: 1n })).toThrow(TypeError);
    expect(() => canonicalJson(Number.NaN)).toThrow(TypeError);
  });

  test("the spec's digest is a fixed value of the spec alone", () => {
    const renamed = { ...grant, metadata: { ...grant.metadata, name: "other" } };

    expect(specDigest(grant)).toBe("sha256:a3e16e76128b665f18540cad3e75f768b90b7ee362786cd1a36060e3bcf70038");
    expect(specDigest(renamed)).toBe(specDigest(grant));
  });

  test("a review's digest stays while mutable fields change, and differs for another uid, person, database, role or urgency", () => {
    const digest = grantDigest(grant);
    const withSpec = (spec: Partial<Grant["spec"]>): string =>
      grantDigest({ ...grant, spec: { ...grant.spec, ...spec } });

    expect(withSpec({ durationSeconds: 60, extensionCount: 1, reason: "x", suspend: true })).toBe(digest);
    const others = [
      grantDigest({ ...grant, metadata: { ...grant.metadata, uid: "1f7a3c1e-58f1-4d0c-9a35-4f0d7d2a9b11" } }),
      withSpec({ principal: { name: "grace" } }),
      withSpec({ databaseRef: { name: "billing" } }),
      withSpec({ roleName: "app_owner" }),
      withSpec({ availabilityRef: { name: "x" } }),
      withSpec({ requester: { username: "x" } }),
      withSpec({ urgency: "BreakGlass" }),
    ];
    expect(new Set([digest, ...others]).size).toBe(others.length + 1);
  });

  test("a Grant without uid has none", () => {
    const { uid: _, ...metadata } = grant.metadata;

    expect(() => grantDigest({ ...grant, metadata })).toThrow(/uid/);
  });
});

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

describe("instants", () => {
  test.for([
    "2026-12-31T18:00:00Z",
    "2026-12-31T18:00:00.5+14:00",
    "2024-02-29T23:59:59-00:00",
    "2000-02-29T00:00:00.123Z",
  ])("%s", (text) => {
    expect(isDateTime(text)).toBe(true);
    expect(Number.isNaN(Date.parse(text))).toBe(false);
  });

  test.for([
    ..."2026-12-31 2026-12-31T18:00:00 2026-12-31T18:00Z 2026-12-31t18:00:00Z 2026-12-31T24:00:00Z 2026-02-29T00:00:00Z".split(
      " ",
    ),
    ..."1900-02-29T00:00:00Z 2026-04-31T00:00:00Z 2026-13-01T00:00:00Z 2026-00-01T00:00:00Z 2026-12-31T18:60:00Z".split(
      " ",
    ),
    ..."2026-12-31T23:59:60Z 2026-12-31T18:00:00+24:00 2026-12-31T18:00:00.1234Z 20261231T180000Z".split(" "),
    "2026-12-31 18:00:00Z",
    "2026-12-31T18:00:00Z\n",
  ])("not %j", (text) => {
    expect(isDateTime(text)).toBe(false);
  });
});

describe("suggestions", () => {
  test.for([
    ["durationSecond", "durationSeconds"],
    ["databaseref", "databaseRef"],
    ["resaon", "reason"],
    ["ttl", undefined],
    ["xyz", undefined],
  ])("%s: %s", ([word, expected]) => {
    expect(suggest(word ?? "", ["durationSeconds", "databaseRef", "reason", "principal"])).toBe(expected);
  });
});

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
