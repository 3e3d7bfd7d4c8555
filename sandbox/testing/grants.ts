import {
  CreateAccountAssignmentCommand,
  CreatePermissionSetCommand,
  DeleteAccountAssignmentCommand,
  ProvisionPermissionSetCommand,
  PutInlinePolicyToPermissionSetCommand,
} from "@aws-sdk/client-sso-admin";
import { demoAccountID } from "../seed.ts";
import type { Harness } from "./harness.ts";

/** Longer than any asynchronous request takes in a harness, in ms. */
export const settledMs = 1000;

/** Makes a permission set and answers its ARN. */
export async function createSet(harness: Harness, name: string): Promise<string> {
  const { PermissionSet } = await harness.clients.ssoAdmin.send(
    new CreatePermissionSetCommand({ InstanceArn: harness.instanceARN, Name: name }),
  );
  return PermissionSet?.PermissionSetArn ?? "";
}

/** Puts an inline policy. */
export async function putPolicy(harness: Harness, setARN: string, action: string): Promise<void> {
  const policy = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: action, Resource: "*" }] };
  await harness.clients.ssoAdmin.send(
    new PutInlinePolicyToPermissionSetCommand({
      InstanceArn: harness.instanceARN,
      PermissionSetArn: setARN,
      InlinePolicy: JSON.stringify(policy),
    }),
  );
}

/** The members that name an assignment of a user in the demo account. */
export function assignmentInput(harness: Harness, setARN: string, userName: string) {
  return {
    InstanceArn: harness.instanceARN,
    PermissionSetArn: setARN,
    TargetId: demoAccountID,
    TargetType: "AWS_ACCOUNT",
    PrincipalType: "USER",
    PrincipalId: harness.userID(userName),
  } as const;
}

/** Assigns and waits until it is in force. */
export async function assign(harness: Harness, setARN: string, userName: string): Promise<void> {
  await harness.clients.ssoAdmin.send(new CreateAccountAssignmentCommand(assignmentInput(harness, setARN, userName)));
  harness.clock.advance(settledMs);
}

/** Takes an assignment away and waits until it is gone. */
export async function unassign(harness: Harness, setARN: string, userName: string): Promise<void> {
  await harness.clients.ssoAdmin.send(new DeleteAccountAssignmentCommand(assignmentInput(harness, setARN, userName)));
  harness.clock.advance(settledMs);
}

/** Provisions in the demo account and waits until it is done. */
export async function provisionSet(harness: Harness, setARN: string): Promise<void> {
  await harness.clients.ssoAdmin.send(
    new ProvisionPermissionSetCommand({
      InstanceArn: harness.instanceARN,
      PermissionSetArn: setARN,
      TargetType: "AWS_ACCOUNT",
      TargetId: demoAccountID,
    }),
  );
  harness.clock.advance(settledMs);
}

/** The role of a set in the demo account. */
export function roleOf(harness: Harness, setARN: string) {
  const { state } = harness.sandbox;
  return state.roles.list(demoAccountID).find((role) => role.permissionSetARN === setARN);
}
