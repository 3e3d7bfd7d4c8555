import { expect, it } from "vitest";
import { anAvailability, aWorkflow } from "../testing.ts";
import { decideAccessWorkflow } from "./reconciler.ts";

it("counts the availabilities of its own namespace that use it", () => {
  const elsewhere = anAvailability({ metadata: { namespace: "other" } });
  const another = anAvailability({ spec: { workflowRef: { name: "strict" } } });

  const { patch, conditions } = decideAccessWorkflow(aWorkflow(), [anAvailability(), elsewhere, another]);

  expect(patch.availabilities).toBe(1);
  expect(conditions).toMatchObject([{ type: "Ready", status: "True", reason: "Accepted" }]);
});

it("names the pattern that is no regular expression", () => {
  const reasonPolicy = { requirement: "Optional" as const, patterns: [{ pattern: "(", message: "" }] };

  const { conditions } = decideAccessWorkflow(aWorkflow({ spec: { reasonPolicy } }), []);

  expect(conditions).toContainEqual(
    expect.objectContaining({ type: "Stalled", status: "True", reason: "InvalidPattern" }),
  );
});
