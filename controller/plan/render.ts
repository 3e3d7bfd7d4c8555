import { formatKey } from "#kinds/index.ts";
import type { PlanCost } from "./cost.ts";
import type { Change, PlannedStep } from "./plan.ts";

const marks: Readonly<Record<Change, string>> = { add: "+", change: "~", remove: "-", none: "→" };
const words: Readonly<Record<Change, string>> = {
  add: "is added",
  change: "changes",
  remove: "is removed",
  none: "follows from other changes",
};

/** The plan for people: each object with the calls that change AWS, then what all of it costs. */
export function renderPlan(steps: readonly PlannedStep[], cost: PlanCost, warnings: readonly string[]): string {
  if (steps.length === 0) {
    return [...warnings.map(warning), "No changes. What is there is what is wanted."].join("\n");
  }
  const counted = (change: Change): number => steps.filter((step) => step.change === change).length;
  const summary = `Plan: ${counted("add")} to add, ${counted("change")} to change, ${counted("remove")} to remove.`;
  return [...steps.map(renderStep), ...warnings.map(warning), summary, renderCost(cost)].join("\n");
}

function renderStep(step: PlannedStep): string {
  const { key, change, calls, origin, waits, isRefused, becomes } = step;
  const looks = calls.filter(({ mutates }) => !mutates).length;
  const head = `${marks[change]} ${formatKey(key)} ${words[change]}${origin === "" ? "" : ` (${origin})`}`;
  const changes = calls
    .filter(({ mutates }) => mutates)
    .map(({ operation, about }) => `    ${operation}${about === "" ? "" : ` ${about}`}`);
  const rest = looks === 0 ? [] : [`    and ${looks} ${looks === 1 ? "call" : "calls"} that only look`];
  const then = isRefused
    ? [`  ! refused: ${waits ?? ""}`]
    : becomes === undefined
      ? []
      : [`    then ${becomes.reason}${becomes.message === "" ? "" : `: ${becomes.message}`}`];
  return [head, ...changes, ...rest, ...then, ""].join("\n");
}

function renderCost({ calls, changes, identityCenter, secondsMin, roleUpdates }: PlanCost): string {
  const updates = Object.entries(roleUpdates).map(([account, count]) => `${count} in ${account}`);
  return [
    `Calls to AWS: ${calls}, of them ${changes} that change something.`,
    ...(identityCenter === 0
      ? []
      : [`Identity Center: ${identityCenter} calls, at least ${secondsMin.toFixed(1)} s at 20 a second.`]),
    ...(updates.length === 0 ? [] : [`Role updates, one at a time in each account: ${updates.join(", ")}.`]),
  ].join("\n");
}

function warning(text: string): string {
  return `! ${text}\n`;
}
