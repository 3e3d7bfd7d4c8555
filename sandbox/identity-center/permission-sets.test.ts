import {
  CreatePermissionSetCommand,
  DescribePermissionSetCommand,
  GetInlinePolicyForPermissionSetCommand,
  ListInstancesCommand,
  ListPermissionSetsCommand,
  ListTagsForResourceCommand,
  PutInlinePolicyToPermissionSetCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdatePermissionSetCommand,
} from "@aws-sdk/client-sso-admin";
import { expect, test } from "vitest";
import { createSet } from "../testing/grants.ts";
import { startHarness } from "../testing/harness.ts";
import { sessionSeconds } from "./rules.ts";

test("a new permission set has the defaults, an ARN of the real form and the tags it was made with", async () => {
  await using harness = await startHarness();
  const { clients, instanceARN: InstanceArn } = harness;

  const { PermissionSet } = await clients.ssoAdmin.send(
    new CreatePermissionSetCommand({
      InstanceArn,
      Name: "g0123456789abcdefghijklmnop",
      Description: "ada, orders-prod",
      Tags: [{ Key: "sallyport.dev/uid", Value: "u1" }],
    }),
  );
  const tags = await clients.ssoAdmin.send(
    new ListTagsForResourceCommand({ InstanceArn, ResourceArn: PermissionSet?.PermissionSetArn }),
  );
  const policy = await clients.ssoAdmin.send(
    new GetInlinePolicyForPermissionSetCommand({ InstanceArn, PermissionSetArn: PermissionSet?.PermissionSetArn }),
  );

  expect(PermissionSet?.PermissionSetArn).toMatch(
    /^arn:aws:sso:::permissionSet\/ssoins-[0-9a-f]{16}\/ps-[0-9a-f]{16}$/,
  );
  expect(PermissionSet?.SessionDuration).toBe("PT1H");
  expect(PermissionSet?.CreatedDate).toBeInstanceOf(Date);
  expect(tags.Tags).toEqual([{ Key: "sallyport.dev/uid", Value: "u1" }]);
  expect(policy.InlinePolicy).toBe("");
});

test("names, descriptions, durations and tags that AWS refuses are refused, and the limit itself is allowed", async () => {
  await using harness = await startHarness();
  const create = (change: object) =>
    harness.clients.ssoAdmin.send(
      new CreatePermissionSetCommand({ InstanceArn: harness.instanceARN, Name: "n", ...change }),
    );
  const tags = (count: number) => Array.from({ length: count }, (_, index) => ({ Key: `k${index}`, Value: "" }));

  for (const change of [
    { Name: "a".repeat(33) },
    { Name: "" },
    { Name: "has space" },
    { Name: "näme" },
    { Description: "d".repeat(701) },
    { Description: "" },
    { Description: "emoji \u{1F600}" },
    { SessionDuration: "PT59M" },
    { SessionDuration: "PT13H" },
    { SessionDuration: "1h" },
    { Tags: tags(76) },
    { Tags: [{ Key: "aws:x", Value: "" }] },
    { Tags: [{ Key: 'quo"te', Value: "" }] },
    {
      Tags: [
        { Key: "a", Value: "1" },
        { Key: "a", Value: "2" },
      ],
    },
  ]) {
    await expect(create(change), JSON.stringify(change)).rejects.toMatchObject({ name: "ValidationException" });
  }
  await expect(create({ Tags: tags(51) })).rejects.toMatchObject({ name: "ServiceQuotaExceededException" });
  expect(harness.sandbox.state.permissionSets.size).toBe(1);
  const largest = { Name: "a".repeat(32), Description: "d".repeat(700), SessionDuration: "PT12H", Tags: tags(50) };
  await create(largest);
});

test("two permission sets cannot have one name", async () => {
  await using harness = await startHarness();
  await createSet(harness, "g1");

  await expect(createSet(harness, "g1")).rejects.toMatchObject({ name: "ConflictException" });
});

test("an instance takes no more permission sets than its quota", async () => {
  await using harness = await startHarness({ limits: { permissionSetsMax: 2 } });
  await createSet(harness, "g1");

  await expect(createSet(harness, "g2")).rejects.toMatchObject({ name: "ServiceQuotaExceededException" });
});

