import {
  CreateAccountAssignmentCommand,
  CreatePermissionSetCommand,
  DeleteAccountAssignmentCommand,
  DeletePermissionSetCommand,
  DescribeAccountAssignmentCreationStatusCommand,
  DescribeAccountAssignmentDeletionStatusCommand,
  DescribePermissionSetProvisioningStatusCommand,
  GetInlinePolicyForPermissionSetCommand,
  ListAccountAssignmentsCommand,
  ProvisionPermissionSetCommand,
  PutInlinePolicyToPermissionSetCommand,
  TagResourceCommand,
} from "@aws-sdk/client-sso-admin";
import { malformedAnswer } from "./errors.ts";
import type { AssignmentRef, IdentityCenterPort, OperationState, RoleUpdate } from "./ports.ts";
import { pages } from "./paging.ts";
import { findCalls, readSet, tagsOf } from "./sso-admin-find.ts";
import { type IdentityCenterParts, limited, limitedInTurn, limitedOptional } from "./sso-admin-parts.ts";
import { toTagList } from "./tags.ts";

/** The port over one SSO Admin client. */
export function identityCenterPort(parts: IdentityCenterParts): IdentityCenterPort {
  return {
    ...findCalls(parts),
    ...permissionSetCalls(parts),
    ...assignmentCalls(parts),
    ...provisioningCalls(parts),
    takeTurn: (update, wake) => parts.lock.take(update.accountID, ticketOf(update), parts.urgency, wake),
    giveUpTurn: (update) => parts.lock.release(update.accountID, ticketOf(update)),
  };
}

type PermissionSetCalls = Pick<
  IdentityCenterPort,
  | "getTags"
  | "getPermissionSet"
  | "createPermissionSet"
  | "tagPermissionSet"
  | "getInlinePolicy"
  | "putInlinePolicy"
  | "deletePermissionSet"
>;

function permissionSetCalls(parts: IdentityCenterParts): PermissionSetCalls {
  const { client, names } = parts;
  const InstanceArn = parts.instanceARN;
  return {
    getTags: (arn) => tagsOf(parts, arn),
    async getPermissionSet(arn) {
      // Described every time: the remembered name would hide that the set is gone.
      names.delete(arn);
      return readSet(parts, arn);
    },
    async createPermissionSet(set) {
      const answer = await limited(parts, "CreatePermissionSet", () =>
        client.send(
          new CreatePermissionSetCommand({
            InstanceArn,
            Name: set.name,
            Description: set.description,
            SessionDuration: set.sessionDuration,
            Tags: toTagList(set.tags),
          }),
        ),
      );
      const arn = answer.PermissionSet?.PermissionSetArn;
      if (arn === undefined) {
        throw malformedAnswer("sso:CreatePermissionSet", "PermissionSetArn");
      }
      names.set(arn, set.name);
      return { arn, name: set.name, tags: set.tags };
    },
    async tagPermissionSet(arn, tags) {
      await limited(parts, "TagResource", () =>
        client.send(new TagResourceCommand({ InstanceArn, ResourceArn: arn, Tags: toTagList(tags) })),
      );
    },
    async getInlinePolicy(PermissionSetArn) {
      const answer = await limited(parts, "GetInlinePolicyForPermissionSet", () =>
        client.send(new GetInlinePolicyForPermissionSetCommand({ InstanceArn, PermissionSetArn })),
      );
      return answer.InlinePolicy === "" ? undefined : answer.InlinePolicy;
    },
    async putInlinePolicy(PermissionSetArn, InlinePolicy) {
      await limited(parts, "PutInlinePolicyToPermissionSet", () =>
        client.send(new PutInlinePolicyToPermissionSetCommand({ InstanceArn, PermissionSetArn, InlinePolicy })),
      );
    },
    async deletePermissionSet(PermissionSetArn) {
      await limitedOptional(parts, "DeletePermissionSet", () =>
        client.send(new DeletePermissionSetCommand({ InstanceArn, PermissionSetArn })),
      );
      names.delete(PermissionSetArn);
    },
  };
}

type AssignmentCalls = Pick<
  IdentityCenterPort,
  "listAssignments" | "createAssignment" | "assignmentCreation" | "deleteAssignment" | "assignmentDeletion"
>;

