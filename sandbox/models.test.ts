import { spawnSync } from "node:child_process";
import path from "node:path";
import * as iam from "@aws-sdk/client-iam";
import * as store from "@aws-sdk/client-identitystore";
import * as rds from "@aws-sdk/client-rds";
import * as secrets from "@aws-sdk/client-secrets-manager";
import * as portal from "@aws-sdk/client-sso";
import * as admin from "@aws-sdk/client-sso-admin";
import * as oidc from "@aws-sdk/client-sso-oidc";
import * as sts from "@aws-sdk/client-sts";
import { expect, test } from "vitest";
import { administratorAccessARN } from "./identity-center/provisioning.ts";
import { demoAccountID, demoSeed } from "./seed.ts";
import { groupByName } from "./state.ts";
import { type Harness, startHarness } from "./testing/harness.ts";
import { assignmentInput, settledMs } from "./testing/grants.ts";
import { record, type RecordedAnswer } from "./testing/recorder.ts";

/** Names that botocore has for the services of this test. */
const botocoreNames = {
  ssoAdmin: "sso-admin",
  identityStore: "identitystore",
  sts: "sts",
  iam: "iam",
  secrets: "secretsmanager",
  rds: "rds",
  portal: "sso",
  oidc: "sso-oidc",
} as const;

test("every answer and every error has the shape that AWS's service models say", async (context) => {
  const answers: RecordedAnswer[] = [];
  await using harness = await startHarness({ seed: modelSeed() });
  for (const [client, service] of Object.entries(botocoreNames)) {
    record(service, harness.clients[client as keyof typeof botocoreNames], answers);
  }

  await callIdentityCenter(harness);
  await callIdentityStore(harness);
  await callPortal(harness);
  await callTheRest(harness);

  const called = new Set(answers.filter((one) => one.status < 300).map((one) => one.operation));
  const offered = harness.sandbox.services
    .filter((service) => !["ecs", "ssm"].includes(service.signingName))
    .flatMap((service) => Object.keys(service.operations));
  expect(offered.filter((operation) => !called.has(operation))).toEqual([]);
  const checked = spawnSync(
    process.env["SALLYPORT_PYTHON"] ?? "python3",
    [path.join(import.meta.dirname, "testing/check_shapes.py")],
    {
      input: answers.map((answer) => JSON.stringify(answer)).join("\n"),
      encoding: "utf8",
    },
  );
  if (checked.error !== undefined || checked.status === 3) {
    context.skip("python3 with botocore is not installed, so the answers cannot be checked against its service models");
  }
  expect(`${checked.stdout}${checked.stderr}`.trim()).toBe("");
  expect(checked.status).toBe(0);
});

function modelSeed() {
  const seed = demoSeed();
  const trusting = {
    accountID: demoAccountID,
    roleName: "cross",
    permissions: [],
    trustedService: "ecs-tasks.amazonaws.com",
    trusted: [`arn:aws:iam::${demoAccountID}:root`],
  };
  const cluster = {
    accountID: demoAccountID,
    identifier: "stock",
    engine: "aurora-mysql",
    engineVersion: "8.0.mysql_aurora.3.08.0",
    endpoint: { host: "127.0.0.1", port: 3306 },
    readerEndpoint: { host: "127.0.0.2", port: 3306 },
    masterUsername: "admin",
  };
  const [instance] = seed.dbInstances;
  const member = instance === undefined ? [] : [{ ...instance, identifier: "stock-1", clusterIdentifier: "stock" }];
  return {
    ...seed,
    roles: [...seed.roles, trusting],
    dbClusters: [cluster],
    dbInstances: [...seed.dbInstances, ...member],
  };
}

/** Runs a call that must fail, for the shape of its error. */
async function refused(call: Promise<unknown>): Promise<void> {
  await expect(call).rejects.toThrow();
}

