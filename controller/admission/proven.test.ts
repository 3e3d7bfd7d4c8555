import { describe, expect, it } from "vitest";
import { apiVersion, type GrantReview } from "#kinds/index.ts";
import type { Stored } from "../source/source.ts";
import { aGrant } from "../reconcile/testing.ts";
import { requesterOf, reviewerOf, settlingMs } from "./proven.ts";
import { notLooked, type IdentityVerdict } from "./verdict.ts";

const since = Date.UTC(2026, 0, 1);
const trusted: IdentityVerdict = { kind: "trusted", sinceMs: since };
const folder: IdentityVerdict = { kind: "folder" };
const later = new Date(since + settlingMs + 1_000).toISOString();

function review(
  origin: string,
  reviewer: GrantReview["spec"]["reviewer"] | undefined,
  creationTimestamp = later,
): Stored<GrantReview> {
  const object = {
    apiVersion,
    kind: "GrantReview",
    metadata: { name: "r", namespace: "default", creationTimestamp },
    spec: {
      grantRef: { name: "ada" },
      grantDigest: `sha256:${"0".repeat(64)}`,
      decision: "Approve",
      ...(reviewer === undefined ? {} : { reviewer }),
    },
  } as GrantReview;
  return { object, origin, problems: [] };
}

describe("whose decision a review is", () => {
  it("is the person's whom the control API knows, whatever becomes of the policies", () => {
    for (const verdict of [trusted, folder, notLooked]) {
      expect(reviewerOf(review("api", { username: "grace" }), verdict)).toEqual({ kind: "person", username: "grace" });
    }
  });

  it("is the person's or the pipeline's that the API server checked, while the policies are in force", () => {
    expect(reviewerOf(review("cluster", { username: "grace" }), trusted)).toEqual({
      kind: "person",
      username: "grace",
    });
    const pipeline = review("cluster", { kind: "Pipeline", username: "release-bot" });
    expect(reviewerOf(pipeline, trusted)).toEqual({ kind: "pipeline", name: "release-bot" });
  });

  it("is nobody's where the policies are not trusted", () => {
    expect(reviewerOf(review("cluster", { username: "grace" }), notLooked)).toMatchObject({
      kind: "unproven",
      reason: "NotLooked",
    });
  });

  it("is nobody's where it was made before the policies were in force, or at that very second", () => {
    for (const ms of [since - 1_000, since, since + settlingMs]) {
      const early = review("cluster", { username: "grace" }, new Date(ms).toISOString());
      expect(reviewerOf(early, trusted)).toMatchObject({ kind: "unproven", reason: "MadeBeforePolicy" });
    }
    expect(reviewerOf(review("cluster", { username: "grace" }, "yesterday"), trusted)).toMatchObject({
      kind: "unproven",
    });
  });

  it("is the pipeline's where a file says so, and never a person's, whatever name the file has", () => {
    expect(reviewerOf(review("reviews.yaml:1", { username: "grace" }), folder)).toEqual({
      kind: "pipeline",
      name: undefined,
    });
    const pipeline = review("reviews.yaml:1", { kind: "Pipeline", username: "release-bot" });
    expect(reviewerOf(pipeline, folder)).toEqual({ kind: "pipeline", name: "release-bot" });
  });
});

describe("who asks for a Grant", () => {
  it("is proven as a review is", () => {
    const grant = aGrant({ spec: { requester: { username: "bob" } }, metadata: { creationTimestamp: later } });
    const stored = (origin: string) => ({ object: grant, origin, problems: [] });

    expect(requesterOf(stored("api"), notLooked)).toEqual({ kind: "person", username: "bob" });
    expect(requesterOf(stored("cluster"), trusted)).toEqual({ kind: "person", username: "bob" });
    expect(requesterOf(stored("cluster"), notLooked)).toMatchObject({ kind: "unproven" });
    expect(requesterOf(stored("grants.yaml:1"), folder)).toEqual({ kind: "pipeline", name: undefined });
    expect(
      requesterOf(
        { object: aGrant({ metadata: { creationTimestamp: later } }), origin: "cluster", problems: [] },
        trusted,
      ),
    ).toEqual({ kind: "pipeline", name: undefined });
  });
});
