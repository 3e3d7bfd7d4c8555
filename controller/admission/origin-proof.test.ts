import { describe, expect, it } from "vitest";
import { apiVersion, type AnyObject, type GrantReview } from "#kinds/index.ts";
import { aGrant } from "../reconcile/testing.ts";
import { originAnnotation, originProof, originProofAnnotation } from "./origin-proof.ts";

const proof = originProof("-----BEGIN PRIVATE KEY-----", "test");
const review = {
  apiVersion,
  kind: "GrantReview",
  metadata: { name: "r", namespace: "default" },
  spec: {
    grantRef: { name: "ada" },
    grantDigest: `sha256:${"0".repeat(64)}`,
    decision: "Approve",
    reviewer: { username: "grace" },
  },
} as GrantReview;

function marked<T extends AnyObject>(object: T, by = proof): T {
  return { ...object, metadata: { ...object.metadata, annotations: by.annotationsFor(object) } };
}

describe("the proof that the control API made an object", () => {
  it("holds for what it was given to", () => {
    expect(proof.holdsFor(marked(review))).toBe(true);
    expect(proof.holdsFor(marked(aGrant()))).toBe(true);
  });

  it("does not hold for an annotation without a proof, or with somebody else's", () => {
    const annotations = { [originAnnotation]: "api" };
    expect(proof.holdsFor({ ...review, metadata: { ...review.metadata, annotations } })).toBe(false);
    for (const forged of ["", "v2:", `v2:0:0:${"A".repeat(43)}`]) {
      const both = { ...annotations, [originProofAnnotation]: forged };
      expect(proof.holdsFor({ ...review, metadata: { ...review.metadata, annotations: both } })).toBe(false);
    }
    expect(proof.holdsFor(marked(review, originProof("another key", "test")))).toBe(false);
    expect(proof.holdsFor(marked(review, originProof("-----BEGIN PRIVATE KEY-----", "another")))).toBe(false);
    expect(proof.holdsFor(review)).toBe(false);
  });

  it("does not pass to another object, name, namespace, reviewer or decision", () => {
    const { annotations } = marked(review).metadata;
    const { metadata, spec } = review;
    const others: AnyObject[] = [
      { ...aGrant(), metadata: { ...aGrant().metadata, annotations: annotations ?? {} } },
      { ...review, metadata: { ...metadata, name: "s", annotations: annotations ?? {} } },
      { ...review, metadata: { ...metadata, namespace: "other", annotations: annotations ?? {} } },
      { ...marked(review), spec: { ...spec, reviewer: { username: "mallory" } } },
      { ...marked(review), spec: { ...spec, decision: "Deny" } },
    ];

    expect(others.map((object) => proof.holdsFor(object))).toEqual(others.map(() => false));
  });

  it("does not pass to a Grant of the same name that asks for more time, or for a time after its own", () => {
    const made = marked(aGrant());
    const { durationSeconds, notAfterTime } = made.spec;
    const later = new Date(Date.parse(notAfterTime) + 1_000).toISOString();

    expect(proof.holdsFor({ ...made, spec: { ...made.spec, durationSeconds: durationSeconds + 1 } })).toBe(false);
    expect(proof.holdsFor({ ...made, spec: { ...made.spec, notAfterTime: later } })).toBe(false);
    expect(proof.holdsFor({ ...made, spec: { ...made.spec, notAfterTime: "never" } })).toBe(false);
    const { annotations = {} } = made.metadata;
    for (const most of ["999999:9999999999999", "0:0", ""]) {
      const forged = annotations[originProofAnnotation]?.replace(/^v2:\d+:\d+/, `v2:${most}`) ?? "";
      const metadata = { ...made.metadata, annotations: { ...annotations, [originProofAnnotation]: forged } };
      expect(proof.holdsFor({ ...made, metadata, spec: { ...made.spec, notAfterTime: later } })).toBe(false);
    }
  });

  it("outlives what people may change of a Grant, and nothing else of it", () => {
    const made = marked(aGrant({ spec: { requester: { username: "ada" } } }));

    expect(
      proof.holdsFor({ ...made, spec: { ...made.spec, durationSeconds: 600, revocation: { reason: "done" } } }),
    ).toBe(true);
    expect(proof.holdsFor({ ...made, spec: { ...made.spec, notAfterTime: "2020-01-01T00:00:00Z" } })).toBe(true);
    expect(proof.holdsFor({ ...made, spec: { ...made.spec, requester: { username: "bob" } } })).toBe(false);
    expect(proof.holdsFor({ ...made, spec: { ...made.spec, urgency: "BreakGlass" } })).toBe(false);
  });
});
