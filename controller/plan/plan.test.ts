import { describe, expect, it } from "vitest";
import type { AnyObject } from "#kinds/index.ts";
import { aDatabase, aGrant, anAvailability, aProxy, aWorkflow } from "../reconcile/testing.ts";
import { reviewDigest } from "#kinds/digest.ts";
import { resolveTarget } from "../reconcile/grant/target.ts";
import { seen } from "../reconcile/grant/testing.ts";
import { costOf } from "./cost.ts";
import { planChange } from "./plan.ts";

const now = Date.UTC(2026, 0, 1, 12);
const controller = { publicURL: "https://c.example", pin: `sha256:${"0".repeat(64)}`, installation: "test" };
const world: readonly AnyObject[] = [aProxy(), aDatabase(), aWorkflow(), anAvailability()].map(written);

/** As a file has it: without what the controller adds. */
function written<T extends AnyObject>(object: T): T {
  const { status: _, ...rest } = object;
  const { uid: _uid, generation: _generation, ...metadata } = object.metadata;
  return { ...rest, metadata } as T;
}

async function plan(base: readonly AnyObject[], wanted: readonly AnyObject[]) {
  const placed = (objects: readonly AnyObject[]) => objects.map((object) => ({ object, origin: "a.yaml:1" }));
  const steps = await planChange({ base: placed(base), wanted: placed(wanted), controller, now });
  return steps.map((step) => ({
    ...step,
    does: step.calls.filter(({ mutates }) => mutates).map(({ operation }) => operation),
  }));
}

const workflow = aWorkflow({
  spec: { approvalSteps: [{ name: "lead", approvers: [{ kind: "Pipeline", name: "ci" }] }] },
});
const reviewed = [...world.filter(({ kind }) => kind !== "AccessWorkflow"), written(workflow)];
const resolution = resolveTarget(aDatabase(), aProxy(), "read_only");
const digestThere = reviewDigest(aGrant(), {
  workflow,
  availability: "developers",
  target: resolution.kind === "resolved" ? resolution.target : (undefined as never),
});

function approval(grantDigest: string): AnyObject {
  const reviewer = { kind: "Pipeline", username: "ci" } as const;
  return {
    apiVersion: "sallyport.dev/v1alpha1",
    kind: "GrantReview",
    metadata: { namespace: "default", name: "by-ci" },
    spec: { grantRef: { name: "ada-orders" }, grantDigest, decision: "Approve", reviewer },
  };
}

describe("what a plan foresees", () => {
  it("nothing, where nothing changes", async () => {
    const everything = [...world, written(aGrant())];

    expect(await plan(everything, everything)).toEqual([]);
  });

  it("each call that gives access, in order, for a Grant that is added", async () => {
    const [step] = await plan(world, [...world, written(aGrant())]);

    expect(step).toMatchObject({ change: "add", isRefused: false, becomes: { reason: "Active" } });
    expect(step?.does).toEqual([
      "sso:CreatePermissionSet",
      "sso:PutInlinePolicyToPermissionSet",
      "sso:CreateAccountAssignment",
      "sso:TagResource",
    ]);
  });

  it("each call that takes access away, for a Grant that is removed", async () => {
    const [step] = await plan([...world, written(aGrant())], world);

    expect(step?.change).toBe("remove");
    expect(step?.does).toEqual(expect.arrayContaining(["sso:DeleteAccountAssignment", "sso:DeletePermissionSet"]));
  });

  it("the end of live Grants whose Database is pointed elsewhere, though they did not change", async () => {
    const database = written(aDatabase());
    const elsewhere = { ...database, spec: { ...database.spec, databaseName: "other" } };
    const rest = world.filter(({ kind }) => kind !== "Database");

    const steps = await plan([...world, written(aGrant())], [...rest, elsewhere, written(aGrant())]);

    const grant = steps.find(({ key }) => key.kind === "Grant");
    expect(grant?.change).toBe("none");
    expect(grant?.does).toContain("sso:DeleteAccountAssignment");
  });

  it("that a Grant waits for approval, for which steps, and gets nothing meanwhile", async () => {
    const [step] = await plan(reviewed, [...reviewed, written(aGrant())]);

    expect(step?.does).toEqual([]);
    expect(step?.becomes).toMatchObject({ reason: "PendingApproval", message: expect.stringContaining("lead") });
  });

  it("what a pipeline's approval of a Grant that is there comes to, and nothing for one that is not there yet", async () => {
    const there = [...reviewed, aGrant({ status: { ...seen, review: { digest: digestThere, workflow: "auto" } } })];

    const steps = await plan(there, [...there, approval(digestThere)]);
    const early = await plan(reviewed, [...reviewed, written(aGrant()), approval(digestThere)]);

    expect(steps.find(({ key }) => key.kind === "GrantReview")?.becomes?.reason).toBe("Counted");
    expect(steps.find(({ key }) => key.kind === "Grant")?.does).toContain("sso:CreateAccountAssignment");
    expect(early.map(({ becomes }) => becomes?.reason)).toEqual(["PendingApproval", undefined]);
  });

  it("that a Grant nobody is entitled to gets nothing, and why", async () => {
    const withoutAvailability = world.filter(({ kind }) => kind !== "Availability");

    const [step] = await plan(withoutAvailability, [...withoutAvailability, written(aGrant())]);

    expect(step?.does).toEqual([]);
    expect(step?.becomes?.reason).not.toBe("Active");
  });

  it("the service that goes with a Proxy that is removed, and none where it is retained", async () => {
    const proxy = written(aProxy());
    const rest = world.filter(({ kind }) => kind !== "Proxy");
    const retained = { ...proxy, spec: { ...proxy.spec, deletionPolicy: "Retain" as const } };

    const removed = await plan(world, rest);
    const kept = await plan([...rest, retained], rest);

    const doneFor = (steps: typeof removed) => steps.find(({ key }) => key.kind === "Proxy")?.does;
    expect(doneFor(removed)).toContain("ecs:DeleteService");
    expect(doneFor(kept)).toEqual([]);
  });

  it("a new task definition and a rollout for a Proxy whose image changes, and nothing for its Grants", async () => {
    const proxy = written(aProxy());
    const { service } = proxy.spec;
    const newer = { ...proxy, spec: { ...proxy.spec, service: { ...service, image: "sallyport:2" } } } as typeof proxy;
    const rest = [...world.filter(({ kind }) => kind !== "Proxy"), written(aGrant())];

    const steps = await plan([proxy, ...rest], [newer, ...rest]);

    expect(steps).toMatchObject([
      {
        key: { kind: "Proxy" },
        does: ["ecs:RegisterTaskDefinition", "ecs:UpdateService"],
        becomes: { reason: "Available" },
      },
    ]);
  });

  it("does not name the ID of a grant that is not there yet", async () => {
    const [step] = await plan(world, [...world, written(aGrant())]);

    const create = step?.calls.find(({ operation }) => operation === "sso:CreatePermissionSet");
    expect(create?.about).toBe("(the grant's ID)");
  });
});

describe("what a plan costs", () => {
  it("counts calls, those that change something, those to Identity Center, and role updates by account", () => {
    const cost = costOf([
      { operation: "sso:CreatePermissionSet", about: "", mutates: true },
      { operation: "sso:CreateAccountAssignment", about: "", mutates: true, updatesRoleIn: "111122223333" },
      { operation: "iam:ListRoles", about: "", mutates: false },
    ]);

    expect(cost).toEqual({
      calls: 3,
      changes: 2,
      identityCenter: 2,
      secondsMin: 0.1,
      roleUpdates: { "111122223333": 1 },
    });
  });
});
