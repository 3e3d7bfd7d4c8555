import {
  CreateAccountAssignmentCommand,
  CreatePermissionSetCommand,
  DeleteAccountAssignmentCommand,
  DeletePermissionSetCommand,
  DescribeAccountAssignmentCreationStatusCommand,
  DescribeAccountAssignmentDeletionStatusCommand,
  DescribePermissionSetCommand,
  DescribePermissionSetProvisioningStatusCommand,
  GetInlinePolicyForPermissionSetCommand,
  ListAccountAssignmentsCommand,
  ListInstancesCommand,
  ListPermissionSetsCommand,
  ListTagsForResourceCommand,
  ProvisionPermissionSetCommand,
  PutInlinePolicyToPermissionSetCommand,
  TagResourceCommand,
  type SSOAdminClient,
} from "@aws-sdk/client-sso-admin";
import type { AccountLock } from "./account-lock.ts";
import { callAws, callAwsOptional, malformedAnswer } from "./errors.ts";
import type { Limiter } from "./limiter.ts";
import type {
  AssignmentRef,
  CallUrgency,
  IdentityCenterPort,
  InstanceRef,
  OperationState,
  PermissionSet,
  RoleUpdate,
} from "./ports.ts";
import { pages } from "./paging.ts";
import { fromTagList, toTagList } from "./tags.ts";

/** What the sso-admin port is made of. `names` remembers the name of each permission set by ARN; names never change. */
export interface IdentityCenterParts {
  readonly client: SSOAdminClient;
  readonly instanceARN: string;
  readonly urgency: CallUrgency;
  readonly limiter: Limiter;
  readonly lock: AccountLock;
  readonly names: Map<string, string>;
}

/** The port over one SSO Admin client. */
export function identityCenterPort(parts: IdentityCenterParts): IdentityCenterPort {
  return {
    ...findCalls(parts),
    ...permissionSetCalls(parts),
    ...assignmentCalls(parts),
    ...provisioningCalls(parts),
    takeTurn: (update) => parts.lock.take(update.accountID, ticketOf(update), parts.urgency),
    giveUpTurn: (update) => parts.lock.release(update.accountID, ticketOf(update)),
  };
}

/** sso:ListInstances, all pages. */
export async function listInstances(client: SSOAdminClient, region: string, limiter: Limiter): Promise<InstanceRef[]> {
  const all = await pages(async (NextToken) => {
    await limiter.take("change");
    const answer = await callAws("sso:ListInstances", () => client.send(new ListInstancesCommand({ ...NextToken })));
    return { items: answer.Instances ?? [], next: answer.NextToken };
  });
  return all.flatMap(({ InstanceArn, IdentityStoreId }) =>
    InstanceArn === undefined || IdentityStoreId === undefined
      ? []
      : [{ instanceARN: InstanceArn, identityStoreID: IdentityStoreId, region }],
  );
}

function findCalls(
  parts: IdentityCenterParts,
): Pick<IdentityCenterPort, "listTagged" | "isListed" | "findPermissionSet"> {
  return {
    async listTagged(tag, named = () => true) {
      const found: PermissionSet[] = [];
      for await (const arn of listARNs(parts)) {
        const name = await nameOf(parts, arn);
        const tags = name !== undefined && named(name) ? await tagsOf(parts, arn) : undefined;
        if (name !== undefined && tags?.[tag.key] === tag.value) {
          found.push({ arn, name, tags });
        }
      }
      return found;
    },
    async isListed(wanted) {
      for await (const arn of listARNs(parts)) {
        if (arn === wanted) {
          return true;
        }
      }
      return false;
    },
    async findPermissionSet(name) {
      for await (const arn of listARNs(parts)) {
        if ((await nameOf(parts, arn)) === name) {
          return readSet(parts, arn);
        }
      }
      return undefined;
    },
  };
}

type PermissionSetCalls = Pick<
  IdentityCenterPort,
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
        const answer = await limited(parts, "CreateAccountAssignment", () =>
          client.send(new CreateAccountAssignmentCommand({ InstanceArn, ...assignmentInput(assignment) })),
        );
        return operationOf("CreateAccountAssignment", answer.AccountAssignmentCreationStatus);
      }),
    assignmentCreation: (requestID) =>
      polled(parts, requestID, async () => {
        const answer = await limited(parts, "DescribeAccountAssignmentCreationStatus", () =>
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
        const answer = await limited(parts, "DeleteAccountAssignment", () =>
          client.send(new DeleteAccountAssignmentCommand({ InstanceArn, ...assignmentInput(assignment) })),
        );
        return operationOf("DeleteAccountAssignment", answer.AccountAssignmentDeletionStatus);
      }),
    assignmentDeletion: (requestID) =>
      polled(parts, requestID, async () => {
        const answer = await limited(parts, "DescribeAccountAssignmentDeletionStatus", () =>
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
        const answer = await limited(parts, "ProvisionPermissionSet", () =>
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
        const answer = await limited(parts, "DescribePermissionSetProvisioningStatus", () =>
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

async function limited<T>(parts: IdentityCenterParts, operation: string, run: () => Promise<T>): Promise<T> {
  await parts.limiter.take(parts.urgency);
  return callAws(`sso:${operation}`, run);
}

async function limitedOptional<T>(
  parts: IdentityCenterParts,
  operation: string,
  run: () => Promise<T>,
): Promise<T | undefined> {
  await parts.limiter.take(parts.urgency);
  return callAwsOptional(`sso:${operation}`, run);
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

async function* listARNs(parts: IdentityCenterParts): AsyncGenerator<string> {
  let next: string | undefined;
  do {
    const NextToken = next === undefined ? {} : { NextToken: next };
    const answer = await limited(parts, "ListPermissionSets", () =>
      parts.client.send(
        new ListPermissionSetsCommand({ InstanceArn: parts.instanceARN, MaxResults: 100, ...NextToken }),
      ),
    );
    yield* answer.PermissionSets ?? [];
    next = answer.NextToken;
  } while (next !== undefined);
}

/** Name of a set, from memory where it is known; undefined when the set is gone. */
async function nameOf(parts: IdentityCenterParts, arn: string): Promise<string | undefined> {
  const known = parts.names.get(arn);
  if (known !== undefined) {
    return known;
  }
  const answer = await limitedOptional(parts, "DescribePermissionSet", () =>
    parts.client.send(new DescribePermissionSetCommand({ InstanceArn: parts.instanceARN, PermissionSetArn: arn })),
  );
  const name = answer?.PermissionSet?.Name;
  if (name !== undefined) {
    parts.names.set(arn, name);
  }
  return name;
}

async function tagsOf(parts: IdentityCenterParts, arn: string): Promise<Record<string, string> | undefined> {
  let gone = false;
  const all = await pages(async (NextToken) => {
    const answer = await limitedOptional(parts, "ListTagsForResource", () =>
      parts.client.send(
        new ListTagsForResourceCommand({ InstanceArn: parts.instanceARN, ResourceArn: arn, ...NextToken }),
      ),
    );
    gone ||= answer === undefined;
    return { items: answer?.Tags ?? [], next: answer?.NextToken };
  });
  return gone ? undefined : fromTagList(all);
}

async function readSet(parts: IdentityCenterParts, arn: string): Promise<PermissionSet | undefined> {
  const name = await nameOf(parts, arn);
  const tags = name === undefined ? undefined : await tagsOf(parts, arn);
  return name === undefined || tags === undefined ? undefined : { arn, name, tags };
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
