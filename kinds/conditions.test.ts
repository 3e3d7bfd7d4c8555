import { describe, expect, test } from "vitest";
import { getCondition, isTrue, setCondition, type ConditionInput } from "./conditions.ts";
import type { Condition } from "./generated/condition.ts";
import { kstatusOf, type KStatus } from "./kstatus.ts";

const start = Date.UTC(2026, 0, 1);
const later = start + 60_000;

function input(type: string, status: Condition["status"], reason = "Because"): ConditionInput {
  return { type, status, reason, message: "" };
}

function list(...inputs: readonly ConditionInput[]): readonly Condition[] {
  return inputs.reduce<readonly Condition[]>((conditions, each) => setCondition(conditions, each, 1, start), []);
}

describe("setCondition", () => {
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

describe("kstatusOf", () => {
  const settled = { metadata: { generation: 1 } };
  const cases: readonly (readonly [string, Parameters<typeof kstatusOf>[0], KStatus])[] = [
    [
      "being deleted",
      {
        metadata: { generation: 1, deletionTimestamp: "2026-01-01T00:00:00Z" },
        status: { conditions: list(input("Ready", "True")) },
      },
      "Terminating",
    ],
    [
      "generation not yet observed",
      { metadata: { generation: 2 }, status: { observedGeneration: 1, conditions: list(input("Ready", "True")) } },
      "InProgress",
    ],
    ["no status at all", settled, "Current"],
    [
      "first visit",
      { ...settled, status: { conditions: list(input("Ready", "Unknown"), input("Reconciling", "True")) } },
      "InProgress",
    ],
    [
      "reconciling though ready",
      { ...settled, status: { conditions: list(input("Ready", "True"), input("Reconciling", "True")) } },
      "InProgress",
    ],
    [
      "stalled",
      { ...settled, status: { conditions: list(input("Ready", "False"), input("Stalled", "True")) } },
      "Failed",
    ],
    ["not ready", { ...settled, status: { conditions: list(input("Ready", "False")) } }, "InProgress"],
    ["ready unknown", { ...settled, status: { conditions: list(input("Ready", "Unknown")) } }, "InProgress"],
    ["ready", { ...settled, status: { observedGeneration: 1, conditions: list(input("Ready", "True")) } }, "Current"],
    ["only other conditions", { ...settled, status: { conditions: list(input("Active", "False")) } }, "Current"],
  ];

  test.for(cases)("%s", ([, object, verdict]) => {
    expect(kstatusOf(object)).toBe(verdict);
  });
});
