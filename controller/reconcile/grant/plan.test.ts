import { expect, it } from "vitest";
import { aGrant } from "../testing.ts";
import { planGrant } from "./plan.ts";
import { anInput, kindsOf, set } from "./testing.ts";

it("shows every step that the loop would take for a Grant it has never seen", () => {
  expect(kindsOf(planGrant(anInput({ grant: aGrant() })))).toEqual([
    "CreatePermissionSet",
    "PutInlinePolicy",
    "CreateAssignment",
    "AwaitOperation",
    "ReadRole",
    "PutTombstone",
    "Activate",
  ]);
});

it("shows why nothing would happen", () => {
  const decision = planGrant(anInput({ grant: aGrant({ spec: { durationSeconds: 9_000 } }) }));

  expect(decision.actions).toEqual([]);
  expect(set(decision, "Stalled")).toBe("True DurationTooLong");
});