async function callIdentityCenter(harness: Harness): Promise<void> {
  const { clock, instanceARN: InstanceArn } = harness;
  const client = harness.clients.ssoAdmin;
  await client.send(new admin.ListInstancesCommand({}));
  await client.send(new admin.DescribeInstanceCommand({ InstanceArn }));
  const create = {
    InstanceArn,
    Name: "g1",
    Description: "d",
    RelayState: "https://x",
    Tags: [{ Key: "a", Value: "" }],
  };
  const { PermissionSet } = await client.send(new admin.CreatePermissionSetCommand(create));
  const PermissionSetArn = PermissionSet?.PermissionSetArn ?? "";
  const set = { InstanceArn, PermissionSetArn };
  const resource = { InstanceArn, ResourceArn: PermissionSetArn };
  const InlinePolicy = '{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}';
  await refused(client.send(new admin.CreatePermissionSetCommand(create)));
  await refused(client.send(new admin.CreatePermissionSetCommand({ InstanceArn, Name: "no good" })));
  await client.send(new admin.DescribePermissionSetCommand(set));
  await client.send(new admin.UpdatePermissionSetCommand({ ...set, Description: "e" }));
  await client.send(new admin.PutInlinePolicyToPermissionSetCommand({ ...set, InlinePolicy }));
  await client.send(new admin.GetInlinePolicyForPermissionSetCommand(set));
  await client.send(new admin.TagResourceCommand({ ...resource, Tags: [{ Key: "b", Value: "c" }] }));
  await client.send(new admin.ListTagsForResourceCommand(resource));
  await client.send(new admin.UntagResourceCommand({ ...resource, TagKeys: ["b"] }));
  const managed = { ...set, ManagedPolicyArn: administratorAccessARN };
  await client.send(new admin.AttachManagedPolicyToPermissionSetCommand(managed));
  await client.send(new admin.ListManagedPoliciesInPermissionSetCommand(set));
  await client.send(new admin.DetachManagedPolicyFromPermissionSetCommand(managed));
  const assignment = assignmentInput(harness, PermissionSetArn, "ada");
  const creation = await client.send(new admin.CreateAccountAssignmentCommand(assignment));
  await refused(client.send(new admin.CreateAccountAssignmentCommand(assignment)));
  clock.advance(settledMs);
  await refused(client.send(new admin.DeletePermissionSetCommand(set)));
  const provisioning = await client.send(
    new admin.ProvisionPermissionSetCommand({ ...set, TargetType: "ALL_PROVISIONED_ACCOUNTS" }),
  );
  clock.advance(settledMs);
  await client.send(new admin.ListPermissionSetsCommand({ InstanceArn, MaxResults: 1 }));
  await client.send(new admin.ListPermissionSetsProvisionedToAccountCommand({ InstanceArn, AccountId: demoAccountID }));
  await client.send(new admin.ListAccountsForProvisionedPermissionSetCommand(set));
  await client.send(new admin.ListAccountAssignmentsCommand({ ...set, AccountId: demoAccountID }));
  const principal = { PrincipalId: assignment.PrincipalId, PrincipalType: "USER" as const };
  await client.send(new admin.ListAccountAssignmentsForPrincipalCommand({ InstanceArn, ...principal }));
  const deletion = await client.send(new admin.DeleteAccountAssignmentCommand(assignment));
  harness.sandbox.asyncFailure = () => "Received a 404 status error";
  clock.advance(settledMs);
  await client.send(
    new admin.DescribeAccountAssignmentCreationStatusCommand({
      InstanceArn,
      AccountAssignmentCreationRequestId: creation.AccountAssignmentCreationStatus?.RequestId,
    }),
  );
  await client.send(
    new admin.DescribeAccountAssignmentDeletionStatusCommand({
      InstanceArn,
      AccountAssignmentDeletionRequestId: deletion.AccountAssignmentDeletionStatus?.RequestId,
    }),
  );
  await client.send(
    new admin.DescribePermissionSetProvisioningStatusCommand({
      InstanceArn,
      ProvisionPermissionSetRequestId: provisioning.PermissionSetProvisioningStatus?.RequestId,
    }),
  );
  await client.send(new admin.ListAccountAssignmentCreationStatusCommand({ InstanceArn }));
  await client.send(new admin.ListAccountAssignmentDeletionStatusCommand({ InstanceArn }));
  await client.send(new admin.ListPermissionSetProvisioningStatusCommand({ InstanceArn }));
  await client.send(new admin.DeleteInlinePolicyFromPermissionSetCommand(set));
  harness.sandbox.asyncFailure = () => undefined;
  await client.send(new admin.DeleteAccountAssignmentCommand(assignment));
  clock.advance(settledMs);
  await client.send(new admin.DeletePermissionSetCommand(set));
  await refused(client.send(new admin.DescribePermissionSetCommand(set)));
}

