import { expect, it } from "vitest";
import { anAvailability, aWorkflow } from "../testing.ts";
import type { IdentityVerdict } from "../../admission/verdict.ts";
import { decideAccessWorkflow } from "./reconciler.ts";

const folder: IdentityVerdict = { kind: "folder" };

it("counts the availabilities of its own namespace that use it", () => {
  const elsewhere = anAvailability({ metadata: { namespace: "other" } });
  const another = anAvailability({ spec: { workflowRef: { name: "strict" } } });

  const { patch, conditions } = decideAccessWorkflow(aWorkflow(), [anAvailability(), elsewhere, another], folder);

  expect(patch.availabilities).toBe(1);
  expect(conditions).toMatchObject([{ type: "Ready", status: "True", reason: "Accepted" }]);
});

it("names the pattern that is no regular expression", () => {
  const reasonPolicy = { requirement: "Optional" as const, patterns: [{ pattern: "(", message: "" }] };

  const { conditions } = decideAccessWorkflow(aWorkflow({ spec: { reasonPolicy } }), [], folder);

  expect(conditions).toContainEqual(
    expect.objectContaining({ type: "Stalled", status: "True", reason: "InvalidPattern" }),
  );
});

it("says in a cluster whether reviews made with kubectl count", () => {
  const untrusted = { kind: "untrusted", reason: "PolicyMissing", message: "It is not there." } as const;

  expect(decideAccessWorkflow(aWorkflow(), [], untrusted).conditions).toContainEqual(
    expect.objectContaining({ type: "IdentityVerified", status: "False", reason: "PolicyMissing" }),
  );
  expect(decideAccessWorkflow(aWorkflow(), [], { kind: "trusted", sinceMs: 0 }).conditions).toContainEqual(
    expect.objectContaining({ type: "IdentityVerified", status: "True" }),
  );
});
