import {
  CreateAccountAssignmentCommand,
  DeleteAccountAssignmentCommand,
  DeletePermissionSetCommand,
  DescribeAccountAssignmentCreationStatusCommand,
  DescribeAccountAssignmentDeletionStatusCommand,
  ListAccountAssignmentCreationStatusCommand,
  ListAccountAssignmentsCommand,
  ListAccountAssignmentsForPrincipalCommand,
  ListPermissionSetsProvisionedToAccountCommand,
} from "@aws-sdk/client-sso-admin";
import { CreateGroupMembershipCommand, GetGroupIdCommand } from "@aws-sdk/client-identitystore";
import { expect, test } from "vitest";
import { demoAccountID } from "../seed.ts";
import {
  assign,
  assignmentInput,
  createSet,
  provisionSet,
  putPolicy,
  roleOf,
  settledMs,
  unassign,
} from "../testing/grants.ts";
import { startHarness } from "../testing/harness.ts";

test("an assignment is in progress first and in force only when its delay is over", async () => {
  await using harness = await startHarness({ delays: { identityCenterMs: 300 } });
  const { clients, clock, instanceARN } = harness;
  const setARN = await createSet(harness, "g1");

  const answer = await clients.ssoAdmin.send(
    new CreateAccountAssignmentCommand(assignmentInput(harness, setARN, "ada")),
  );
  const request = {
    InstanceArn: instanceARN,
    AccountAssignmentCreationRequestId: answer.AccountAssignmentCreationStatus?.RequestId,
  };
  clock.advance(299);
  const early = await clients.ssoAdmin.send(new DescribeAccountAssignmentCreationStatusCommand(request));
  const rolesEarly = roleOf(harness, setARN);
  clock.advance(1);
  const late = await clients.ssoAdmin.send(new DescribeAccountAssignmentCreationStatusCommand(request));

  expect(answer.AccountAssignmentCreationStatus?.Status).toBe("IN_PROGRESS");
  expect(early.AccountAssignmentCreationStatus?.Status).toBe("IN_PROGRESS");
  expect(rolesEarly).toBeUndefined();
  expect(late.AccountAssignmentCreationStatus?.Status).toBe("SUCCEEDED");
  expect(roleOf(harness, setARN)?.roleName).toMatch(/^AWSReservedSSO_g1_[0-9a-f]{16}$/);
  expect(roleOf(harness, setARN)?.arn).toContain(":role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_g1_");
});

test("an asynchronous failure is reported with its reason and has no effect", async () => {
  await using harness = await startHarness();
  harness.sandbox.asyncFailure = (request) => (request.kind === "creation" ? "Received a 500 status error" : undefined);
  const setARN = await createSet(harness, "g1");

  await assign(harness, setARN, "ada");

  const { clients, instanceARN: InstanceArn } = harness;
  const failed = await clients.ssoAdmin.send(
    new ListAccountAssignmentCreationStatusCommand({ InstanceArn, Filter: { Status: "FAILED" } }),
  );
  const status = await clients.ssoAdmin.send(
    new DescribeAccountAssignmentCreationStatusCommand({
      InstanceArn,
      AccountAssignmentCreationRequestId: failed.AccountAssignmentsCreationStatus?.[0]?.RequestId,
    }),
  );
  expect(status.AccountAssignmentCreationStatus?.FailureReason).toBe("Received a 500 status error");
  expect(harness.sandbox.state.assignments.size).toBe(5);
});

test("a second role update in the same account is a conflict until the first has ended", async () => {
  await using harness = await startHarness();
  const { clients, clock } = harness;
  const first = await createSet(harness, "g1");
  const second = await createSet(harness, "g2");

  await clients.ssoAdmin.send(new CreateAccountAssignmentCommand(assignmentInput(harness, first, "ada")));
  const during = clients.ssoAdmin.send(new CreateAccountAssignmentCommand(assignmentInput(harness, second, "ada")));
  await expect(during).rejects.toMatchObject({ name: "ConflictException" });
  clock.advance(settledMs);
  const after = await clients.ssoAdmin.send(
    new CreateAccountAssignmentCommand(assignmentInput(harness, second, "ada")),
  );

  expect(after.AccountAssignmentCreationStatus?.Status).toBe("IN_PROGRESS");
});

test("a permission set can be deleted only when nothing is assigned and no work on it goes on", async () => {
  await using harness = await startHarness();
  const { clients, instanceARN: InstanceArn } = harness;
  const setARN = await createSet(harness, "g1");
  const remove = () => clients.ssoAdmin.send(new DeletePermissionSetCommand({ InstanceArn, PermissionSetArn: setARN }));

  await assign(harness, setARN, "ada");
  await expect(remove()).rejects.toMatchObject({ name: "ConflictException" });
  const deletion = await clients.ssoAdmin.send(
    new DeleteAccountAssignmentCommand(assignmentInput(harness, setARN, "ada")),
  );
  await expect(remove()).rejects.toMatchObject({ name: "ConflictException" });
  harness.clock.advance(settledMs);
  const status = await clients.ssoAdmin.send(
    new DescribeAccountAssignmentDeletionStatusCommand({
      InstanceArn,
      AccountAssignmentDeletionRequestId: deletion.AccountAssignmentDeletionStatus?.RequestId,
    }),
  );
  await remove();

  expect(status.AccountAssignmentDeletionStatus?.Status).toBe("SUCCEEDED");
  await expect(remove()).rejects.toMatchObject({ name: "ResourceNotFoundException" });
});

