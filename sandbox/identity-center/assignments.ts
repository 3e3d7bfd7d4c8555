import type { Context } from "../context.ts";
import { choice, epochSeconds, type Input, optionalText, structure, text } from "../input.ts";
import { page } from "../paging.ts";
import { AwsError, type Operation } from "../service.ts";
import { appliesTo, type Assignment, assignmentKey, type PermissionSet, type State } from "../state.ts";
import { requiredSet, requireInstance } from "./permission-sets.ts";
import { addAssignment, provision, removeAssignment } from "./provisioning.ts";
import type { AsyncKind, AsyncRequest, RequestBook } from "./requests.ts";
import { principalIDRule, requestIDRule, targetIDRule } from "./rules.ts";

/** Operations that assign, unassign and provision. They answer IN_PROGRESS and take effect later. */
export function assignmentOperations(context: Context, book: RequestBook): Record<string, Operation> {
  const { state, random, limits } = context;
  return {
    CreateAccountAssignment(input) {
      const set = requiredSet(state, input);
      const assignment = readAssignment(state, set, input);
      const provisionedCount = [...state.permissionSets.values()].filter((one) =>
        one.provisioned.has(assignment.accountID),
      ).length;
      if (!set.provisioned.has(assignment.accountID) && provisionedCount >= limits.provisionedSetsPerAccountMax) {
        throw new AwsError(
          "ServiceQuotaExceededException",
          `You have exceeded AWS SSO limits. Cannot provision more than ${limits.provisionedSetsPerAccountMax} permission sets in account ${assignment.accountID}.`,
        );
      }
      const request = book.start(workOf("creation", assignment), () => addAssignment(state, random, assignment));
      return { AccountAssignmentCreationStatus: assignmentStatus(request) };
    },
    DeleteAccountAssignment(input) {
      const assignment = readAssignment(state, requiredSet(state, input), input);
      if (!state.assignments.has(assignmentKey(assignment))) {
        throw new AwsError("ResourceNotFoundException", "The assignment was not found.");
      }
      const request = book.start(workOf("deletion", assignment), () => removeAssignment(state, assignment));
      return { AccountAssignmentDeletionStatus: assignmentStatus(request) };
    },
    ProvisionPermissionSet(input) {
      const set = requiredSet(state, input);
      const accountIDs = provisionTargets(state, set, input);
      const work = { kind: "provisioning", accountIDs, permissionSetARN: set.arn, principal: undefined } as const;
      const request = book.start(work, () => {
        for (const accountID of accountIDs) {
          provision(state, random, set, accountID);
        }
      });
      return { PermissionSetProvisioningStatus: provisioningStatus(request) };
    },
    ListAccountAssignments(input) {
      const set = requiredSet(state, input);
      const accountID = text(input, "AccountId", targetIDRule);
      const found = [...state.assignments.values()].filter(
        (one) => one.accountID === accountID && one.permissionSetARN === set.arn,
      );
      const { items, next } = page(found, input);
      return { AccountAssignments: items.map((one) => shape(one)), NextToken: next };
    },
    ListAccountAssignmentsForPrincipal(input) {
      requireInstance(state, input);
      const principalID = text(input, "PrincipalId", principalIDRule);
      const type = choice(input, "PrincipalType", ["USER", "GROUP"]);
      const accountID = optionalText(structure(input, "Filter"), "AccountId", targetIDRule);
      // A user's list holds what reaches the user through groups too; a group's list holds its own.
      const found = [...state.assignments.values()].filter(
        (one) =>
          (accountID === undefined || one.accountID === accountID) &&
          (type === "USER" ? appliesTo(state, one, principalID) : one.principalID === principalID),
      );
      const { items, next } = page(found, input);
      return { AccountAssignments: items.map((one) => shape(one)), NextToken: next };
    },
    ...statusOperations(state, book),
  };
}

