import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { FaultEvent } from "#sandbox/faults.ts";
import { byHand } from "#sandbox/by-hand.ts";
import { type ControlApi, controlApi } from "../harness/control-api.ts";
import { type Installation, startInstallation, untilProxyLinked } from "../harness/installation.ts";
import { eventually } from "../harness/process.ts";
import { isControllers, killAt, killPoints, recordMutations } from "../e2e/kill-points.ts";
import * as support from "../e2e/support.ts";
import { Ledger } from "./ledger.ts";

const person = "ada";
const accountID = "111122223333";
/** What a repair of an altered policy changes in AWS. */
const repairSteps = ["PutInlinePolicyToPermissionSet", "ProvisionPermissionSet"];
const observe = (): void => {};

let installation: Installation;
let api: ControlApi;
let ledger: Ledger;

beforeAll(async () => {
  installation = await startInstallation({ sandbox: { delays: { identityCenterMs: 30 } } });
  api = controlApi(installation, "margaret");
  ledger = new Ledger({ events: installation.sandbox.events, installation: "demo", lagMs: 5_000 });
  await untilProxyLinked(installation);
});

afterAll(async () => {
  ledger?.stop();
  await installation?.stop();
});

/** Writes the Grant's file, which the ledger hears of; `looks` asks for a look at AWS at once. */
function want(name: string, spec: { readonly notAfterTime?: string } = {}, looks?: number): void {
  const manifest = JSON.parse(support.grantManifest(name, person, spec)) as {
    metadata: { annotations?: Record<string, string> };
    spec: { durationSeconds: number; notAfterTime: string };
  };
  if (looks === undefined) {
    const principalID = [...installation.sandbox.state.people.values()].find((one) => one.userName === person)?.userID;
    const { durationSeconds, notAfterTime } = manifest.spec;
    ledger.want({ name, principalID: principalID ?? "", accountID, durationSeconds, notAfterTime });
  } else {
    manifest.metadata.annotations = { "sallyport.dev/reconcile-requested-at": String(looks) };
  }
  manifests.set(name, manifest.spec.notAfterTime);
  installation.writeManifest(`grants/${name}.yaml`, JSON.stringify(manifest));
}

/** notAfterTime of each, which a second version of the file must repeat. */
const manifests = new Map<string, string>();

function policyOf(name: string): string | undefined {
  return [...installation.sandbox.state.permissionSets.values()].find((set) => set.name === name)?.inlinePolicy;
}

/** Ends the grant by its text: to delete all files one after the other would be held as a mass disappearance. */
async function revoked(name: string): Promise<void> {
  const manifest = JSON.parse(support.grantManifest(name, person, { notAfterTime: manifests.get(name) ?? "" })) as {
    spec: object;
  };
  ledger.end(name);
  const spec = { ...manifest.spec, revocation: { reason: "done" } };
  installation.writeManifest(`grants/${name}.yaml`, JSON.stringify({ ...manifest, spec }));
  const isLeft = (): boolean =>
    [...installation.sandbox.state.permissionSets.values()].some((set) => set.tags.get("sallyport.dev/name") === name);
  await eventually(`${name} has left nothing`, () => (isLeft() ? undefined : true));
}

describe("a controller that is killed while it repairs what was changed by hand", () => {
  const widened = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] };
  let looks = 0;

  /** Alters the policy by hand and asks for a look. */
  function alter(name: string, grantID: string): string {
    const before = policyOf(grantID) ?? "";
    byHand(installation.sandbox).putPolicy(grantID, widened);
    looks += 1;
    want(name, { notAfterTime: manifests.get(name) ?? "" }, looks);
    return before;
  }

  it("undisturbed makes these changes, so that the walk below kills at every one of them", async () => {
    want("repaired");
    const { grantID } = await support.grantReaches(api, "repaired", "Active");
    const repair = recordMutations(installation.sandbox, observe);

    const before = alter("repaired", grantID);
    await eventually("the policy is as it was", () => (policyOf(grantID) === before ? true : undefined));
    await eventually("it is provisioned", () => (repair.names.length >= repairSteps.length ? true : undefined));
    repair.stop();

    expect(repair.names).toEqual(repairSteps);
  });

  it.each(killPoints(repairSteps).map((point) => [`${point.phase} ${point.operation}`, point] as const))(
    "%s, has put it right after its restart, in every account",
    async (_title, point) => {
      const { grantID } = await support.grantReaches(api, "repaired", "Active");
      const killed = killAt(installation, point, observe);

      const before = alter("repaired", grantID);
      await killed.restarted;
      const isRight = (): boolean => {
        const roles = installation.sandbox.state.roles.list(accountID);
        const role = roles.find(({ roleName }) => roleName.includes(grantID));
        return (
          policyOf(grantID) === before && JSON.stringify(role?.permissions) === JSON.stringify([JSON.parse(before)])
        );
      };
      await eventually("set and role are as they were", () => (isRight() ? true : undefined));

      ledger.assertHolds(`killed ${point.phase} ${point.operation}`);
    },
  );

  it("has left nothing when the grant is over", async () => {
    await revoked("repaired");

    ledger.assertNothingLeft();
  });
});

describe("a controller that is stopped for longer than a grant lives", () => {
  it("takes away before it gives when it goes on", async () => {
    want("outlived", { notAfterTime: support.secondsFromNow(8) });
    const { grantID } = await support.grantReaches(api, "outlived", "Active");
    const mutations: string[] = [];
    installation.sandbox.faults = (event: FaultEvent) => {
      const isChange = isControllers(event) && event.mutating && event.phase === "before";
      const set = [...installation.sandbox.state.permissionSets.values()].find(
        ({ arn }) => arn === event.input["PermissionSetArn"],
      );
      mutations.push(...(isChange ? [`${event.operation} ${set?.name === grantID ? "old" : "new"}`] : []));
      return "pass";
    };

    const resumed = ledger.outage("the controller is stopped");
    installation.controller().kill("SIGSTOP");
    want("new-1");
    want("new-2");
    const isOver = (): true | undefined =>
      Date.now() > Date.parse(manifests.get("outlived") ?? "") + 1_000 ? true : undefined;
    await eventually("the grant's time is over", isOver);
    installation.controller().kill("SIGCONT");
    resumed();
    await eventually("the set is gone", () => (policyOf(grantID) === undefined ? true : undefined));
    await support.grantReaches(api, "new-1", "Active");

    const firstGiven = mutations.findIndex((change) => change === "CreateAccountAssignment new");
    expect(mutations.indexOf("DeleteAccountAssignment old")).toBeGreaterThanOrEqual(0);
    expect(mutations.indexOf("DeleteAccountAssignment old")).toBeLessThan(firstGiven);
    await support.grantReaches(api, "new-2", "Active");
    await revoked("new-1");
    await revoked("new-2");
    ledger.assertNothingLeft("after SIGSTOP");
  });
});