test("an inline policy must be a policy document within both size limits", async () => {
  await using harness = await startHarness();
  const setARN = await createSet(harness, "g1");
  const put = (InlinePolicy: string) =>
    harness.clients.ssoAdmin.send(
      new PutInlinePolicyToPermissionSetCommand({
        InstanceArn: harness.instanceARN,
        PermissionSetArn: setARN,
        InlinePolicy,
      }),
    );
  const policy = (resource: string) =>
    JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "s3:*", Resource: resource }] });
  const overhead = policy("").length;

  for (const bad of [
    "not json",
    "[]",
    "{}",
    '{"Statement":[]}',
    '{"Statement":{"Effect":"Maybe","Action":"*","Resource":"*"}}',
    '{"Statement":{"Effect":"Allow","Resource":"*"}}',
    '{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}}',
    " ".repeat(32_769),
  ]) {
    await expect(put(bad), bad.slice(0, 60)).rejects.toMatchObject({ name: "ValidationException" });
  }
  await expect(put(policy("r".repeat(10_241 - overhead)))).rejects.toMatchObject({
    name: "ServiceQuotaExceededException",
  });
  await put(policy("r".repeat(10_240 - overhead)));
  // White space counts for the larger limit only.
  await put(policy("r".repeat(10_240 - overhead)) + " ".repeat(32_768 - 10_240));
});

test("tags are added, replaced and removed", async () => {
  await using harness = await startHarness();
  const { clients, instanceARN: InstanceArn } = harness;
  const ResourceArn = await createSet(harness, "g1");
  const tag = (Key: string, Value: string) =>
    clients.ssoAdmin.send(new TagResourceCommand({ InstanceArn, ResourceArn, Tags: [{ Key, Value }] }));

  await tag("a", "1");
  await tag("b", "2");
  await tag("a", "3");
  await clients.ssoAdmin.send(new UntagResourceCommand({ InstanceArn, ResourceArn, TagKeys: ["b"] }));
  const { Tags } = await clients.ssoAdmin.send(new ListTagsForResourceCommand({ InstanceArn, ResourceArn }));

  expect(Tags).toEqual([{ Key: "a", Value: "3" }]);
});

test("permission sets are listed page by page, and a made-up token is refused", async () => {
  await using harness = await startHarness();
  const { clients, instanceARN: InstanceArn } = harness;
  for (const name of ["g1", "g2", "g3", "g4"]) {
    await createSet(harness, name);
  }
  const list = (NextToken?: string) =>
    clients.ssoAdmin.send(new ListPermissionSetsCommand({ InstanceArn, MaxResults: 2, NextToken }));

  const pages = [await list()];
  while (pages.at(-1)?.NextToken !== undefined) {
    pages.push(await list(pages.at(-1)?.NextToken));
  }

  expect(pages.map((page) => page.PermissionSets?.length)).toEqual([2, 2, 1]);
  expect(new Set(pages.flatMap((page) => page.PermissionSets)).size).toBe(5);
  await expect(list("bm9uc2Vuc2U=")).rejects.toMatchObject({ name: "ValidationException" });
});

test("an update changes what it names and keeps the rest", async () => {
  await using harness = await startHarness();
  const { clients, instanceARN: InstanceArn } = harness;
  const PermissionSetArn = await createSet(harness, "g1");

  await clients.ssoAdmin.send(
    new UpdatePermissionSetCommand({ InstanceArn, PermissionSetArn, SessionDuration: "PT2H" }),
  );
  await clients.ssoAdmin.send(new UpdatePermissionSetCommand({ InstanceArn, PermissionSetArn, Description: "new" }));
  const { PermissionSet } = await clients.ssoAdmin.send(
    new DescribePermissionSetCommand({ InstanceArn, PermissionSetArn }),
  );

  expect(PermissionSet).toMatchObject({ Name: "g1", SessionDuration: "PT2H", Description: "new" });
});

test("the administration calls share one rate: the 21st in a second is throttled, and time heals it", async () => {
  await using harness = await startHarness({ limits: { identityCenterPerSecond: 20 } });
  const list = () => harness.clients.ssoAdmin.send(new ListInstancesCommand({}));
  for (let count = 0; count < 20; count += 1) {
    await list();
  }

  await expect(list()).rejects.toMatchObject({ name: "ThrottlingException" });
  harness.clock.advance(50);
  await list();
  await expect(list()).rejects.toMatchObject({ name: "ThrottlingException" });
});

test.each([
  ["PT1H", 3600],
  ["PT12H", 43_200],
  ["PT1H30M", 5400],
  ["PT90M", 5400],
  ["P1D", undefined],
  ["PT0H", undefined],
  ["PT12H1S", undefined],
  ["PT", undefined],
  ["P", undefined],
  ["3600", undefined],
])("a session duration of %s is %s seconds", (duration, expected) => {
  expect(sessionSeconds(duration)).toBe(expected);
});
