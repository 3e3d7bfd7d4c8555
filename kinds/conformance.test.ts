import { describe, expect, it, test } from "vitest";
import type { Condition } from "./generated/condition.ts";
import { assertConformance, conformanceProblems, type Judged } from "./conformance.ts";
import { takeBroken, watchConformance } from "./conformance-watch.ts";

const time = "2026-01-01T00:00:00Z";
const base = { observedGeneration: 1, lastTransitionTime: time };
const ready: Condition = { ...base, type: "Ready", status: "True", reason: "Fine", message: "" };
const notReady: Condition = { ...ready, status: "False", message: "It is not." };
const reconciling: Condition = { ...base, type: "Reconciling", status: "True", reason: "Fine", message: "" };
const stalled: Condition = { ...reconciling, type: "Stalled" };
const active: Condition = { ...ready, type: "Active" };

function judged(
  conditions: readonly Condition[],
  more: Partial<NonNullable<Judged["status"]>> = {},
  kind = "Proxy",
): Judged {
  return { kind, metadata: { name: "one", generation: 1 }, status: { observedGeneration: 1, conditions, ...more } };
}

describe("what tools rely on", () => {
  it("is kept by an object that nobody looked at, one that is Ready, one that waits and one that is Stalled", () => {
    const objects = [
      { metadata: { name: "new", generation: 1 } },
      judged([ready]),
      judged([{ ...notReady, status: "Unknown" }, reconciling]),
      judged([notReady, reconciling]),
      judged([notReady]),
      judged([notReady, stalled]),
      judged([ready, active], { activationTime: time }, "Grant"),
    ];

    expect(objects.flatMap(conformanceProblems)).toEqual([]);
  });

  const grant = (...conditions: readonly Condition[]): Judged => judged(conditions, {}, "Grant");
  test.for<readonly [string, Judged]>([
    ["has a Ready condition", judged([reconciling])],
    ["stands once", judged([ready, ready])],
    ["only while they are True", judged([ready, { ...reconciling, status: "False" }])],
    ["never there together", judged([notReady, reconciling, stalled])],
    ["Ready is not True while", judged([ready, reconciling])],
    ["Ready is False when Stalled", judged([{ ...notReady, reason: "Other" }, stalled])],
    ["Unknown only while Reconciling", judged([{ ...notReady, status: "Unknown" }])],
    ["yet to come", judged([ready], { observedGeneration: 2 })],
    ["yet to come", judged([notReady, { ...active, observedGeneration: 2 }])],
    ["which generation it is about", judged([notReady, { ...active, observedGeneration: undefined } as never])],
    ["settled for", judged([ready], { observedGeneration: 0 })],
    ["its generation is observed", judged([notReady, stalled], { observedGeneration: 0 })],
    ["one CamelCase word", judged([{ ...notReady, reason: "not_found" }, { ...reconciling }])],
    ["told why", judged([{ ...notReady, message: "" }])],
    ["RFC 3339", judged([{ ...ready, lastTransitionTime: "yesterday" }])],
    ["whether its access is Active", grant(ready)],
    ["only after its activation", grant(ready, active)],
    ["only after its activation", judged([ready, active], { activationTime: time, deprovisionTime: time }, "Grant")],
  ])("is broken: %s", ([promise, object]) => {
    expect(conformanceProblems(object).join()).toContain(promise);
    expect(() => assertConformance(object)).toThrow("one");
  });

  it("is watched without disturbing the test, and asked for afterwards", () => {
    watchConformance(judged([reconciling]));
    watchConformance(judged([ready]));

    expect(takeBroken()).toHaveLength(1);
    expect(takeBroken()).toEqual([]);
  });
});
