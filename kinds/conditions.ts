import type { Condition } from "./generated/condition.ts";

/** What a caller says of a condition; the rest is bookkeeping. */
export type ConditionInput = Pick<Condition, "type" | "status" | "reason" | "message">;

/** Abnormal-true conditions (kstatus): they are there only while they are True. */
const abnormalTrue: readonly string[] = ["Reconciling", "Stalled"];

/** Characters of a condition's message (Kubernetes, metav1.Condition). A longer one, such as AWS may send, would keep the status from being written. */
export const conditionMessageMax = 32_768;

/**
 * The list with one condition set. A message is cut to `conditionMessageMax`. `lastTransitionTime` moves when the status changes and only then; the generation is always
 * the given one. Reconciling and Stalled are removed when set to anything but True, and setting one to True removes the
 * other, so that a reader never sees both.
 * @param generation metadata.generation that the condition was computed from
 * @param now milliseconds since the epoch
 */
export function setCondition(
  conditions: readonly Condition[] | undefined,
  input: ConditionInput,
  generation: number,
  now: number,
): readonly Condition[] {
  const list = conditions ?? [];
  const isAbnormal = abnormalTrue.includes(input.type);
  if (isAbnormal && input.status !== "True") {
    return list.filter(({ type }) => type !== input.type);
  }
  const previous = getCondition(list, input.type);
  const lastTransitionTime =
    previous?.status === input.status ? previous.lastTransitionTime : new Date(now).toISOString();
  const { type, status, reason } = input;
  const message = input.message.slice(0, conditionMessageMax).toWellFormed();
  const next: Condition = { type, status, observedGeneration: generation, lastTransitionTime, reason, message };
  if (previous !== undefined) {
    return withoutOpposite(list, input.type, isAbnormal).map((condition) =>
      condition.type === type ? next : condition,
    );
  }
  return [...withoutOpposite(list, input.type, isAbnormal), next];
}

/** The condition of that type, undefined where it is not there. */
export function getCondition(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** Whether the condition is there and True. */
export function isTrue(conditions: readonly Condition[] | undefined, type: string): boolean {
  return getCondition(conditions, type)?.status === "True";
}

function withoutOpposite(list: readonly Condition[], type: string, isAbnormal: boolean): readonly Condition[] {
  return isAbnormal
    ? list.filter((condition) => condition.type === type || !abnormalTrue.includes(condition.type))
    : list;
}
