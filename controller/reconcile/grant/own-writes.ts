import type { Grant } from "#kinds/index.ts";
import type { StepResult } from "./act-env.ts";
import type { Action, AwsObservation } from "./types.ts";

interface Known {
  readonly set: AwsObservation["set"];
  readonly policy: string | undefined;
  readonly assigned: boolean;
  /** What was learned in taking away leaves out the tags, and serves nothing else. */
  readonly isEnding?: boolean;
}

/** What stands in AWS once a set has been deleted. */
const nothing: Known = { set: undefined, policy: undefined, assigned: false, isEnding: true };

/**
 * What AWS holds by its answers to this process: to its writes, and to its last look. While a grant is set up, that spares
 * every look in between; while it is taken away, it remembers what is confirmed. Nothing of it outlives an answer that was lost,
 * nor the process: then AWS is looked at.
 */
export class OwnWrites {
  readonly #byUID = new Map<string, Known>();

  /** What is known of the Grant's set; undefined where AWS must be looked at. */
  seen({ metadata, status }: Grant): AwsObservation | undefined {
    const known = this.#byUID.get(metadata.uid ?? "");
    if (known === undefined || (known.isEnding === true && status?.end === undefined)) {
      // Nothing, or the status has lost the end that it had.
      return undefined;
    }
    const { set, policy, assigned } = known;
    return { set, policy, assigned, role: "notLookedUp" };
  }

  /** AWS was looked at. What it did not show may be there all the same, and is not remembered. */
  looked({ metadata }: Grant, { set, policy, assigned }: AwsObservation): void {
    if (set !== undefined) {
      this.#byUID.set(metadata.uid ?? "", { set, policy, assigned });
    }
  }

  /** A step was performed; `grant` is as it was before. */
  performed(grant: Grant, action: Action, result: StepResult): void {
    const uid = grant.metadata.uid ?? "";
    const known = this.#byUID.get(uid);
    switch (action.kind) {
      case "CreatePermissionSet":
        this.#created(uid, action, result);
        return;
      case "PutInlinePolicy":
        if (known !== undefined) {
          this.#byUID.set(uid, { ...known, policy: action.policy });
        }
        return;
      case "AwaitOperation":
        this.#awaited(grant, known, result);
        return;
      case "DeleteAssignment":
        if (result.patch === undefined) {
          this.#unassigned(grant);
        }
        return;
      case "DeletePermissionSet":
        if (result.refused === undefined && result.wait === undefined) {
          this.#byUID.set(uid, nothing);
        }
        return;
      case "Activate":
      case "RecordDeprovisioned":
      case "Release":
      case "Forget":
        this.#byUID.delete(uid);
        return;
      default:
    }
  }

  /** An answer was lost, or the Grant has ended: nothing is taken for granted. */
  forget({ metadata }: Grant): void {
    this.#byUID.delete(metadata.uid ?? "");
  }

  #created(uid: string, action: Extract<Action, { kind: "CreatePermissionSet" }>, result: StepResult): void {
    const arn = result.patch?.external?.permissionSetARN;
    if (arn === undefined || result.isAdopted === true) {
      this.#byUID.delete(uid);
    } else {
      const { name, tags } = action;
      this.#byUID.set(uid, { set: { arn, name, tags }, policy: undefined, assigned: false });
    }
  }

  #awaited(grant: Grant, known: Known | undefined, { wait, failed }: StepResult): void {
    const operation = grant.status?.external?.operation;
    if (wait !== undefined || failed !== undefined || operation === undefined) {
      return;
    }
    if (operation.kind === "DeleteAssignment") {
      this.#unassigned(grant);
    } else if (known !== undefined && operation.kind === "CreateAssignment") {
      this.#byUID.set(grant.metadata.uid ?? "", { ...known, assigned: true });
    }
  }

  /** The assignment is gone. Whose the set is by its tags is seen when it is deleted. */
  #unassigned({ metadata, status }: Grant): void {
    const { external, grantID = "" } = status ?? {};
    const arn = external?.permissionSetARN;
    const set = arn === undefined ? undefined : { arn, name: grantID, tags: {} };
    this.#byUID.set(metadata.uid ?? "", { set, policy: undefined, assigned: false, isEnding: true });
  }
}
