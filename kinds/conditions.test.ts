import { describe, expect, test } from "vitest";
import { conditionMessageMax, getCondition, isTrue, setCondition, type ConditionInput } from "./conditions.ts";
import type { Condition } from "./generated/condition.ts";

const start = Date.UTC(2026, 0, 1);
const later = start + 60_000;

function input(type: string, status: Condition["status"], reason = "Because"): ConditionInput {
  return { type, status, reason, message: "" };
}

function list(...inputs: readonly ConditionInput[]): readonly Condition[] {
  return inputs.reduce<readonly Condition[]>((conditions, each) => setCondition(conditions, each, 1, start), []);
}

describe("setCondition", () => {
  test("cuts a message that the API server would refuse, and leaves no half character", () => {
    const message = `${"x".repeat(conditionMessageMax - 1)}\u{1F600}`;

    const [ready] = setCondition(undefined, { ...input("Ready", "False"), message }, 1, start);

    expect(ready?.message).toBe(`${"x".repeat(conditionMessageMax - 1)}\uFFFD`);
  });

  test("adds a condition with its generation and time", () => {
    expect(setCondition(undefined, input("Ready", "Unknown", "Progressing"), 2, start)).toEqual([
      {
        type: "Ready",
        status: "Unknown",
        observedGeneration: 2,
        lastTransitionTime: "2026-01-01T00:00:00.000Z",
        reason: "Progressing",
        message: "",
      },
    ]);
  });

  test("moves lastTransitionTime when the status changes, and only then", () => {
    const before = list(input("Ready", "False", "Provisioning"));

    const sameStatus = getCondition(setCondition(before, input("Ready", "False", "Revoking"), 2, later), "Ready");
    const otherStatus = getCondition(setCondition(before, input("Ready", "True", "Active"), 2, later), "Ready");

    expect(sameStatus).toMatchObject({
      reason: "Revoking",
      observedGeneration: 2,
      lastTransitionTime: "2026-01-01T00:00:00.000Z",
    });
    expect(otherStatus).toMatchObject({ reason: "Active", lastTransitionTime: "2026-01-01T00:01:00.000Z" });
  });

  test("keeps the other conditions and their order, and leaves the given list as it was", () => {
    const before = list(input("Ready", "False"), input("Active", "False"));
    const copy = structuredClone(before);

    const after = setCondition(before, input("Ready", "True"), 1, later);

    expect(after.map(({ type }) => type)).toEqual(["Ready", "Active"]);
    expect(before).toEqual(copy);
  });

  test("keeps Reconciling and Stalled only while they are True, and never both", () => {
    const reconciling = list(input("Reconciling", "True"));

    const stalled = setCondition(reconciling, input("Stalled", "True"), 1, later);

    expect(stalled.map(({ type }) => type)).toEqual(["Stalled"]);
    expect(setCondition(stalled, input("Stalled", "False"), 1, later)).toEqual([]);
    expect(setCondition([], input("Reconciling", "Unknown"), 1, later)).toEqual([]);
    expect(isTrue(setCondition(stalled, input("Reconciling", "True"), 1, later), "Stalled")).toBe(false);
  });
});
