/**
 * How urgent a queued key is. `revoke`: access must end, before anything else is done. `change`: somebody changed
 * something. `resync`: the first list after a start and the periodic look at everything.
 */
export type Priority = "revoke" | "change" | "resync";

/** All priorities, the most urgent first: the order in which the queue is emptied. */
export const priorities = ["revoke", "change", "resync"] as const satisfies readonly Priority[];

/** The more urgent of two priorities: a key that is already queued is raised, never lowered. */
export function moreUrgent(a: Priority, b: Priority): Priority {
  return priorities.indexOf(a) <= priorities.indexOf(b) ? a : b;
}
