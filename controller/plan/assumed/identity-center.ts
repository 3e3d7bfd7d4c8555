import {
  AwsFailure,
  type AssignmentRef,
  type IdentityCenterPort,
  type OperationState,
  type PermissionSet,
} from "../../aws/ports.ts";
import type { CallRecorder } from "../calls.ts";

/** A permission set of the assumed AWS. */
interface AssumedSet {
  set: PermissionSet;
  policy: string | undefined;
}

/**
 * The Identity Center that a plan assumes: what is asked for is there at once, and nothing fails. One for all instances, since
 * names of sets are grant IDs. Each method notes the calls that the real port makes (`controller/aws/sso-admin.ts`).
 */
export class AssumedIdentityCenter {
  readonly #calls: CallRecorder;
  readonly #sets = new Map<string, AssumedSet>();
  readonly #assignments = new Map<string, AssignmentRef>();
  #serial = 0;

  constructor(calls: CallRecorder) {
    this.#calls = calls;
  }

  /** Puts a set there without a call: what is known to exist before the plan begins. */
  seed(set: PermissionSet, policy: string, assignment: AssignmentRef): void {
    this.#sets.set(set.arn, { set, policy });
    this.#assignments.set(idOf(assignment), assignment);
  }

  /** Whether Identity Center keeps a role for this set in some account. */
  hasRole(permissionSetName: string): boolean {
    return [...this.#assignments.values()].some(
      ({ permissionSetARN }) => this.#sets.get(permissionSetARN)?.set.name === permissionSetName,
    );
  }

  port(instanceARN: string): IdentityCenterPort {
    return {
      listTagged: async () => [],
      takeTurn() {},
      giveUpTurn() {},
      ...this.#looks(),
      ...this.#setChanges(instanceARN),
      ...this.#assignmentChanges(),
    };
  }

  #looks(): Pick<
    IdentityCenterPort,
    | "getTags"
    | "provisionedIn"
    | "outdatedIn"
    | "accountsOf"
    | "getPermissionSet"
    | "findPermissionSet"
    | "getInlinePolicy"
    | "listAssignments"
  > {
    const calls = this.#calls;
    return {
      getTags: async (arn) => {
        calls.look("sso:ListTagsForResource");
        return this.#sets.get(arn)?.set.tags;
      },
      provisionedIn: async (accountID) => {
        calls.look("sso:ListPermissionSetsProvisionedToAccount");
        const all = [...this.#assignments.values()].filter((known) => known.accountID === accountID);
        return new Set(all.map(({ permissionSetARN }) => permissionSetARN));
      },
      outdatedIn: async () => {
        calls.look("sso:ListPermissionSetsProvisionedToAccount");
        return new Set();
      },
      accountsOf: async (arn) => {
        calls.look("sso:ListAccountsForProvisionedPermissionSet");
        return [...this.#assignments.values()].flatMap(({ permissionSetARN, accountID }) =>
          permissionSetARN === arn ? [accountID] : [],
        );
      },
      getPermissionSet: async (arn) => {
        calls.look("sso:DescribePermissionSet");
        calls.look("sso:ListTagsForResource");
        return this.#sets.get(arn)?.set;
      },
      findPermissionSet: async (name) => {
        calls.look("sso:ListPermissionSets");
        return [...this.#sets.values()].find(({ set }) => set.name === name)?.set;
      },
      getInlinePolicy: async (arn) => {
        calls.look("sso:GetInlinePolicyForPermissionSet");
        return this.#sets.get(arn)?.policy;
      },
      listAssignments: async (arn, accountID) => {
        calls.look("sso:ListAccountAssignments");
        return [...this.#assignments.values()]
          .filter((known) => known.permissionSetARN === arn && known.accountID === accountID)
          .map(({ principalID }) => ({ principalID, principalType: "USER" as const }));
      },
    };
  }

  #setChanges(
    instanceARN: string,
  ): Pick<IdentityCenterPort, "createPermissionSet" | "tagPermissionSet" | "putInlinePolicy" | "deletePermissionSet"> {
    const calls = this.#calls;
    return {
      createPermissionSet: async ({ name, tags }) => {
        calls.change("sso:CreatePermissionSet", name);
        if ([...this.#sets.values()].some(({ set }) => set.name === name)) {
          throw new AwsFailure("conflict", "ConflictException", "sso:CreatePermissionSet", `${name} exists`);
        }
        const arn = `${instanceARN.replace(":instance/", ":permissionSet/")}/ps-${name.slice(-16)}`;
        const set = { arn, name, tags };
        this.#sets.set(arn, { set, policy: undefined });
        return set;
      },
      tagPermissionSet: async (arn, tags) => {
        calls.change("sso:TagResource", this.#nameOf(arn));
        const known = this.#sets.get(arn);
        if (known !== undefined) {
          known.set = { ...known.set, tags: { ...known.set.tags, ...tags } };
        }
      },
      putInlinePolicy: async (arn, policy) => {
        calls.change("sso:PutInlinePolicyToPermissionSet", this.#nameOf(arn));
        const known = this.#sets.get(arn);
        if (known !== undefined) {
          known.policy = policy;
        }
      },
      deletePermissionSet: async (arn) => {
        calls.change("sso:DeletePermissionSet", this.#nameOf(arn));
        this.#sets.delete(arn);
      },
    };
  }

  #assignmentChanges(): Pick<
    IdentityCenterPort,
    "createAssignment" | "assignmentCreation" | "deleteAssignment" | "assignmentDeletion" | "provision" | "provisioning"
  > {
    const calls = this.#calls;
    return {
      createAssignment: async (assignment) => {
        calls.change("sso:CreateAccountAssignment", `in ${assignment.accountID}`, assignment.accountID);
        this.#assignments.set(idOf(assignment), assignment);
        return this.#begun();
      },
      assignmentCreation: async (id) => this.#ended(id, "sso:DescribeAccountAssignmentCreationStatus"),
      deleteAssignment: async (assignment) => {
        calls.change("sso:DeleteAccountAssignment", `in ${assignment.accountID}`, assignment.accountID);
        this.#assignments.delete(idOf(assignment));
        return this.#begun();
      },
      assignmentDeletion: async (id) => this.#ended(id, "sso:DescribeAccountAssignmentDeletionStatus"),
      provision: async (arn, accountID) => {
        calls.change("sso:ProvisionPermissionSet", `${this.#nameOf(arn)} in ${accountID}`, accountID);
        return this.#begun();
      },
      provisioning: async (id) => this.#ended(id, "sso:DescribePermissionSetProvisioningStatus"),
    };
  }

  #nameOf(arn: string): string {
    return this.#sets.get(arn)?.set.name ?? arn;
  }

  #begun(): OperationState {
    this.#serial += 1;
    return { requestID: `assumed-${this.#serial}`, status: "IN_PROGRESS" };
  }

  #ended(requestID: string, call: string): OperationState {
    this.#calls.look(call);
    return { requestID, status: "SUCCEEDED" };
  }
}

function idOf({ permissionSetARN, accountID, principalID }: AssignmentRef): string {
  return [permissionSetARN, accountID, principalID].join(" ");
}
