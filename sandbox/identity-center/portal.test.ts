import {
  GetRoleCredentialsCommand,
  ListAccountRolesCommand,
  ListAccountsCommand,
  LogoutCommand,
} from "@aws-sdk/client-sso";
import { ListInstancesCommand } from "@aws-sdk/client-sso-admin";
import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { expect, test } from "vitest";
import { demoAccountID } from "../seed.ts";
import { clientsOf } from "../testing/clients.ts";
import { assign, createSet, provisionSet, putPolicy, roleOf, unassign } from "../testing/grants.ts";
import { startHarness } from "../testing/harness.ts";

test("the portal gives credentials of an assigned set, and they say who the person is", async () => {
  await using harness = await startHarness();
  const { sandbox, clients } = harness;
  const setARN = await createSet(harness, "g1");
  await assign(harness, setARN, "ada");

  const { roleCredentials } = await clients.portal.send(
    new GetRoleCredentialsCommand({
      accessToken: sandbox.portalToken("ada"),
      roleName: "g1",
      accountId: demoAccountID,
    }),
  );
  const person = clientsOf(sandbox, {
    accessKeyID: roleCredentials?.accessKeyId ?? "",
    secretAccessKey: roleCredentials?.secretAccessKey ?? "",
    sessionToken: roleCredentials?.sessionToken ?? "",
    expiresAt: roleCredentials?.expiration,
  });
  const identity = await person.sts.send(new GetCallerIdentityCommand({}));
  person.destroy();

  const role = roleOf(harness, setARN);
  expect(roleCredentials?.expiration).toBe(harness.clock.now() + 3_600_000);
  expect(identity).toMatchObject({
    Account: demoAccountID,
    Arn: `arn:aws:sts::${demoAccountID}:assumed-role/${role?.roleName}/ada`,
    UserId: `${role?.roleID}:ada`,
  });
});

test("accounts and roles are what is assigned now", async () => {
  await using harness = await startHarness();
  const { sandbox, clients } = harness;
  const accessToken = sandbox.portalToken("ada");
  const roles = async () => {
    const answer = await clients.portal.send(new ListAccountRolesCommand({ accessToken, accountId: demoAccountID }));
    return answer.roleList?.map((role) => role.roleName);
  };
  const setARN = await createSet(harness, "g1");

  const before = await roles();
  await assign(harness, setARN, "ada");
  const during = await roles();
  await unassign(harness, setARN, "ada");
  const after = await roles();
  const accounts = await clients.portal.send(new ListAccountsCommand({ accessToken }));

  expect([before, during, after]).toEqual([["sallyport"], ["g1", "sallyport"], ["sallyport"]]);
  expect(accounts.accountList).toEqual([
    { accountId: demoAccountID, accountName: "production", emailAddress: "aws-production@example.com" },
  ]);
});

test("without an assignment the portal answers 403 No access, for another's set and for one that does not exist", async () => {
  await using harness = await startHarness();
  const { sandbox, clients } = harness;
  const setARN = await createSet(harness, "g1");
  await assign(harness, setARN, "ada");
  const ask = (userName: string, roleName: string) =>
    clients.portal.send(
      new GetRoleCredentialsCommand({
        accessToken: sandbox.portalToken(userName),
        roleName,
        accountId: demoAccountID,
      }),
    );
  const refusal = { name: "ForbiddenException", message: "No access", $metadata: { httpStatusCode: 403 } };

  await expect(ask("linus", "g1")).rejects.toMatchObject(refusal);
  await expect(ask("ada", "g2")).rejects.toMatchObject(refusal);
  await unassign(harness, setARN, "ada");
  await expect(ask("ada", "g1")).rejects.toMatchObject(refusal);
});

test("credentials outlive their assignment: they still say who, but may do nothing", async () => {
  await using harness = await startHarness();
  const { sandbox } = harness;
  const setARN = await createSet(harness, "g1");
  await putPolicy(harness, setARN, "sso:ListInstances");
  await assign(harness, setARN, "ada");
  const person = clientsOf(sandbox, sandbox.credentialsFor("ada", "g1"));
  const list = () => person.ssoAdmin.send(new ListInstancesCommand({}));

  await list();
  await unassign(harness, setARN, "ada");
  const identity = await person.sts.send(new GetCallerIdentityCommand({}));
  await expect(list()).rejects.toMatchObject({
    name: "AccessDeniedException",
    message: `User: ${identity.Arn} is not authorized to perform: sso:ListInstances on resource: * because no identity-based policy allows the sso:ListInstances action`,
  });
  person.destroy();

  expect(identity.UserId).toMatch(/^AROA[A-Z2-7]{17}:ada$/);
});

test("a policy that is provisioned counts for credentials that were issued before", async () => {
  await using harness = await startHarness();
  const { sandbox } = harness;
  const setARN = await createSet(harness, "g1");
  await assign(harness, setARN, "ada");
  const person = clientsOf(sandbox, sandbox.credentialsFor("ada", "g1"));
  const list = () => person.ssoAdmin.send(new ListInstancesCommand({}));

  await putPolicy(harness, setARN, "sso:ListInstances");
  await expect(list()).rejects.toMatchObject({ name: "AccessDeniedException" });
  await provisionSet(harness, setARN);
  const { Instances } = await list();
  person.destroy();

  expect(Instances).toHaveLength(1);
});

test("a token that is unknown, expired, signed out or of a disabled person is refused with 401", async () => {
  await using harness = await startHarness();
  const { sandbox, clients, clock } = harness;
  const list = (accessToken: string) => clients.portal.send(new ListAccountsCommand({ accessToken }));
  const refusal = { name: "UnauthorizedException", $metadata: { httpStatusCode: 401 } };
  const old = sandbox.portalToken("ada");
  clock.advance(8 * 3_600_000);
  const signedOut = sandbox.portalToken("ada");
  await clients.portal.send(new LogoutCommand({ accessToken: signedOut }));

  for (const token of ["made-up", old, signedOut, sandbox.portalToken("mallory")]) {
    await expect(list(token)).rejects.toMatchObject(refusal);
  }
  await list(sandbox.portalToken("ada"));
});