async function callIdentityStore(harness: Harness): Promise<void> {
  const { storeID: IdentityStoreId } = harness;
  const client = harness.clients.identityStore;
  const UserId = harness.userID("ada");
  const MemberId = { UserId };
  const GroupId = groupByName(harness.sandbox.state, "auditors")?.groupID ?? "";
  const unique = (AttributePath: string, AttributeValue: string) => ({
    IdentityStoreId,
    AlternateIdentifier: { UniqueAttribute: { AttributePath, AttributeValue } },
  });
  await client.send(new store.GetUserIdCommand(unique("userName", "ada")));
  await refused(client.send(new store.GetUserIdCommand(unique("userName", "nobody"))));
  await client.send(new store.GetGroupIdCommand(unique("displayName", "auditors")));
  await client.send(new store.DescribeUserCommand({ IdentityStoreId, UserId }));
  await client.send(new store.ListUsersCommand({ IdentityStoreId, MaxResults: 2 }));
  await client.send(new store.DescribeGroupCommand({ IdentityStoreId, GroupId }));
  await client.send(new store.ListGroupsCommand({ IdentityStoreId }));
  const { MembershipId } = await client.send(
    new store.CreateGroupMembershipCommand({ IdentityStoreId, GroupId, MemberId }),
  );
  await refused(client.send(new store.CreateGroupMembershipCommand({ IdentityStoreId, GroupId, MemberId })));
  await client.send(new store.DescribeGroupMembershipCommand({ IdentityStoreId, MembershipId }));
  await client.send(new store.GetGroupMembershipIdCommand({ IdentityStoreId, GroupId, MemberId }));
  await client.send(new store.ListGroupMembershipsCommand({ IdentityStoreId, GroupId }));
  await client.send(new store.ListGroupMembershipsForMemberCommand({ IdentityStoreId, MemberId }));
  await client.send(new store.IsMemberInGroupsCommand({ IdentityStoreId, MemberId, GroupIds: [GroupId] }));
  await client.send(new store.DeleteGroupMembershipCommand({ IdentityStoreId, MembershipId }));
  const person = { UserName: "tim", DisplayName: "Tim", Name: { GivenName: "T", FamilyName: "B" }, Title: "Sir" };
  const made = await client.send(new store.CreateUserCommand({ IdentityStoreId, ...person }));
  const Operations = [{ AttributePath: "title", AttributeValue: "Dr" }];
  await client.send(new store.UpdateUserCommand({ IdentityStoreId, UserId: made.UserId, Operations }));
  await client.send(new store.DescribeUserCommand({ IdentityStoreId, UserId: made.UserId }));
  await client.send(new store.DeleteUserCommand({ IdentityStoreId, UserId: made.UserId }));
  const group = await client.send(
    new store.CreateGroupCommand({ IdentityStoreId, DisplayName: "g", Description: "d" }),
  );
  await client.send(new store.DeleteGroupCommand({ IdentityStoreId, GroupId: group.GroupId }));
}

