import type { Grant } from "#kinds/index.ts";
import { isFailure } from "../../aws/errors.ts";
import type { AwsPorts, IdentityCenterPort, RoleUpdate } from "../../aws/ports.ts";
import { phaseOf } from "./phase.ts";
import type { Action } from "./types.ts";

interface Place {
  readonly update: RoleUpdate;
  isTaken: boolean;
}

/**
 * The Grants that wait for their account's turn. Whoever waits asks the lock alone: looking at AWS at each try would use up
 * the calls that all share, and two hundred grants at once would hold each other up.
 */
export class Turns {
  readonly #ports: AwsPorts;
  readonly #byUID = new Map<string, Place>();

  constructor(ports: AwsPorts) {
    this.#ports = ports;
  }

  /** The action found the account busy. Actions that update no role are ignored. */
  note(grant: Grant, action: Action, wake: () => void): void {
    const permissionSetARN = grant.status?.external?.permissionSetARN;
    if (permissionSetARN !== undefined && isUpdate(action)) {
      const update = { kind: action.kind, permissionSetARN, accountID: action.accountID };
      this.#byUID.set(uidOf(grant), { update, isTaken: false });
      // Joins the line with a way to be woken; it may also be its turn by now.
      if (this.#isTurn(grant, update, wake)) {
        wake();
      }
    }
  }

  /** Whether the Grant must go on waiting. `mustEnd`: it gives nothing any more, so only a revocation keeps its place. */
  isWaiting(grant: Grant, mustEnd: boolean, wake: () => void): boolean {
    const place = this.#byUID.get(uidOf(grant));
    if (place === undefined) {
      return false;
    }
    const isRevoking = phaseOf(grant) === "Revoking";
    // An operation of its own comes first: it may be what holds the turn.
    const hasOperation = grant.status?.external?.operation !== undefined;
    if ((place.update.kind === "DeleteAssignment") !== isRevoking || (mustEnd && !isRevoking) || hasOperation) {
      this.#byUID.delete(uidOf(grant));
      this.#center(grant)?.giveUpTurn(place.update);
      return false;
    }
    place.isTaken = this.#isTurn(grant, place.update, wake);
    return !place.isTaken;
  }

  /** The update was started: the turn is its operation's now. */
  started(grant: Grant, action: Action): void {
    if (isUpdate(action)) {
      this.#byUID.delete(uidOf(grant));
    }
  }

  /** The run is over: a turn that was taken and not used is the next one's. */
  settle(grant: Grant): void {
    const place = this.#byUID.get(uidOf(grant));
    if (place?.isTaken === true) {
      this.#byUID.delete(uidOf(grant));
      this.#center(grant)?.giveUpTurn(place.update);
    }
  }

  #isTurn(grant: Grant, update: RoleUpdate, wake: () => void): boolean {
    try {
      this.#center(grant)?.takeTurn(update, wake);
      return true;
    } catch (thrown) {
      if (isFailure(thrown, "busy")) {
        return false;
      }
      throw thrown;
    }
  }

  #center({ status }: Grant): IdentityCenterPort | undefined {
    const external = status?.external;
    const urgency = status?.end === undefined ? "change" : "revoke";
    return external === undefined ? undefined : this.#ports.identityCenter({ ...external, urgency });
  }
}

function isUpdate(
  action: Action,
): action is Extract<Action, { kind: "CreateAssignment" | "DeleteAssignment" | "Provision" }> {
  return action.kind === "CreateAssignment" || action.kind === "DeleteAssignment" || action.kind === "Provision";
}

function uidOf({ metadata }: Grant): string {
  return metadata.uid ?? "";
}
