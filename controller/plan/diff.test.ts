import { describe, expect, it } from "vitest";
import type { AnyObject } from "#kinds/index.ts";
import { aGrant, aWorkflow } from "../reconcile/testing.ts";
import { diffObjects } from "./diff.ts";

const placed = (...objects: readonly AnyObject[]) => objects.map((object) => ({ object, origin: "" }));

describe("diff", () => {
  it("shows what a person wrote, and nothing that server or controller added", () => {
    const grant = aGrant();
    const seen = {
      ...grant,
      metadata: {
        ...grant.metadata,
        uid: "other",
        generation: 7,
        annotations: { "kubectl.kubernetes.io/last-applied-configuration": "{}" },
      },
      status: { grantID: "g1" },
    };

    expect(diffObjects(placed(seen), placed(grant))).toEqual([]);
  });

  it("tells added, changed and removed objects apart, each as a unified patch", () => {
    const grant = aGrant();
    const shorter = { ...grant, spec: { ...grant.spec, durationSeconds: 60 } };

    const diffs = diffObjects(placed(grant, aWorkflow()), placed(shorter));
    const added = diffObjects([], placed(grant));

    expect(diffs.map(({ key, change }) => `${change} ${key}`)).toEqual([
      "remove AccessWorkflow/default/auto",
      "change Grant/default/ada-orders",
    ]);
    expect(diffs[1]?.patch).toContain("+  durationSeconds: 60");
    expect(added[0]?.patch).toMatch(/^--- \/dev\/null/m);
  });
});
