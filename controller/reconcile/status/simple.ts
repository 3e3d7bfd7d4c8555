import type { ConditionInput } from "#kinds/index.ts";

/** Ready=True. */
export function ready(reason: string, message: string): ConditionInput[] {
  return [{ type: "Ready", status: "True", reason, message }];
}

/** Ready=False, and it will change by itself or with another object. */
export function notReady(reason: string, message: string): ConditionInput[] {
  return [
    { type: "Ready", status: "False", reason, message },
    { type: "Reconciling", status: "True", reason, message },
  ];
}

/** Ready=False until a person changes something. */
export function stalledAt(reason: string, message: string): ConditionInput[] {
  return [
    { type: "Ready", status: "False", reason, message },
    { type: "Stalled", status: "True", reason, message },
  ];
}

/** Ready=False because a person wants it so: neither converging nor failed. */
export function held(reason: string, message: string): ConditionInput[] {
  return [{ type: "Ready", status: "False", reason, message }];
}
