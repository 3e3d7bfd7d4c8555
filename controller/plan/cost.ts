import { isLimited, type PlannedCall } from "./calls.ts";

/** What a plan costs in calls. */
export interface PlanCost {
  readonly calls: number;
  /** Calls that change something. */
  readonly changes: number;
  /** Calls to Identity Center, which answers 20 a second to all who use it. */
  readonly identityCenter: number;
  /** Seconds that those take at the least. */
  readonly secondsMin: number;
  /** Role updates by account; Identity Center makes one at a time in each. */
  readonly roleUpdates: Readonly<Record<string, number>>;
}

/** "All IAM Identity Center APIs share 20 transactions per second" (IAM Identity Center quotas). */
const identityCenterPerSecond = 20;

/** Adds up the calls. */
export function costOf(calls: readonly PlannedCall[]): PlanCost {
  const identityCenter = calls.filter(({ operation }) => isLimited(operation)).length;
  const roleUpdates: Record<string, number> = {};
  for (const { updatesRoleIn } of calls) {
    if (updatesRoleIn !== undefined) {
      roleUpdates[updatesRoleIn] = (roleUpdates[updatesRoleIn] ?? 0) + 1;
    }
  }
  return {
    calls: calls.length,
    changes: calls.filter(({ mutates }) => mutates).length,
    identityCenter,
    secondsMin: identityCenter / identityCenterPerSecond,
    roleUpdates,
  };
}
