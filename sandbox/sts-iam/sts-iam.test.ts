import { GetRoleCommand, ListRolesCommand } from "@aws-sdk/client-iam";
import { AssumeRoleCommand, GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { expect, test } from "vitest";
import { demoAccountID, demoSeed } from "../seed.ts";
import { clientsOf } from "../testing/clients.ts";
import { startHarness } from "../testing/harness.ts";

test("a role is read with its ID and its whole path; one that is not there is NoSuchEntity", async () => {
  await using harness = await startHarness();
  const { iam } = harness.clients;

  const { Role } = await iam.send(new GetRoleCommand({ RoleName: "sallyport-proxy-task" }));

  expect(Role).toMatchObject({
    Path: "/",
    Arn: "arn:aws:iam::111122223333:role/sallyport-proxy-task",
    RoleId: expect.stringMatching(/^AROA[A-Z2-7]{17}$/),
    MaxSessionDuration: 3600,
  });
  expect(Role?.CreateDate).toBeInstanceOf(Date);
  expect(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? "")).toContain("ecs-tasks.amazonaws.com");
  await expect(iam.send(new GetRoleCommand({ RoleName: "none" }))).rejects.toMatchObject({
    name: "NoSuchEntityException",
  });
});

test("roles are listed under a path, page by page", async () => {
  await using harness = await startHarness();
  const { iam } = harness.clients;

  const reserved = await iam.send(new ListRolesCommand({ PathPrefix: "/aws-reserved/sso.amazonaws.com/" }));
  const first = await iam.send(new ListRolesCommand({ MaxItems: 2 }));
  const second = await iam.send(new ListRolesCommand({ MaxItems: 2, Marker: first.Marker }));

  expect(reserved.Roles?.map((role) => role.RoleName)).toEqual([
    expect.stringMatching(/^AWSReservedSSO_sallyport_[0-9a-f]{16}$/),
  ]);
  expect([first.IsTruncated, first.Roles?.length, second.IsTruncated, second.Roles?.length]).toEqual([
    true,
    2,
    false,
    1,
  ]);
});

test("a look-alike role outside the reserved path is seen as what it is", async () => {
  await using harness = await startHarness();
  const roleName = "AWSReservedSSO_sallyport_0000000000000000";
  harness.sandbox.state.roles.create({ accountID: demoAccountID, roleName, permissions: [] });
  const { iam } = harness.clients;

  const { Role } = await iam.send(new GetRoleCommand({ RoleName: roleName }));
  const reserved = await iam.send(new ListRolesCommand({ PathPrefix: "/aws-reserved/" }));

  expect(Role?.Path).toBe("/");
  expect(reserved.Roles?.map((role) => role.RoleName)).not.toContain(roleName);
});

test("a person whose set allows nothing may not read roles; the refusal is IAM's 403", async () => {
  await using harness = await startHarness();
  const person = clientsOf(harness.sandbox, harness.sandbox.credentialsFor("ada", "sallyport"));

  const attempt = person.iam.send(new GetRoleCommand({ RoleName: "sallyport-proxy-task" }));

  await expect(attempt).rejects.toMatchObject({ name: "AccessDenied", $metadata: { httpStatusCode: 403 } });
  person.destroy();
});

test("a role is assumed by who its trust policy names, and by nobody else", async () => {
  const seed = demoSeed();
  const trusting = {
    accountID: demoAccountID,
    roleName: "cross",
    permissions: [],
    trustedService: "ecs-tasks.amazonaws.com",
    trusted: [`arn:aws:iam::${demoAccountID}:root`],
  };
  await using harness = await startHarness({ seed: { ...seed, roles: [...seed.roles, trusting] } });
  const { sts } = harness.clients;
  const assume = (name: string) =>
    sts.send(
      new AssumeRoleCommand({ RoleArn: `arn:aws:iam::${demoAccountID}:role/${name}`, RoleSessionName: "controller" }),
    );

  const { Credentials, AssumedRoleUser } = await assume("cross");
  const assumed = clientsOf(harness.sandbox, {
    accessKeyID: Credentials?.AccessKeyId ?? "",
    secretAccessKey: Credentials?.SecretAccessKey ?? "",
    sessionToken: Credentials?.SessionToken ?? "",
    expiresAt: undefined,
  });
  const identity = await assumed.sts.send(new GetCallerIdentityCommand({}));
  assumed.destroy();

  expect(identity.Arn).toBe(`arn:aws:sts::${demoAccountID}:assumed-role/cross/controller`);
  expect(AssumedRoleUser?.Arn).toBe(identity.Arn);
  await expect(assume("sallyport-proxy-task")).rejects.toMatchObject({ name: "AccessDenied" });
  await expect(assume("none")).rejects.toMatchObject({ name: "AccessDenied" });
});