function statusOperations(state: State, book: RequestBook): Record<string, Operation> {
  const get = (kind: AsyncKind, input: Input, member: string): AsyncRequest => {
    requireInstance(state, input);
    return book.get(kind, text(input, member, requestIDRule));
  };
  const list = (kind: AsyncKind, input: Input, member: string): Record<string, unknown> => {
    requireInstance(state, input);
    const { items, next } = page(book.list(kind, optionalText(structure(input, "Filter"), "Status")), input);
    const metadata = items.map((one) => ({
      Status: one.status,
      RequestId: one.requestID,
      CreatedDate: epochSeconds(one.createdAt),
    }));
    return { [member]: metadata, NextToken: next };
  };
  return {
    DescribeAccountAssignmentCreationStatus: (input) => ({
      AccountAssignmentCreationStatus: assignmentStatus(get("creation", input, "AccountAssignmentCreationRequestId")),
    }),
    DescribeAccountAssignmentDeletionStatus: (input) => ({
      AccountAssignmentDeletionStatus: assignmentStatus(get("deletion", input, "AccountAssignmentDeletionRequestId")),
    }),
    DescribePermissionSetProvisioningStatus: (input) => ({
      PermissionSetProvisioningStatus: provisioningStatus(
        get("provisioning", input, "ProvisionPermissionSetRequestId"),
      ),
    }),
    ListAccountAssignmentCreationStatus: (input) => list("creation", input, "AccountAssignmentsCreationStatus"),
    ListAccountAssignmentDeletionStatus: (input) => list("deletion", input, "AccountAssignmentsDeletionStatus"),
    ListPermissionSetProvisioningStatus: (input) => list("provisioning", input, "PermissionSetsProvisioningStatus"),
  };
}

function readAssignment(state: State, set: PermissionSet, input: Input): Assignment {
  choice(input, "TargetType", ["AWS_ACCOUNT"]);
  const accountID = text(input, "TargetId", targetIDRule);
  const principalType = choice(input, "PrincipalType", ["USER", "GROUP"]);
  const principalID = text(input, "PrincipalId", principalIDRule);
  if (!state.accounts.has(accountID)) {
    throw new AwsError("ResourceNotFoundException", `Account ${accountID} not found.`);
  }
  const assignment: Assignment = { accountID, permissionSetARN: set.arn, principalType, principalID };
  const principals = principalType === "USER" ? state.people : state.groups;
  // What is assigned to a principal that has been deleted since can still be taken away.
  if (!principals.has(principalID) && !state.assignments.has(assignmentKey(assignment))) {
    throw new AwsError("ResourceNotFoundException", `${principalType} ${principalID} not found.`);
  }
  return assignment;
}

function provisionTargets(state: State, set: PermissionSet, input: Input): string[] {
  const provisioned = [...set.provisioned.keys()];
  if (choice(input, "TargetType", ["AWS_ACCOUNT", "ALL_PROVISIONED_ACCOUNTS"]) === "ALL_PROVISIONED_ACCOUNTS") {
    return provisioned;
  }
  const accountID = text(input, "TargetId", targetIDRule);
  if (!state.accounts.has(accountID) || !provisioned.includes(accountID)) {
    throw new AwsError("ResourceNotFoundException", `The permission set is not provisioned in account ${accountID}.`);
  }
  return [accountID];
}

function workOf(kind: AsyncKind, one: Assignment): Parameters<RequestBook["start"]>[0] {
  const principal = { type: one.principalType, id: one.principalID };
  return { kind, accountIDs: [one.accountID], permissionSetARN: one.permissionSetARN, principal };
}

function shape(one: Assignment): Record<string, unknown> {
  return {
    AccountId: one.accountID,
    PermissionSetArn: one.permissionSetARN,
    PrincipalType: one.principalType,
    PrincipalId: one.principalID,
  };
}

function assignmentStatus(request: AsyncRequest): Record<string, unknown> {
  return {
    Status: request.status,
    RequestId: request.requestID,
    FailureReason: request.failureReason,
    TargetId: request.accountIDs[0],
    TargetType: "AWS_ACCOUNT",
    PermissionSetArn: request.permissionSetARN,
    PrincipalType: request.principal?.type,
    PrincipalId: request.principal?.id,
    CreatedDate: epochSeconds(request.createdAt),
  };
}

function provisioningStatus(request: AsyncRequest): Record<string, unknown> {
  return {
    Status: request.status,
    RequestId: request.requestID,
    AccountId: request.accountIDs.length === 1 ? request.accountIDs[0] : undefined,
    PermissionSetArn: request.permissionSetARN,
    FailureReason: request.failureReason,
    CreatedDate: epochSeconds(request.createdAt),
  };
}
