import { describe, expect, test } from "vitest";
import { canonicalJson, reviewDigest, specDigest } from "./digest.ts";
import type { AccessWorkflow } from "./generated/accessworkflow.ts";
import type { Grant, GrantStatusTarget } from "./generated/grant.ts";

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

const workflow: AccessWorkflow = {
  apiVersion: "sallyport.dev/v1alpha1",
  kind: "AccessWorkflow",
  metadata: { name: "reviewed", namespace: "default" },
  spec: { maxDurationSeconds: 60 },
};
const target: GrantStatusTarget = {
  engine: "PostgreSQL",
  host: "orders.example.com",
  port: 5432,
  databaseName: "orders",
  username: "reader",
  roleName: "read_only",
  proxy: "main",
  tlsMode: "VerifyFull",
};
const terms = { workflow, availability: "developers", target };

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

  test("a review's digest stays while what may only shrink or be put off changes, and differs for anything else that a reviewer sees", () => {
    const digest = reviewDigest(grant, terms);
    const withSpec = (spec: Partial<Grant["spec"]>): string =>
      reviewDigest({ ...grant, spec: { ...grant.spec, ...spec } }, terms);
    const reached = (target: Partial<GrantStatusTarget>): string =>
      reviewDigest(grant, { ...terms, target: { ...terms.target, ...target } });

    expect(withSpec({ durationSeconds: 60, extensionCount: 1, startTime: "2026-12-31T17:00:00Z", suspend: true })).toBe(
      digest,
    );
    expect(reached({ localPort: 5432 })).toBe(digest);
    const others = [
      reviewDigest({ ...grant, metadata: { ...grant.metadata, uid: "1f7a3c1e-58f1-4d0c-9a35-4f0d7d2a9b11" } }, terms),
      withSpec({ principal: { name: "grace" } }),
      withSpec({ databaseRef: { name: "billing" } }),
      withSpec({ roleName: "app_owner" }),
      withSpec({ availabilityRef: { name: "x" } }),
      withSpec({ requester: { username: "x" } }),
      withSpec({ urgency: "BreakGlass" }),
      withSpec({ reason: "INC-2" }),
      reached({ host: "other.example.com" }),
      reached({ username: "postgres" }),
      reached({ secretARN: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:other-AbCdEf" }),
      reviewDigest(grant, { ...terms, availability: "others" }),
      reviewDigest(grant, { ...terms, workflow: { ...workflow, spec: { maxDurationSeconds: 120 } } }),
    ];
    expect(new Set([digest, ...others]).size).toBe(others.length + 1);
  });

  test("a Grant without uid has none", () => {
    const { uid: _, ...metadata } = grant.metadata;

    expect(() => reviewDigest({ ...grant, metadata }, terms)).toThrow(/uid/);
  });
});
