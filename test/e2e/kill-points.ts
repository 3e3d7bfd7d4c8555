import type { FaultEvent } from "#sandbox/faults.ts";
import type { Sandbox } from "#sandbox/sandbox.ts";
import type { Installation } from "../harness/installation.ts";

/** A moment of the controller's work: just before or just after the effect of a mutating call, seen by its place in the order. */
export interface KillPoint {
  /** Place among the mutating calls since it was armed, from 0. */
  readonly index: number;
  readonly operation: string;
  readonly phase: "before" | "after";
}

/** Every operation of a walk, killed before and after its effect. */
export function killPoints(operations: readonly string[]): KillPoint[] {
  return operations.flatMap((operation, index) =>
    (["before", "after"] as const).map((phase) => ({ index, operation, phase })),
  );
}

/** Looks at each call of anybody, in both phases; the sandbox waits for it, so nothing moves meanwhile. */
export type Observer = (event: FaultEvent) => void;

/** Names of the mutating calls that the controller makes from now on, until `stop` is called. */
export function recordMutations(sandbox: Sandbox, observe: Observer): { readonly names: string[]; stop(): void } {
  const names: string[] = [];
  sandbox.faults = (event) => {
    observe(event);
    if (isControllers(event) && event.mutating && event.phase === "before") {
      names.push(event.operation);
    }
    return "pass";
  };
  return { names, stop: () => watchOnly(sandbox, observe) };
}

/** Lets `observe` see every call and changes nothing. */
export function watchOnly(sandbox: Sandbox, observe: Observer): void {
  sandbox.faults = (event) => {
    observe(event);
    return "pass";
  };
}

/** A kill that has been arranged. */
export interface ArrangedKill {
  /** Settles when the next controller serves. Rejects where the point was not reached, or another operation was there. */
  readonly restarted: Promise<void>;
}

/** How long a point may take to be reached; a grant or a revocation takes two or three seconds. */
const reachedWithinMs = 30_000;

/**
 * Arranges that the controller is killed with SIGKILL at `point`, and started again. Its call is never answered: by then it
 * is dead.
 */
export function killAt(installation: Installation, point: KillPoint, observe: Observer): ArrangedKill {
  let index = -1;
  const isThere = (event: FaultEvent): boolean => {
    if (event.mutating && event.phase === "before") {
      index += 1;
    }
    return event.mutating && index === point.index && event.phase === point.phase;
  };
  return killWhen(installation, { isThere, observe, operation: point.operation });
}

/** Arranges a kill at the first call of the controller for which `isThere` holds. */
export function killWhen(
  installation: Installation,
  at: {
    readonly isThere: (event: FaultEvent) => boolean;
    readonly observe: Observer;
    /** The operation that must be there. */
    readonly operation?: string;
    /** How long the controller goes on after that moment, in milliseconds; its call is then answered. Absent: not at all. */
    readonly afterMs?: number;
    /** Done before the next controller starts. */
    readonly whileDown?: () => void;
  },
): ArrangedKill {
  const { sandbox } = installation;
  const reached = Promise.withResolvers<FaultEvent>();
  const tooLate = setTimeout(
    () => reached.reject(new Error("the controller never came to the kill point")),
    reachedWithinMs,
  );
  let isReached = false;
  sandbox.faults = async (event) => {
    at.observe(event);
    if (isReached || !isControllers(event) || !at.isThere(event)) {
      // What was on its way when its sender died is dropped with it.
      return isReached && isControllers(event) && at.afterMs === undefined ? "drop" : "pass";
    }
    isReached = true;
    if (at.afterMs !== undefined) {
      setTimeout(() => void killController(installation).then(() => reached.resolve(event)), at.afterMs);
      return "pass";
    }
    await killController(installation);
    reached.resolve(event);
    return "drop";
  };
  const restarted = async (): Promise<void> => {
    const event = await reached.promise.finally(() => clearTimeout(tooLate));
    watchOnly(sandbox, at.observe);
    at.whileDown?.();
    await installation.startController();
    if (at.operation !== undefined && event.operation !== at.operation) {
      throw new Error(`the call at this place is ${event.operation}, not ${at.operation}`);
    }
  };
  return { restarted: restarted() };
}

/** SIGKILL, and waits until nothing of it runs. */
export async function killController(installation: Installation): Promise<void> {
  const controller = installation.controller();
  controller.kill("SIGKILL");
  await controller.exited;
}

/** Whether the controller made the call, and not a task or a person. */
export function isControllers({ callerARN }: FaultEvent): boolean {
  return callerARN?.endsWith(":user/sallyport-controller") === true;
}
