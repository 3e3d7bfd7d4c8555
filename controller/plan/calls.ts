/** One call to AWS that a plan foresees. */
export interface PlannedCall {
  /** `service:Operation`, as IAM policies name it. */
  readonly operation: string;
  /** What it is about, for people; empty where the operation says it all. */
  readonly about: string;
  /** Whether it changes anything; the others only look. */
  readonly mutates: boolean;
  /** The account whose roles Identity Center updates for it: one update at a time in each. */
  readonly updatesRoleIn?: string;
}

/** Takes down calls as the assumed AWS gets them. */
export class CallRecorder {
  #calls: PlannedCall[] = [];

  look(operation: string, about = ""): void {
    this.#calls.push({ operation, about, mutates: false });
  }

  change(operation: string, about = "", updatesRoleIn?: string): void {
    this.#calls.push({
      operation,
      about,
      mutates: true,
      ...(updatesRoleIn === undefined ? {} : { updatesRoleIn }),
    });
  }

  /** The calls since the last time. */
  take(): readonly PlannedCall[] {
    const taken = this.#calls;
    this.#calls = [];
    return taken;
  }
}

/** Whether calls of this operation share Identity Center's limit of 20 a second (IAM Identity Center quotas). */
export function isLimited(operation: string): boolean {
  return operation.startsWith("sso:");
}