test("the role goes with the last assignment, and comes back as another role", async () => {
  await using harness = await startHarness();
  const setARN = await createSet(harness, "g1");
  await assign(harness, setARN, "ada");
  await assign(harness, setARN, "grace");
  const before = roleOf(harness, setARN);

  await unassign(harness, setARN, "ada");
  const between = roleOf(harness, setARN);
  await unassign(harness, setARN, "grace");
  const gone = roleOf(harness, setARN);
  await assign(harness, setARN, "ada");

  expect(between?.roleID).toBe(before?.roleID);
  expect(gone).toBeUndefined();
  expect(roleOf(harness, setARN)?.roleID).toMatch(/^AROA[A-Z2-7]{17}$/);
  expect(roleOf(harness, setARN)?.roleID).not.toBe(before?.roleID);
  expect(roleOf(harness, setARN)?.roleName).not.toBe(before?.roleName);
});

test("a changed inline policy reaches the role only when the set is provisioned again", async () => {
  await using harness = await startHarness();
  const { clients, instanceARN: InstanceArn } = harness;
  const setARN = await createSet(harness, "g1");
  await putPolicy(harness, setARN, "ssm:StartSession");
  await assign(harness, setARN, "ada");

  await putPolicy(harness, setARN, "ssm:TerminateSession");
  const stale = roleOf(harness, setARN)?.permissions;
  const behind = await clients.ssoAdmin.send(
    new ListPermissionSetsProvisionedToAccountCommand({
      InstanceArn,
      AccountId: demoAccountID,
      ProvisioningStatus: "LATEST_PERMISSION_SET_NOT_PROVISIONED",
    }),
  );
  await provisionSet(harness, setARN);

  expect(JSON.stringify(stale)).toContain("ssm:StartSession");
  expect(behind.PermissionSets).toEqual([setARN]);
  expect(JSON.stringify(roleOf(harness, setARN)?.permissions)).toContain("ssm:TerminateSession");
});

test("unknown people, accounts, sets and instances are not found, and misshapen ones are invalid", async () => {
  await using harness = await startHarness();
  const setARN = await createSet(harness, "g1");
  const good = assignmentInput(harness, setARN, "ada");
  const attempt = (change: object) =>
    harness.clients.ssoAdmin.send(new CreateAccountAssignmentCommand({ ...good, ...change }));
  const nobody = "93671a2b3c-00000000-0000-4000-8000-000000000000";
  const otherSet = `${setARN.slice(0, -16)}0000000000000000`;

  for (const change of [
    { PrincipalId: nobody },
    { PrincipalType: "GROUP" as const },
    { TargetId: "999999999999" },
    { PermissionSetArn: otherSet },
    { InstanceArn: "arn:aws:sso:::instance/ssoins-0000000000000000" },
  ]) {
    await expect(attempt(change), JSON.stringify(change)).rejects.toMatchObject({ name: "ResourceNotFoundException" });
  }
  for (const change of [
    { PrincipalId: "ada" },
    { TargetId: "1234" },
    { TargetType: "AWS_ORGANIZATION" },
    { PermissionSetArn: "arn:aws:sso:::instance/ssoins-x/ps-y" },
    { InstanceArn: "arn:aws:iam::1:x" },
  ]) {
    await expect(attempt(change), JSON.stringify(change)).rejects.toMatchObject({ name: "ValidationException" });
  }
});

test("an assignment that is not there cannot be taken away", async () => {
  await using harness = await startHarness();
  const setARN = await createSet(harness, "g1");

  const attempt = harness.clients.ssoAdmin.send(
    new DeleteAccountAssignmentCommand(assignmentInput(harness, setARN, "ada")),
  );

  await expect(attempt).rejects.toMatchObject({ name: "ResourceNotFoundException" });
});

test("an account takes no more permission sets than its quota", async () => {
  await using harness = await startHarness({ limits: { provisionedSetsPerAccountMax: 2 } });
  const second = await createSet(harness, "g1");
  const third = await createSet(harness, "g2");
  await assign(harness, second, "ada");

  const attempt = assign(harness, third, "ada");

  await expect(attempt).rejects.toMatchObject({ name: "ServiceQuotaExceededException" });
  // A set that the account has already takes further people.
  await assign(harness, second, "grace");
});

test("assignments are listed per set and per person, through groups too", async () => {
  await using harness = await startHarness();
  const { clients, instanceARN: InstanceArn, storeID: IdentityStoreId } = harness;
  const setARN = await createSet(harness, "g1");
  const group = await clients.identityStore.send(
    new GetGroupIdCommand({
      IdentityStoreId,
      AlternateIdentifier: { UniqueAttribute: { AttributePath: "displayName", AttributeValue: "auditors" } },
    }),
  );
  await clients.ssoAdmin.send(
    new CreateAccountAssignmentCommand({
      ...assignmentInput(harness, setARN, "ada"),
      PrincipalType: "GROUP",
      PrincipalId: group.GroupId,
    }),
  );
  harness.clock.advance(settledMs);
  const member = { IdentityStoreId, GroupId: group.GroupId, MemberId: { UserId: harness.userID("ada") } };
  await clients.identityStore.send(new CreateGroupMembershipCommand(member));

  const ofSet = await clients.ssoAdmin.send(
    new ListAccountAssignmentsCommand({ InstanceArn, AccountId: demoAccountID, PermissionSetArn: setARN }),
  );
  const ofAda = await clients.ssoAdmin.send(
    new ListAccountAssignmentsForPrincipalCommand({
      InstanceArn,
      PrincipalType: "USER",
      PrincipalId: harness.userID("ada"),
    }),
  );

  expect(ofSet.AccountAssignments).toEqual([
    { AccountId: demoAccountID, PermissionSetArn: setARN, PrincipalType: "GROUP", PrincipalId: group.GroupId },
  ]);
  expect(ofAda.AccountAssignments?.map((one) => one.PermissionSetArn)).toContain(setARN);
});
