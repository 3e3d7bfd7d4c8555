import { addAssignment, provision, removeAssignment } from "./identity-center/provisioning.ts";
import { randomFrom } from "./ids.ts";
import type { Sandbox } from "./sandbox.ts";
import type { Assignment, PermissionSet } from "./state.ts";

/** What an administrator may do in the console to a permission set, in one click and at once. Sets are named by their name. */
export interface ByHand {
  /** Takes one person's assignment away, or everybody's; the role goes with the last. */
  unassign(setName: string, principalID?: string): void;
  /** Assigns a set to somebody in an account. */
  assign(setName: string, principalID: string, accountID: string): void;
  /** Removes the set with all its assignments. */
  deleteSet(setName: string): void;
  /** Writes another inline policy and provisions it everywhere. */
  putPolicy(setName: string, policy: object): void;
  /** Removes these tags, or all. */
  untag(setName: string, ...keys: readonly string[]): void;
  /** Makes a set that is nobody's concern, with these tags; its ARN. */
  createSet(setName: string, tags?: Readonly<Record<string, string>>): string;
}

/** The administrator's hands. Events of what they do carry no caller. */
export function byHand({ state, context }: Sandbox): ByHand {
  const { random } = context;
  const setOf = (name: string): PermissionSet => {
    const set = [...state.permissionSets.values()].find((one) => one.name === name);
    if (set === undefined) {
      throw new Error(`the sandbox has no permission set ${name}`);
    }
    return set;
  };
  const assignmentsOf = ({ arn }: PermissionSet): Assignment[] =>
    [...state.assignments.values()].filter(({ permissionSetARN }) => permissionSetARN === arn);
  const unassign = (setName: string, principalID?: string): void => {
    for (const assignment of assignmentsOf(setOf(setName))) {
      if (principalID === undefined || assignment.principalID === principalID) {
        removeAssignment(state, assignment);
      }
    }
  };
  return {
    unassign,
    assign(setName, principalID, accountID) {
      const { arn } = setOf(setName);
      addAssignment(state, random, { accountID, permissionSetARN: arn, principalType: "USER", principalID });
    },
    deleteSet(setName) {
      unassign(setName);
      state.permissionSets.delete(setOf(setName).arn);
    },
    putPolicy(setName, policy) {
      const set = setOf(setName);
      set.inlinePolicy = JSON.stringify(policy);
      set.revision += 1;
      state.events.record({ kind: "policy", arn: set.arn, policy: set.inlinePolicy });
      for (const accountID of set.provisioned.keys()) {
        provision(state, random, set, accountID);
      }
    },
    untag(setName, ...keys) {
      const { arn, tags } = setOf(setName);
      for (const key of keys.length === 0 ? [...tags.keys()] : keys) {
        tags.delete(key);
      }
      state.events.record({ kind: "tagged", arn, tags: Object.fromEntries(tags) });
    },
    createSet(name, tags = {}) {
      const suffix = Buffer.from(randomFrom(`by hand ${name}`)(8)).toString("hex");
      const arn = `arn:aws:sso:::permissionSet/${state.instance.instanceID}/ps-${suffix}`;
      state.permissionSets.set(arn, {
        arn,
        name,
        description: undefined,
        sessionDuration: "PT1H",
        relayState: undefined,
        inlinePolicy: "",
        managedPolicyARNs: new Set(),
        tags: new Map(Object.entries(tags)),
        createdAt: context.clock.now(),
        revision: 1,
        provisioned: new Map(),
      });
      return arn;
    },
  };
}
