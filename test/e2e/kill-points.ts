import type { FaultEvent } from "#sandbox/faults.ts";
import type { Sandbox } from "#sandbox/sandbox.ts";
import type { Installation } from "../harness/installation.ts";

/** A moment of the controller's work: just before or just after the effect of a mutating call, of which a walk makes one. */
export interface KillPoint {
  readonly operation: string;
  readonly phase: "before" | "after";
}

/** Every operation of a walk, killed before and after its effect. */
export function killPoints(operations: readonly string[]): KillPoint[] {
  return operations.flatMap((operation) => (["before", "after"] as const).map((phase) => ({ operation, phase })));
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
  /** Settles when the next controller serves. Rejects where the point was not reached. */
  readonly restarted: Promise<void>;
}

/** How long a point may take to be reached; a grant or a revocation takes two or three seconds. */
const reachedWithinMs = 30_000;

/**
 * Arranges that the controller is killed with SIGKILL at `point`, and started again. Its call is never answered: by then it
 * is dead.
 */
export function killAt(installation: Installation, point: KillPoint, observe: Observer): ArrangedKill {
  const isThere = (event: FaultEvent): boolean =>
    event.mutating && event.operation === point.operation && event.phase === point.phase;
  return killWhen(installation, { isThere, observe });
}

/** Arranges a kill at the first call of the controller for which `isThere` holds. */
export function killWhen(
  installation: Installation,
  at: {
    readonly isThere: (event: FaultEvent) => boolean;
    readonly observe: Observer;
    /** How long the controller goes on after that moment, in milliseconds; its call is then answered. Absent: not at all. */
    readonly afterMs?: number;
    /** Done before the next controller starts. */
    readonly whileDown?: () => void;
  },
): ArrangedKill {
  const { sandbox } = installation;
  const reached = Promise.withResolvers<void>();
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
      setTimeout(() => void killController(installation).then(() => reached.resolve()), at.afterMs);
      return "pass";
    }
    await killController(installation);
    reached.resolve();
    return "drop";
  };
  const restarted = async (): Promise<void> => {
    await reached.promise.finally(() => clearTimeout(tooLate));
    watchOnly(sandbox, at.observe);
    at.whileDown?.();
    await installation.startController();
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