async function callPortal(harness: Harness): Promise<void> {
  const { sandbox } = harness;
  const accountId = demoAccountID;
  const registered = await harness.clients.oidc.send(
    new oidc.RegisterClientCommand({ clientName: "x", clientType: "public", scopes: ["sso:account:access"] }),
  );
  const client = { clientId: registered.clientId, clientSecret: registered.clientSecret };
  const device = await harness.clients.oidc.send(
    new oidc.StartDeviceAuthorizationCommand({ ...client, startUrl: sandbox.startURL }),
  );
  const grantType = "urn:ietf:params:oauth:grant-type:device_code";
  const poll = new oidc.CreateTokenCommand({ ...client, grantType, deviceCode: device.deviceCode });
  await refused(harness.clients.oidc.send(poll));
  sandbox.approveDevice(device.userCode ?? "", "ada");
  const { accessToken } = await harness.clients.oidc.send(poll);
  await refused(harness.clients.oidc.send(poll));
  await harness.clients.portal.send(new portal.ListAccountsCommand({ accessToken }));
  await harness.clients.portal.send(new portal.ListAccountRolesCommand({ accessToken, accountId }));
  await harness.clients.portal.send(
    new portal.GetRoleCredentialsCommand({ accessToken, accountId, roleName: "sallyport" }),
  );
  await refused(
    harness.clients.portal.send(new portal.GetRoleCredentialsCommand({ accessToken, accountId, roleName: "none" })),
  );
  await harness.clients.portal.send(new portal.LogoutCommand({ accessToken }));
  await refused(harness.clients.portal.send(new portal.ListAccountsCommand({ accessToken })));
}

async function callTheRest({ clients }: Harness): Promise<void> {
  await clients.sts.send(new sts.GetCallerIdentityCommand({}));
  const RoleArn = `arn:aws:iam::${demoAccountID}:role/cross`;
  await clients.sts.send(new sts.AssumeRoleCommand({ RoleArn, RoleSessionName: "s1" }));
  await refused(clients.sts.send(new sts.AssumeRoleCommand({ RoleArn: `${RoleArn}x`, RoleSessionName: "s1" })));
  await clients.iam.send(new iam.GetRoleCommand({ RoleName: "cross" }));
  await refused(clients.iam.send(new iam.GetRoleCommand({ RoleName: "none" })));
  await clients.iam.send(new iam.ListRolesCommand({ MaxItems: 1 }));
  await clients.rds.send(new rds.DescribeDBInstancesCommand({}));
  await refused(clients.rds.send(new rds.DescribeDBInstancesCommand({ DBInstanceIdentifier: "none" })));
  await clients.rds.send(new rds.DescribeDBClustersCommand({}));
  await refused(clients.rds.send(new rds.DescribeDBClustersCommand({ DBClusterIdentifier: "none" })));
  const SecretId = "a/b";
  await clients.secrets.send(
    new secrets.CreateSecretCommand({ Name: SecretId, SecretString: "x", Tags: [{ Key: "k", Value: "v" }] }),
  );
  await refused(clients.secrets.send(new secrets.CreateSecretCommand({ Name: SecretId })));
  await clients.secrets.send(new secrets.GetSecretValueCommand({ SecretId }));
  await refused(clients.secrets.send(new secrets.GetSecretValueCommand({ SecretId: "none" })));
  await clients.secrets.send(new secrets.PutSecretValueCommand({ SecretId, SecretBinary: new Uint8Array([1]) }));
  await clients.secrets.send(new secrets.GetSecretValueCommand({ SecretId }));
  await clients.secrets.send(new secrets.DescribeSecretCommand({ SecretId }));
  await clients.secrets.send(new secrets.ListSecretsCommand({ MaxResults: 1 }));
  await clients.secrets.send(new secrets.DeleteSecretCommand({ SecretId }));
}
