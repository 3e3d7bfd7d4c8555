import { describe, expect, it } from "vitest";
import type { Grant } from "#kinds/index.ts";
import { grantIDOf } from "#lib/grant-id.ts";
import { aDatabase, aGrant, anAvailability, aProxy, aWorkflow, uidOf } from "#controller/reconcile/testing.ts";
import { has, startController } from "./harness.ts";

const inAnHour = (): string => new Date(Date.now() + 3_600_000).toISOString();
const policyObjects = () => [aDatabase(), aProxy(), aWorkflow(), anAvailability()];

describe("a Grant on the real SDK", () => {
  it("becomes live with a permission set named by its ID, and leaves nothing when revoked", async () => {
    const grant = aGrant({ spec: { notAfterTime: inAnHour() } });
    await using controller = await startController({ objects: [...policyObjects(), grant] });
    const { sandbox } = controller;

    const live = await controller.until<Grant>("Grant", "ada-orders", (object) => has(object, "Active", "True"));

    const grantID = grantIDOf(uidOf(1));
    const set = [...sandbox.state.permissionSets.values()].find((other) => other.name === grantID);
    expect(set?.tags.get("sallyport.dev/expiry")).toBe(live.status?.expiryTime);
    expect(sandbox.state.roles.byID(live.status?.external?.roleID ?? "")?.roleName).toContain(grantID);
    expect(sandbox.credentialsFor("ada", grantID).accessKeyID).toMatch(/^ASIA/);

    controller.source.put({ ...live, spec: { ...live.spec, revocation: { reason: "done" } } });
    const over = await controller.until<Grant>("Grant", "ada-orders", (object) =>
      has(object, "Ready", "True", "Revoked"),
    );

    expect(has(over, "Active", "False", "Revoked")).toBe(true);
    expect(over.status?.end?.message).toContain("done");
    expect([...sandbox.state.permissionSets.values()].map((other) => other.name)).not.toContain(grantID);
    expect(controller.source.tombstone("default", "ada-orders")?.uid).toBe(uidOf(1));
  });
});
