import { describe, expect, it } from "vitest";
import type { AnyObject, Grant } from "#kinds/index.ts";
import { systemClock } from "#lib/clock.ts";
import { grantIDOf } from "#lib/grant-id.ts";
import { findOrphans, orphansRemovedMax, removeOrphan } from "#controller/reconcile/grant/orphans.ts";
import { recoverGrants } from "#controller/reconcile/grant/recovery.ts";
import {
  aDatabase,
  aGrant,
  anAvailability,
  aProxy,
  aWorkflow,
  memorySource,
  uidOf,
} from "#controller/reconcile/testing.ts";
import type { Sandbox } from "#sandbox/sandbox.ts";
import { AwsError } from "#sandbox/service.ts";
import { has, installation, startController } from "./harness.ts";

const inAnHour = (): string => new Date(Date.now() + 3_600_000).toISOString();
const policyObjects = (): AnyObject[] => [aDatabase(), aProxy(), aWorkflow(), anAvailability()];
const ourSets = (sandbox: Sandbox): string[] =>
  [...sandbox.state.permissionSets.values()].filter((set) => set.name !== "sallyport").map((set) => set.name);
const key = { kind: "Grant", namespace: "default", name: "ada-orders" } as const;
const isLive = (grant: Grant): boolean => has(grant, "Active", "True");

const denied = (): AwsError => new AwsError("AccessDeniedException", "not allowed to");

function grantOf(digit: number, spec: Partial<Grant["spec"]> = {}): Grant {
  const metadata = digit === 1 ? {} : { name: `ada-orders-${digit}`, uid: uidOf(digit) };
  return aGrant({ metadata, spec: { notAfterTime: inAnHour(), ...spec } });
}

describe("the end of a Grant", () => {
  it("comes by itself at the end of the window, and is recorded at that very instant", async () => {
    await using controller = await startController({
      objects: [...policyObjects(), grantOf(1, { durationSeconds: 2 })],
    });

    const over = await controller.until<Grant>("Grant", "ada-orders", (grant) =>
      has(grant, "Ready", "True", "Expired"),
    );

    expect(over.status?.endTime).toBe(over.status?.expiryTime);
    expect(Date.parse(over.status?.expiryTime ?? "") - Date.parse(over.status?.activationTime ?? "")).toBe(2_000);
    expect(ourSets(controller.sandbox)).toEqual([]);
  });

  it("comes with the deletion of the object, which goes only when nothing is left", async () => {
    await using controller = await startController({ objects: [...policyObjects(), grantOf(1)] });
    await controller.until<Grant>("Grant", "ada-orders", isLive);

    controller.source.remove(key, new Date().toISOString());
    await controller.gone("Grant", "ada-orders");

    expect(ourSets(controller.sandbox)).toEqual([]);
    expect(controller.source.tombstone("default", "ada-orders")?.uid).toBe(uidOf(1));
  });

  it("that AWS refuses is shown as RevocationFailed with access still counted, and is tried until it works", async () => {
    await using controller = await startController({ objects: [...policyObjects(), grantOf(1)] });
    const live = await controller.until<Grant>("Grant", "ada-orders", isLive);
    controller.sandbox.faults = ({ operation, phase }) =>
      operation === "DeleteAccountAssignment" && phase === "before" ? { error: denied() } : "pass";

    controller.source.put({ ...live, spec: { ...live.spec, revocation: { reason: "done" } } });
    const failing = await controller.until<Grant>("Grant", "ada-orders", (grant) =>
      has(grant, "Ready", "False", "RevocationFailed"),
    );
    controller.sandbox.faults = () => "pass";
    const over = await controller.until<Grant>("Grant", "ada-orders", (grant) =>
      has(grant, "Ready", "True", "Revoked"),
    );

    expect(has(failing, "Active", "True")).toBe(true);
    expect(failing.status?.end?.reason).toBe("Revoked");
    expect(has(over, "Active", "False")).toBe(true);
    expect(ourSets(controller.sandbox)).toEqual([]);
  });
});

