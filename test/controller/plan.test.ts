import { describe, expect, it } from "vitest";
import type { AnyObject, Grant } from "#kinds/index.ts";
import { planChange } from "#controller/plan/plan.ts";
import { aDatabase, aGrant, anAvailability, aProxy, aWorkflow } from "#controller/reconcile/testing.ts";
import type { Sandbox } from "#sandbox/sandbox.ts";
import { has, installation, startController } from "./harness.ts";

const inAnHour = (): string => new Date(Date.now() + 3_600_000).toISOString();
const policyObjects = (): readonly AnyObject[] => [aDatabase(), aProxy(), aWorkflow(), anAvailability()];
const controllerIdentity = { publicURL: "https://c.example", pin: `sha256:${"0".repeat(64)}`, installation };

async function planned(base: readonly AnyObject[], wanted: readonly AnyObject[]): Promise<Foreseen> {
  const placed = (objects: readonly AnyObject[]) => objects.map((object) => ({ object, origin: "" }));
  const input = { base: placed(base), wanted: placed(wanted), controller: controllerIdentity, now: Date.now() };
  const calls = (await planChange(input)).filter(({ key }) => key.kind === "Grant").flatMap((step) => step.calls);
  return {
    changes: calls.filter(({ mutates }) => mutates).map(({ operation }) => operation),
    looks: distinct(calls.filter(({ mutates }) => !mutates).map(({ operation }) => operation)),
  };
}

interface Foreseen {
  readonly changes: readonly string[];
  /** Each once: how often an operation is polled depends on how long it takes. */
  readonly looks: readonly string[];
}

/** What the sandbox was really asked for since call `from`. */
function asked({ calls }: Sandbox, from: number): Foreseen {
  const since = calls.filter(({ index }) => index >= from);
  const name = ({ service, operation }: (typeof since)[number]): string =>
    `${service.replace("sso-admin", "sso")}:${operation}`;
  return {
    changes: since.filter(({ mutationIndex }) => mutationIndex >= 0).map(name),
    looks: distinct(since.filter(({ mutationIndex }) => mutationIndex < 0).map(name)),
  };
}

function distinct(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}

describe("a plan and what then happens", () => {
  it("are the same calls, for a Grant that is added and for one that is removed", async () => {
    const grant = aGrant({ spec: { notAfterTime: inAnHour() } });
    const foreseenAdd = await planned(policyObjects(), [...policyObjects(), grant]);
    const foreseenRemove = await planned([...policyObjects(), grant], policyObjects());
    await using controller = await startController({ objects: policyObjects() });
    const { sandbox, source } = controller;
    const count = (): number => (sandbox.calls.at(-1)?.index ?? -1) + 1;

    const atStart = count();
    source.put(grant);
    const live = await controller.until<Grant>("Grant", "ada-orders", (object) => has(object, "Active", "True"));
    const added = asked(sandbox, atStart);
    const atEnd = count();
    source.put({ ...live, metadata: { ...live.metadata, deletionTimestamp: new Date().toISOString() } });
    await controller.gone("Grant", "ada-orders");
    const removed = asked(sandbox, atEnd);

    expect(foreseenAdd).toEqual(added);
    expect(foreseenRemove).toEqual(removed);
  });
});
