import { hex, type Random } from "../ids.ts";
import { reservedPath } from "../roles.ts";
import { AwsError, type PolicyDocument } from "../service.ts";
import { type Assignment, assignmentKey, type PermissionSet, type State } from "../state.ts";
import { sessionSeconds } from "./rules.ts";

/** AWS's managed policy that allows everything; the only one whose content the sandbox knows. */
export const administratorAccessARN = "arn:aws:iam::aws:policy/AdministratorAccess";

/**
 * Writes a permission set into an account as an IAM role, as it is now. The role is made when there is none: then it has a
 * fresh ID and a fresh suffix, as AWS gives a role that was removed and provisioned again.
 */
export function provision(state: State, random: Random, set: PermissionSet, accountID: string): void {
  const seconds = sessionSeconds(set.sessionDuration) ?? 3600;
  const known = set.provisioned.get(accountID);
  const role =
    (known === undefined ? undefined : state.roles.byID(known.roleID)) ??
    state.roles.create({
      accountID,
      roleName: `AWSReservedSSO_${set.name}_${hex(random, 8)}`,
      path: rolePath(state.region),
      permissions: [],
      description: set.description ?? "",
      maxSessionSeconds: 43_200,
      permissionSetARN: set.arn,
      trust: trustOf(accountID),
    });
  role.permissions = permissionsOf(set);
  set.provisioned.set(accountID, { roleID: role.roleID, revision: set.revision, sessionSeconds: seconds });
}

/** Puts an assignment in force; the set is provisioned when the account does not have it yet. */
export function addAssignment(state: State, random: Random, assignment: Assignment): void {
  const set = state.permissionSets.get(assignment.permissionSetARN);
  if (set === undefined) {
    throw new AwsError("ResourceNotFoundException", "The permission set is gone.");
  }
  if (!set.provisioned.has(assignment.accountID)) {
    provision(state, random, set, assignment.accountID);
  }
  state.assignments.set(assignmentKey(assignment), assignment);
}

/** Takes an assignment away. With the last one in an account the role goes too; credentials that it issued stay valid but may do nothing. */
export function removeAssignment(state: State, assignment: Assignment): void {
  state.assignments.delete(assignmentKey(assignment));
  const { accountID, permissionSetARN } = assignment;
  const stillUsed = [...state.assignments.values()].some(
    (one) => one.accountID === accountID && one.permissionSetARN === permissionSetARN,
  );
  const set = state.permissionSets.get(permissionSetARN);
  const provisioned = set?.provisioned.get(accountID);
  if (stillUsed || set === undefined || provisioned === undefined) {
    return;
  }
  state.roles.remove(provisioned.roleID);
  set.provisioned.delete(accountID);
}

/** Roles of an instance outside us-east-1 have the region in their path. */
function rolePath(region: string): string {
  return region === "us-east-1" ? reservedPath : `${reservedPath}${region}/`;
}

function permissionsOf(set: PermissionSet): "administrator" | readonly PolicyDocument[] {
  if (set.managedPolicyARNs.has(administratorAccessARN)) {
    return "administrator";
  }
  return set.inlinePolicy === "" ? [] : [JSON.parse(set.inlinePolicy) as PolicyDocument];
}

function trustOf(accountID: string): PolicyDocument {
  return {
    Version: "2012-10-17",
    Statement: {
      Effect: "Allow",
      Principal: { Federated: `arn:aws:iam::${accountID}:saml-provider/AWSSSO_0123456789abcdef_DO_NOT_DELETE` },
      Action: ["sts:AssumeRoleWithSAML", "sts:TagSession"],
      Condition: { StringEquals: { "SAML:aud": "https://signin.aws.amazon.com/saml" } },
    },
  };
}
