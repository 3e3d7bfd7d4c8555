import {
  DescribePermissionSetCommand,
  ListAccountAssignmentsCommand,
  ListPermissionSetsCommand,
  ListTagsForResourceCommand,
  TagResourceCommand,
} from "@aws-sdk/client-sso-admin";
import { GetRoleCommand } from "@aws-sdk/client-iam";
import { expect, it } from "vitest";
import { byHand } from "./by-hand.ts";
import { demoAccountID } from "./seed.ts";
import { assign, createSet, roleOf } from "./testing/grants.ts";
import { startHarness, type Harness } from "./testing/harness.ts";

const lagMs = 5_000;

/** What Identity Center and IAM show of one set, by the official clients. */
async function shown({ clients, instanceARN: InstanceArn }: Harness, PermissionSetArn: string, RoleName = "none") {
  const { ssoAdmin, iam } = clients;
  const { PermissionSets } = await ssoAdmin.send(new ListPermissionSetsCommand({ InstanceArn }));
  const described = await ssoAdmin.send(new DescribePermissionSetCommand({ InstanceArn, PermissionSetArn })).then(
    () => true,
    () => false,
  );
  const assignments = await ssoAdmin
    .send(new ListAccountAssignmentsCommand({ InstanceArn, PermissionSetArn, AccountId: demoAccountID }))
    .then(
      (answer) => answer.AccountAssignments?.length,
      () => 0,
    );
  const role = await iam.send(new GetRoleCommand({ RoleName })).then(
    () => true,
    () => false,
  );
  return { listed: PermissionSets?.includes(PermissionSetArn), described, assignments, role };
}

const nothing = { listed: false, described: false, assignments: 0, role: false };
const everything = { listed: true, described: true, assignments: 1, role: true };

it("reads lag behind writes by the window, in both directions; access does not", async () => {
  await using harness = await startHarness({ delays: { identityCenterMs: 0 } });
  const { sandbox, clock } = harness;
  sandbox.readLagMs = lagMs;

  const setARN = await createSet(harness, "g1");
  await assign(harness, setARN, "ada");
  const roleName = roleOf(harness, setARN)?.roleName;

  expect(await shown(harness, setARN, roleName)).toEqual(nothing);
  expect(sandbox.credentialsFor("ada", "g1").accessKeyID).toMatch(/^ASIA/);
  clock.advance(lagMs);
  expect(await shown(harness, setARN, roleName)).toEqual(everything);
  byHand(sandbox).deleteSet("g1");
  expect(() => sandbox.credentialsFor("ada", "g1")).toThrow();
  expect(await shown(harness, setARN, roleName)).toEqual(everything);
  clock.advance(lagMs);
  expect(await shown(harness, setARN, roleName)).toEqual(nothing);
});

it("tags show late as well, and at once when the lag is taken away", async () => {
  await using harness = await startHarness();
  const { sandbox, clients, instanceARN: InstanceArn } = harness;
  const ResourceArn = await createSet(harness, "g1");
  const tags = async () => {
    const answer = await clients.ssoAdmin.send(new ListTagsForResourceCommand({ InstanceArn, ResourceArn }));
    return answer.Tags?.map(({ Key }) => Key);
  };
  sandbox.readLagMs = lagMs;

  await clients.ssoAdmin.send(new TagResourceCommand({ InstanceArn, ResourceArn, Tags: [{ Key: "k", Value: "v" }] }));

  expect(await tags()).not.toContain("k");
  sandbox.readLagMs = 0;
  expect(await tags()).toContain("k");
});

it("says who did what: callers by their ARN, also where it takes effect later, and nobody for changes by hand", async () => {
  await using harness = await startHarness({ delays: { identityCenterMs: 10 } });
  const { sandbox } = harness;
  const setARN = await createSet(harness, "g1");
  await assign(harness, setARN, "ada");
  harness.clock.advance(10);
  const hands = byHand(sandbox);
  hands.putPolicy("g1", { Version: "2012-10-17", Statement: [] });
  hands.untag("g1");
  hands.assign("g1", harness.userID("grace"), demoAccountID);
  hands.unassign("g1");
  hands.deleteSet("g1");

  const seen = sandbox.events.list.flatMap((event) =>
    ["set-created", "assigned", "unassigned", "set-deleted", "policy", "tagged"].includes(event.kind) &&
    (!("arn" in event) || event.arn === setARN) &&
    (!("permissionSetARN" in event) || event.permissionSetARN === setARN)
      ? [`${event.kind} ${event.by?.split("/").at(-1) ?? "by hand"}`]
      : [],
  );

  expect(seen).toEqual([
    "set-created sallyport-controller",
    "assigned sallyport-controller",
    "policy by hand",
    "tagged by hand",
    "assigned by hand",
    "unassigned by hand",
    "unassigned by hand",
    "set-deleted by hand",
  ]);
  expect(hands.createSet("other")).toContain("permissionSet");
  expect(() => hands.untag("none")).toThrow("no permission set none");
});
