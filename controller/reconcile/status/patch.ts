import { setCondition, type Condition, type ConditionInput } from "#kinds/index.ts";
import type { EpochMs } from "#lib/clock.ts";

/** What a status may be changed to; undefined removes the field. */
export type Patch<Status> = { readonly [Field in keyof Status]?: Status[Field] | undefined };

/** Conditions that stand only while a decision names them; the others stay as they were. */
const transient: readonly string[] = ["Reconciling", "Stalled"];

/**
 * `previous` with every condition of `wanted` set, and without Reconciling or Stalled unless `wanted` names them: the two
 * are there only while they are True, and never both (operators.md 1.4, kstatus).
 */
export function withConditions(
  previous: readonly Condition[] | undefined,
  wanted: readonly ConditionInput[],
  generation: number,
  now: EpochMs,
): readonly Condition[] {
  let list = (previous ?? []).filter(
    ({ type }) => !transient.includes(type) || wanted.some((condition) => condition.type === type),
  );
  for (const condition of wanted) {
    list = [...setCondition(list, condition, generation, now)];
  }
  return list;
}

/** `status` with the patch applied. Fields that the patch does not name stay, so that two writers do not undo each other. */
export function applyPatch<Status extends object>(status: Status, patch: Patch<Status>): Status {
  const next: Record<string, unknown> = { ...status, ...patch };
  for (const [field, value] of Object.entries(patch)) {
    if (value === undefined) {
      delete next[field];
    }
  }
  return next as Status;
}