describe("a Grant that meets trouble on its way", () => {
  it("adopts the permission set whose creation was never answered", async () => {
    let dropped = false;
    const faults: Sandbox["faults"] = ({ operation, phase }) => {
      const drop = operation === "CreatePermissionSet" && phase === "after" && !dropped;
      dropped ||= drop;
      return drop ? "drop" : "pass";
    };

    await using controller = await startController({ objects: [...policyObjects(), grantOf(1)], sandbox: { faults } });
    await controller.until<Grant>("Grant", "ada-orders", isLive);

    expect(dropped).toBe(true);
    expect(ourSets(controller.sandbox)).toEqual([grantIDOf(uidOf(1))]);
  });

  it.each(["the approval too", "the end"] as const)(
    "stays ended where its status has lost %s, and its tombstone is gone: only AWS knows, and nobody is assigned again",
    async (lost) => {
      await using controller = await startController({ objects: [...policyObjects(), grantOf(1)] });
      const { sandbox, source } = controller;
      const live = await controller.until<Grant>("Grant", "ada-orders", isLive);
      sandbox.faults = ({ operation, phase }) =>
        operation === "DeletePermissionSet" && phase === "before" ? { error: denied() } : "pass";
      source.put({ ...live, spec: { ...live.spec, revocation: { reason: "done" } } });
      await controller.until<Grant>("Grant", "ada-orders", (grant) => has(grant, "Ready", "False", "RevocationFailed"));
      const assigned = (): number =>
        sandbox.calls.filter(({ operation }) => operation === "CreateAccountAssignment").length;
      const before = assigned();

      source.tombstones.clear();
      const { grantID = "", external, ...status } = live.status ?? {};
      const { permissionSetARN: _, ...known } = external as NonNullable<typeof external>;
      const { activationTime: __, expiryTime: ___, ...approved } = status;
      source.put({ ...live, status: lost === "the approval too" ? {} : { ...approved, grantID, external: known } });
      const over = await controller.until<Grant>("Grant", "ada-orders", ({ status: now }) => now?.end !== undefined);
      sandbox.faults = () => "pass";
      await controller.until<Grant>("Grant", "ada-orders", (grant) => has(grant, "Ready", "True", "Revoked"));

      expect(over.status?.end?.reason).toBe("Revoked");
      expect(assigned()).toBe(before);
      expect(ourSets(sandbox)).toEqual([]);
    },
  );

  it("says why AWS failed an assignment, and tries again", async () => {
    await using controller = await startController({ objects: [...policyObjects()] });
    controller.sandbox.asyncFailure = ({ kind }) => (kind === "creation" ? "the account is suspended" : undefined);
    controller.source.put(grantOf(1));

    const failing = await controller.until<Grant>("Grant", "ada-orders", (grant) =>
      has(grant, "Ready", "False", "ProviderError"),
    );
    controller.sandbox.asyncFailure = () => undefined;
    await controller.until<Grant>("Grant", "ada-orders", isLive);

    expect(failing.status?.conditions?.find(({ type }) => type === "Ready")?.message).toContain("suspended");
  });

  it("shares its account with others: all become live, and AWS never sees two updates at a time", async () => {
    const grants = [1, 2, 3, 4, 5].map((digit) => grantOf(digit));
    await using controller = await startController({
      objects: [...policyObjects(), ...grants],
      sandbox: { delays: { identityCenterMs: 100 } },
    });

    for (const grant of grants) {
      await controller.until<Grant>("Grant", grant.metadata.name, isLive);
    }

    expect(controller.sandbox.calls.filter(({ outcome }) => outcome === "ConflictException")).toEqual([]);
    expect(ourSets(controller.sandbox)).toHaveLength(5);
  });

  it("gets back what somebody deleted by hand, with the window it had", async () => {
    const proxy = aProxy({ spec: { driftCheckPeriodSeconds: 1 } });
    const objects = [aDatabase(), proxy, aWorkflow(), anAvailability(), grantOf(1)];
    await using controller = await startController({ objects });
    const live = await controller.until<Grant>("Grant", "ada-orders", isLive);

    controller.sandbox.state.assignments.clear();
    await controller.until<Grant>("Grant", "ada-orders", (grant) => has(grant, "Ready", "False", "DriftDetected"));
    const repaired = await controller.until<Grant>("Grant", "ada-orders", isLive);

    expect(repaired.status?.expiryTime).toBe(live.status?.expiryTime);
    expect([...controller.sandbox.state.assignments.values()]).toHaveLength(1);
  });
});

describe("lost state", () => {
  it("is read back from AWS: the same window goes on, and revoking works from it alone", async () => {
    await using controller = await startController({ objects: [...policyObjects(), grantOf(1)] });
    const live = await controller.until<Grant>("Grant", "ada-orders", isLive);
    await controller.loop.stop();

    const [recovered, ...more] = await recoverGrants(controller.ports, {
      installation,
      regions: new Set([controller.sandbox.region]),
      now: Date.now(),
    });

    expect(more).toEqual([]);
    expect(recovered).toMatchObject({ key, uid: uidOf(1) });
    expect(recovered?.status).toMatchObject({
      activationTime: live.status?.activationTime,
      expiryTime: live.status?.expiryTime,
      target: live.status?.target,
    });
    const { conditions: _conditions, observedGeneration: _generation, ...rest } = live.status ?? {};
    // The role too: without it a proxy could not be told of the grant, and would end its sessions.
    expect(recovered?.status).toEqual(rest);
  });

  it("leaves permission sets without a Grant, which are found and taken away, but never many unasked", async () => {
    await using controller = await startController({ objects: [...policyObjects(), grantOf(1)] });
    await controller.until<Grant>("Grant", "ada-orders", isLive);
    await controller.loop.stop();
    const place = { installation, regions: new Set([controller.sandbox.region]), now: Date.now() };

    const known = await findOrphans(controller.ports, controller.source, place);
    const { orphans, held } = await findOrphans(controller.ports, memorySource(), place);
    const others = await findOrphans(controller.ports, memorySource(), { ...place, installation: "another" });
    for (const orphan of orphans) {
      await removeOrphan(controller.ports, orphan, systemClock);
    }

    expect(known.orphans).toEqual([]);
    expect(others.orphans).toEqual([]);
    expect(orphans).toMatchObject([{ name: grantIDOf(uidOf(1)), grant: "default/ada-orders" }]);
    expect(held).toBeUndefined();
    expect(orphansRemovedMax).toBeLessThan(10);
    expect(ourSets(controller.sandbox)).toEqual([]);
    expect(
      [...controller.sandbox.state.assignments.values()].filter(
        ({ permissionSetARN }) => permissionSetARN === orphans[0]?.permissionSetARN,
      ),
    ).toEqual([]);
  });
});
