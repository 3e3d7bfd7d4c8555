import { describe, expect, test } from "vitest";
import type { Condition } from "./generated/condition.ts";
import { kstatusOf, type KStatus } from "./kstatus.ts";

function list(...given: readonly (readonly [type: string, status: Condition["status"]])[]): readonly Condition[] {
  return given.map(([type, status]) => ({
    type,
    status,
    lastTransitionTime: "2026-01-01T00:00:00Z",
    reason: "Because",
    message: "",
  }));
}

describe("kstatusOf", () => {
  const settled = { metadata: { generation: 1 } };
  const cases: readonly (readonly [string, Parameters<typeof kstatusOf>[0], KStatus])[] = [
    [
      "being deleted",
      {
        metadata: { generation: 1, deletionTimestamp: "2026-01-01T00:00:00Z" },
        status: { conditions: list(["Ready", "True"]) },
      },
      "Terminating",
    ],
    [
      "generation not yet observed",
      { metadata: { generation: 2 }, status: { observedGeneration: 1, conditions: list(["Ready", "True"]) } },
      "InProgress",
    ],
    ["no status at all", settled, "Current"],
    [
      "first visit",
      { ...settled, status: { conditions: list(["Ready", "Unknown"], ["Reconciling", "True"]) } },
      "InProgress",
    ],
    [
      "reconciling though ready",
      { ...settled, status: { conditions: list(["Ready", "True"], ["Reconciling", "True"]) } },
      "InProgress",
    ],
    ["stalled", { ...settled, status: { conditions: list(["Ready", "False"], ["Stalled", "True"]) } }, "Failed"],
    ["not ready", { ...settled, status: { conditions: list(["Ready", "False"]) } }, "InProgress"],
    ["ready unknown", { ...settled, status: { conditions: list(["Ready", "Unknown"]) } }, "InProgress"],
    ["ready", { ...settled, status: { observedGeneration: 1, conditions: list(["Ready", "True"]) } }, "Current"],
    ["only other conditions", { ...settled, status: { conditions: list(["Active", "False"]) } }, "Current"],
  ];

  test.for(cases)("%s", ([, object, verdict]) => {
    expect(kstatusOf(object)).toBe(verdict);
  });
});
