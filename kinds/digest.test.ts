import { describe, expect, test } from "vitest";
import { canonicalJson, grantDigest, specDigest } from "./digest.ts";
import type { Grant } from "./generated/grant.ts";

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
