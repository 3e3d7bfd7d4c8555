import {
  CreateGroupCommand,
  CreateGroupMembershipCommand,
  CreateUserCommand,
  DeleteGroupMembershipCommand,
  DeleteUserCommand,
  DescribeGroupCommand,
  DescribeUserCommand,
  GetUserIdCommand,
  IsMemberInGroupsCommand,
  ListGroupMembershipsCommand,
  ListGroupMembershipsForMemberCommand,
  ListUsersCommand,
  UpdateUserCommand,
} from "@aws-sdk/client-identitystore";
import { expect, test } from "vitest";
import { groupByName } from "../state.ts";
import { type Harness, startHarness } from "../testing/harness.ts";

function find(harness: Harness, AttributePath: string, AttributeValue: string) {
  return harness.clients.identityStore.send(
    new GetUserIdCommand({
      IdentityStoreId: harness.storeID,
      AlternateIdentifier: { UniqueAttribute: { AttributePath, AttributeValue } },
    }),
  );
}

test("a person is found by user name and by e-mail, without case, and by nothing else", async () => {
  await using harness = await startHarness();

  const byName = await find(harness, "userName", "ADA");
  const byMail = await find(harness, "emails.value", "ada@example.com");

  expect(byName.UserId).toBe(harness.userID("ada"));
  expect(byName.UserId).toMatch(/^93671a2b3c-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  expect(byMail.UserId).toBe(byName.UserId);
  await expect(find(harness, "userName", "nobody")).rejects.toMatchObject({
    name: "ResourceNotFoundException",
    ResourceType: "USER",
  });
  await expect(find(harness, "title", "x")).rejects.toMatchObject({ name: "ValidationException" });
});

test("a person is described with name, mail and status", async () => {
  await using harness = await startHarness();
  const { identityStore } = harness.clients;
  const describe = (userName: string) =>
    identityStore.send(new DescribeUserCommand({ IdentityStoreId: harness.storeID, UserId: harness.userID(userName) }));

  const ada = await describe("ada");
  const mallory = await describe("mallory");

  expect(ada).toMatchObject({
    UserName: "ada",
    DisplayName: "Ada Lovelace",
    Name: { GivenName: "Ada", FamilyName: "Lovelace" },
    Emails: [{ Value: "ada@example.com", Primary: true }],
    UserStatus: "ENABLED",
  });
  expect(mallory.UserStatus).toBe("DISABLED");
});

test("an external identifier finds its person", async () => {
  await using harness = await startHarness();
  harness.sandbox.state.people.get(harness.userID("ada"))?.externalIDs.push({ issuer: "https://scim/1", id: "x1" });
  const byExternal = (Id: string) =>
    harness.clients.identityStore.send(
      new GetUserIdCommand({
        IdentityStoreId: harness.storeID,
        AlternateIdentifier: { ExternalId: { Issuer: "https://scim/1", Id } },
      }),
    );

  expect((await byExternal("x1")).UserId).toBe(harness.userID("ada"));
  await expect(byExternal("x2")).rejects.toMatchObject({ name: "ResourceNotFoundException" });
});

test("another identity store is not found, nor are people and groups that do not exist", async () => {
  await using harness = await startHarness();
  const { identityStore } = harness.clients;
  const { storeID: IdentityStoreId } = harness;
  const nobody = "93671a2b3c-00000000-0000-4000-8000-000000000000";

  for (const command of [
    new DescribeUserCommand({ IdentityStoreId: "d-0000000000", UserId: harness.userID("ada") }),
    new DescribeUserCommand({ IdentityStoreId, UserId: nobody }),
    new DeleteUserCommand({ IdentityStoreId, UserId: nobody }),
  ]) {
    await expect(identityStore.send(command as DescribeUserCommand)).rejects.toMatchObject({
      name: "ResourceNotFoundException",
    });
  }
  await expect(
    identityStore.send(new DescribeGroupCommand({ IdentityStoreId, GroupId: nobody })),
  ).rejects.toMatchObject({ name: "ResourceNotFoundException", ResourceType: "GROUP" });
});

test("people are listed, filtered by name, and page by page", async () => {
  await using harness = await startHarness();
  const { identityStore } = harness.clients;
  const { storeID: IdentityStoreId } = harness;

  const named = await identityStore.send(
    new ListUsersCommand({ IdentityStoreId, Filters: [{ AttributePath: "UserName", AttributeValue: "grace" }] }),
  );
  const first = await identityStore.send(new ListUsersCommand({ IdentityStoreId, MaxResults: 3 }));
  const second = await identityStore.send(
    new ListUsersCommand({ IdentityStoreId, MaxResults: 3, NextToken: first.NextToken }),
  );

  expect(named.Users?.map((user) => user.UserName)).toEqual(["grace"]);
  expect([first.Users?.length, second.Users?.length, second.NextToken]).toEqual([3, 2, undefined]);
});

test("a user name is taken once; a changed and a deleted person are seen as such", async () => {
  await using harness = await startHarness();
  const { identityStore } = harness.clients;
  const { storeID: IdentityStoreId } = harness;
  const person = (UserName: string) =>
    new CreateUserCommand({
      IdentityStoreId,
      UserName,
      DisplayName: "Tim",
      Name: { GivenName: "Tim", FamilyName: "B" },
    });

  const { UserId } = await identityStore.send(person("tim"));
  await expect(identityStore.send(person("TIM"))).rejects.toMatchObject({ name: "ConflictException" });
  await identityStore.send(
    new UpdateUserCommand({
      IdentityStoreId,
      UserId,
      Operations: [{ AttributePath: "userName", AttributeValue: "timothy" }],
    }),
  );
  const renamed = await find(harness, "userName", "timothy");
  await identityStore.send(new DeleteUserCommand({ IdentityStoreId, UserId }));

  expect(renamed.UserId).toBe(UserId);
  await expect(find(harness, "userName", "timothy")).rejects.toMatchObject({ name: "ResourceNotFoundException" });
});

test("memberships are made once, asked for from both sides, and taken away", async () => {
  await using harness = await startHarness();
  const { identityStore } = harness.clients;
  const { storeID: IdentityStoreId } = harness;
  const MemberId = { UserId: harness.userID("ada") };
  const developers = groupByName(harness.sandbox.state, "developers")?.groupID ?? "";
  const { GroupId = "" } = await identityStore.send(new CreateGroupCommand({ IdentityStoreId, DisplayName: "new" }));
  const join = () => identityStore.send(new CreateGroupMembershipCommand({ IdentityStoreId, GroupId, MemberId }));
  const isIn = async () => {
    const answer = await identityStore.send(
      new IsMemberInGroupsCommand({ IdentityStoreId, MemberId, GroupIds: [GroupId, developers] }),
    );
    return answer.Results?.map((result) => result.MembershipExists);
  };

  const before = await isIn();
  const { MembershipId } = await join();
  const during = await isIn();
  const ofGroup = await identityStore.send(new ListGroupMembershipsCommand({ IdentityStoreId, GroupId }));
  const ofMember = await identityStore.send(new ListGroupMembershipsForMemberCommand({ IdentityStoreId, MemberId }));
  await expect(join()).rejects.toMatchObject({ name: "ConflictException" });
  await identityStore.send(new DeleteGroupMembershipCommand({ IdentityStoreId, MembershipId }));

  expect([before, during, await isIn()]).toEqual([
    [false, true],
    [true, true],
    [false, true],
  ]);
  expect(ofGroup.GroupMemberships?.map((one) => one.MembershipId)).toEqual([MembershipId]);
  expect(ofMember.GroupMemberships?.map((one) => one.GroupId).sort()).toEqual([developers, GroupId].sort());
});

test("throttling says when to come back", async () => {
  await using harness = await startHarness({ limits: { identityStorePerSecond: 1 } });
  await find(harness, "userName", "ada");

  await expect(find(harness, "userName", "ada")).rejects.toMatchObject({
    name: "ThrottlingException",
    RetryAfterSeconds: 1,
  });
});