function assignmentCalls(parts: IdentityCenterParts): AssignmentCalls {
  const { client } = parts;
  const InstanceArn = parts.instanceARN;
  return {
    async listAssignments(PermissionSetArn, AccountId) {
      const all = await pages(async (NextToken) => {
        const answer = await limitedOptional(parts, "ListAccountAssignments", () =>
          client.send(
            new ListAccountAssignmentsCommand({
              InstanceArn,
              PermissionSetArn,
              AccountId,
              MaxResults: 100,
              ...NextToken,
            }),
          ),
        );
        return { items: answer?.AccountAssignments ?? [], next: answer?.NextToken };
      });
      return all.flatMap(({ PrincipalId, PrincipalType }) =>
        PrincipalId === undefined || PrincipalType === undefined
          ? []
          : [{ principalID: PrincipalId, principalType: PrincipalType }],
      );
    },
    createAssignment: (assignment) =>
      underLock(parts, { ...assignment, kind: "CreateAssignment" }, async () => {
        const answer = await limitedInTurn(parts, "CreateAccountAssignment", () =>
          client.send(new CreateAccountAssignmentCommand({ InstanceArn, ...assignmentInput(assignment) })),
        );
        return operationOf("CreateAccountAssignment", answer.AccountAssignmentCreationStatus);
      }),
    assignmentCreation: (requestID) =>
      polled(parts, requestID, async () => {
        const answer = await limitedInTurn(parts, "DescribeAccountAssignmentCreationStatus", () =>
          client.send(
            new DescribeAccountAssignmentCreationStatusCommand({
              InstanceArn,
              AccountAssignmentCreationRequestId: requestID,
            }),
          ),
        );
        return operationOf("DescribeAccountAssignmentCreationStatus", answer.AccountAssignmentCreationStatus);
      }),
    deleteAssignment: (assignment) =>
      underLock(parts, { ...assignment, kind: "DeleteAssignment" }, async () => {
        const answer = await limitedInTurn(parts, "DeleteAccountAssignment", () =>
          client.send(new DeleteAccountAssignmentCommand({ InstanceArn, ...assignmentInput(assignment) })),
        );
        return operationOf("DeleteAccountAssignment", answer.AccountAssignmentDeletionStatus);
      }),
    assignmentDeletion: (requestID) =>
      polled(parts, requestID, async () => {
        const answer = await limitedInTurn(parts, "DescribeAccountAssignmentDeletionStatus", () =>
          client.send(
            new DescribeAccountAssignmentDeletionStatusCommand({
              InstanceArn,
              AccountAssignmentDeletionRequestId: requestID,
            }),
          ),
        );
        return operationOf("DescribeAccountAssignmentDeletionStatus", answer.AccountAssignmentDeletionStatus);
      }),
  };
}

function provisioningCalls(parts: IdentityCenterParts): Pick<IdentityCenterPort, "provision" | "provisioning"> {
  const { client } = parts;
  const InstanceArn = parts.instanceARN;
  return {
    provision: (PermissionSetArn, accountID) =>
      underLock(parts, { kind: "Provision", permissionSetARN: PermissionSetArn, accountID }, async () => {
        const answer = await limitedInTurn(parts, "ProvisionPermissionSet", () =>
          client.send(
            new ProvisionPermissionSetCommand({
              InstanceArn,
              PermissionSetArn,
              TargetType: "AWS_ACCOUNT",
              TargetId: accountID,
            }),
          ),
        );
        return operationOf("ProvisionPermissionSet", answer.PermissionSetProvisioningStatus);
      }),
    provisioning: (requestID) =>
      polled(parts, requestID, async () => {
        const answer = await limitedInTurn(parts, "DescribePermissionSetProvisioningStatus", () =>
          client.send(
            new DescribePermissionSetProvisioningStatusCommand({
              InstanceArn,
              ProvisionPermissionSetRequestId: requestID,
            }),
          ),
        );
        return operationOf("DescribePermissionSetProvisioningStatus", answer.PermissionSetProvisioningStatus);
      }),
  };
}

/** Starts an operation in the account's turn. The turn stays taken until the operation was seen to end. */
async function underLock(
  parts: IdentityCenterParts,
  update: RoleUpdate,
  start: () => Promise<OperationState>,
): Promise<OperationState> {
  const { accountID } = update;
  const ticket = ticketOf(update);
  parts.lock.take(accountID, ticket, parts.urgency);
  let state: OperationState;
  try {
    state = await start();
  } catch (failure) {
    parts.lock.release(accountID, ticket);
    throw failure;
  }
  if (state.status === "IN_PROGRESS") {
    parts.lock.started(accountID, ticket, state.requestID);
  } else {
    parts.lock.release(accountID, ticket);
  }
  return state;
}

function ticketOf({ kind, permissionSetARN }: RoleUpdate): string {
  return `${kind} ${permissionSetARN}`;
}

async function polled(
  parts: IdentityCenterParts,
  requestID: string,
  read: () => Promise<OperationState>,
): Promise<OperationState> {
  const state = await read();
  if (state.status !== "IN_PROGRESS") {
    parts.lock.finished(requestID);
  }
  return state;
}

function assignmentInput(assignment: AssignmentRef) {
  return {
    PermissionSetArn: assignment.permissionSetARN,
    TargetType: "AWS_ACCOUNT",
    TargetId: assignment.accountID,
    PrincipalType: "USER",
    PrincipalId: assignment.principalID,
  } as const;
}

function operationOf(
  call: string,
  status:
    | { RequestId?: string | undefined; Status?: string | undefined; FailureReason?: string | undefined }
    | undefined,
): OperationState {
  const { RequestId: requestID, Status, FailureReason } = status ?? {};
  if (requestID === undefined || (Status !== "IN_PROGRESS" && Status !== "SUCCEEDED" && Status !== "FAILED")) {
    throw malformedAnswer(`sso:${call}`, "request id and status");
  }
  return { requestID, status: Status, ...(FailureReason === undefined ? {} : { failureReason: FailureReason }) };
}
