import type { Outcome } from "../reconciler.ts";
import { runningTasks } from "./input.ts";
import { countTasks, type Observed } from "./readiness.ts";

/** Milliseconds between looks while a deployment goes on. */
export const deployingLookMs = 2_000;
/** Milliseconds between looks while old tasks keep their sessions, which may be two days. */
export const drainingLookMs = 30_000;
/** Milliseconds between looks while no task is linked. A link that comes up asks for a look by itself. */
export const unlinkedLookMs = 15_000;
/** Seconds between looks at a Proxy that has converged and states none. */
export const driftCheckPeriodSecondsDefault = 300;

/** When ECS is looked at again. Pure. */
export function nextLook({ input, isChanging, draining, rollout }: Observed): Outcome {
  const { proxy, now, tasks, service, connected } = input;
  const desiredCount = service?.desiredCount ?? 0;
  const { current, usable } = countTasks(input);
  const older = runningTasks(input).length - current;
  const periodMs = (proxy.spec.driftCheckPeriodSeconds ?? driftCheckPeriodSecondsDefault) * 1_000;
  const isIncomplete = service !== undefined && (current !== desiredCount || older > 0 || hasUnreachable(input));
  const isDraining = draining.size > 0 && usable >= desiredCount;
  const isOver = rollout?.state === "Failed" && current === desiredCount;
  const steadyMs = connected.length === 0 && tasks.length > 0 ? Math.min(unlinkedLookMs, periodMs) : periodMs;
  const ms = isDraining && !isChanging ? Math.min(drainingLookMs, periodMs) : steadyMs;
  const isDeploying = isChanging || (isIncomplete && !isDraining && !isOver);
  const untilMs = now + (isDeploying ? deployingLookMs : ms);
  return { kind: "waiting", untilMs, why: "the next look at ECS", priority: "change" };
}

/** A task whose agent is not up yet will be within seconds. */
function hasUnreachable(input: Observed["input"]): boolean {
  return runningTasks(input).some(({ target }) => target === undefined);
}
