import { describe, expect, it } from "vitest";
import { getCondition, type Grant } from "#kinds/index.ts";
import { grantIDOf } from "#lib/grant-id.ts";
import { systemClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import type { AwsPorts } from "#controller/aws/ports.ts";
import { OrphanSweeper } from "#controller/reconcile/orphan-sweeper.ts";
import { tagKeys } from "#controller/reconcile/grant/tags.ts";
import { uidOf } from "#controller/reconcile/testing.ts";
import { AwsError } from "#sandbox/service.ts";
import type { Sandbox } from "#sandbox/sandbox.ts";
import { has, installation, startController, type ControllerHarness } from "../controller/harness.ts";
import { assignments, changed, grantOf, isLive, isOver, policyObjects, setNames } from "./world.ts";

const grantID = grantIDOf(uidOf(1));
const setOf = ({ state }: Sandbox, name: string) => [...state.permissionSets.values()].find((set) => set.name === name);

/** A live Grant `g-1`. */
async function withLive(proxy: Parameters<typeof policyObjects>[0] = {}) {
  const controller = await startController({ objects: [...policyObjects(proxy), grantOf(1)] });
  return { controller, live: await controller.until<Grant>("Grant", "g-1", isLive) };
}

function revoke({ source }: ControllerHarness, live: Grant): void {
  source.put(changed(live, { revocation: { reason: "done" } }));
}

/** Fails the next `times` calls of an operation with what AWS or something before it says. */
function failing(operation: string, error: AwsError, times: number): Sandbox["faults"] {
  let left = times;
  return (event) => {
    const isHit = event.operation === operation && event.phase === "before" && left > 0;
    left -= isHit ? 1 : 0;
    return isHit ? { error } : "pass";
  };
}

describe.concurrent("a revocation is not over because AWS says that nothing is there", () => {
  it.each([
    ["a set that is listed but cannot be described yet", new AwsError("ResourceNotFoundException", "not found")],
    ["a 404 that is no answer of AWS", new AwsError("UnknownError", "Not Found", 404)],
    ["expired credentials", new AwsError("ExpiredTokenException", "The security token is expired", 403)],
  ])("%s", async (_title, error) => {
    const { controller, live } = await withLive();
    await using _ = controller;
    controller.sandbox.faults = failing("DescribePermissionSet", error, 2);

    revoke(controller, live);
    await controller.until<Grant>("Grant", "g-1", isOver);

    expect(assignments(controller.sandbox)).toEqual([]);
    expect(setNames(controller.sandbox)).toEqual([]);
  });

  it("lost answers of every call that takes away", async () => {
    const { controller, live } = await withLive();
    await using _ = controller;
    const dropped = new Set<string>();
    controller.sandbox.faults = ({ operation, phase }) => {
      const isHit = phase === "after" && operation.startsWith("Delete") && !dropped.has(operation);
      dropped.add(isHit ? operation : "");
      return isHit ? "drop" : "pass";
    };

    revoke(controller, live);
    await controller.until<Grant>("Grant", "g-1", isOver);

    expect([...dropped].filter(Boolean)).toEqual(["DeleteAccountAssignment", "DeletePermissionSet"]);
    expect(setNames(controller.sandbox)).toEqual([]);
  });
});

describe.concurrent("a Session Manager that does not answer", () => {
  it("keeps no assignment in place", async () => {
    const { controller, live } = await withLive();
    await using _ = controller;
    const taken = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    controller.sandbox.faults = async ({ operation, phase }) => {
      if (operation === "DeleteAccountAssignment") {
        // Sessions are asked for first; which of the two requests arrives first is the network's choice.
        await asked.promise;
        if (phase === "after") {
          taken.resolve();
        }
      }
      if (operation === "DescribeSessions") {
        asked.resolve();
        await taken.promise;
      }
      return "pass" as const;
    };

    revoke(controller, live);
    await controller.until<Grant>("Grant", "g-1", isOver);

    const calls = controller.sandbox.calls.map(({ operation }) => operation);
    expect(calls.filter((operation) => operation === "DescribeSessions")).toHaveLength(2);
  });
});

describe.concurrent("what is not ours", () => {
  it("a set of the grant's name, made and assigned by somebody else, is left as it is when the Grant ends", async () => {
    await using controller = await startController({ objects: policyObjects() });
    const { sandbox, source } = controller;
    const ada = [...sandbox.state.people.values()].find(({ userName }) => userName === "ada");
    await plant(controller, ada?.userID ?? "");

    source.put(grantOf(1));
    const refused = await controller.until<Grant>("Grant", "g-1", (grant) => has(grant, "Stalled", "True", "NotOwned"));
    revoke(controller, refused);
    await controller.until<Grant>("Grant", "g-1", ({ status }) => status?.end !== undefined);
    await controller.until<Grant>("Grant", "g-1", (grant) => has(grant, "Stalled", "True", "NotOwned"));

    expect(assignments(sandbox)).toHaveLength(1);
    expect(setNames(sandbox)).toEqual([grantID]);
  });

  it("a set whose tags were taken off loses the assignment that we made, and is left", async () => {
    const { controller, live } = await withLive();
    await using _ = controller;
    setOf(controller.sandbox, grantID)?.tags.clear();

    revoke(controller, live);
    await controller.until<Grant>("Grant", "g-1", (grant) => has(grant, "Stalled", "True", "NotOwned"));

    expect(assignments(controller.sandbox)).toEqual([]);
    expect(setNames(controller.sandbox)).toEqual([grantID]);
  });

  /** What an administrator makes in the console. */
  async function plant({ ports, sandbox }: ControllerHarness, principalID: string): Promise<void> {
    const { instanceARN } = sandbox.state.instance;
    const { region } = sandbox;
    const center = ports.identityCenter({ instanceARN, region });
    const set = await center.createPermissionSet({
      name: grantID,
      description: "mine",
      sessionDuration: "PT1H",
      tags: { owner: "somebody" },
    });
    let operation = await center.createAssignment({
      permissionSetARN: set.arn,
      accountID: "111122223333",
      principalID,
    });
    while (operation.status === "IN_PROGRESS") {
      operation = await center.assignmentCreation(operation.requestID);
    }
  }
});

describe.concurrent("changes by hand", () => {
  it("of the window in the tags change nothing of a window that is on record", async () => {
    const { controller, live } = await withLive({ driftCheckPeriodSeconds: 1 });
    await using _ = controller;
    const tags = setOf(controller.sandbox, grantID)?.tags;
    tags?.set(tagKeys.expiry, "2099-01-01T00:00:00.000Z");
    const { promise: looked, resolve } = Promise.withResolvers<void>();
    let looks = 0;
    controller.sandbox.faults = ({ operation }) => {
      looks += operation === "ListAccountAssignments" ? 1 : 0;
      if (looks > 2) {
        resolve();
      }
      return "pass";
    };

    await looked;

    expect(controller.get<Grant>("Grant", "g-1")?.status?.expiryTime).toBe(live.status?.expiryTime);
  });

  it("of the set give a new role: proofs follow it, in the window that was given", async () => {
    const { controller, live } = await withLive({ driftCheckPeriodSeconds: 1 });
    await using _ = controller;
    const { state } = controller.sandbox;

    const set = setOf(controller.sandbox, grantID);
    for (const [key, assignment] of state.assignments) {
      if (assignment.permissionSetARN === set?.arn) {
        state.assignments.delete(key);
      }
    }
    state.permissionSets.delete(set?.arn ?? "");
    const repaired = await controller.until<Grant>(
      "Grant",
      "g-1",
      (grant) => isLive(grant) && grant.status?.external?.permissionSetARN !== set?.arn,
    );

    expect(repaired.status?.external?.roleID).not.toBe(live.status?.external?.roleID);
    expect(repaired.status?.expiryTime).toBe(live.status?.expiryTime);
    expect(repaired.status?.activationTime).toBe(live.status?.activationTime);
  });
});

describe.concurrent("two grants of one person for one role", () => {
  it("share nothing: the end of one leaves the other as it was", async () => {
    await using controller = await startController({ objects: [...policyObjects(), grantOf(1), grantOf(2)] });
    const one = await controller.until<Grant>("Grant", "g-1", isLive);
    const two = await controller.until<Grant>("Grant", "g-2", isLive);

    revoke(controller, one);
    await controller.until<Grant>("Grant", "g-1", isOver);

    expect(controller.get<Grant>("Grant", "g-2")).toEqual(two);
    expect(setNames(controller.sandbox)).toEqual([grantIDOf(uidOf(2))]);
    expect(controller.sandbox.credentialsFor("ada", grantIDOf(uidOf(2))).accessKeyID).toMatch(/^ASIA/);
  });
});

describe.concurrent("people with odd names", () => {
  it.each(["Ada.Lovelace+ops=1,x@example.com", "UPPER_case-name"])("%s gets access and loses it", async (userName) => {
    await using controller = await startController({ objects: policyObjects() });
    const ada = [...controller.sandbox.state.people.values()].find((person) => person.userName === "ada");
    if (ada !== undefined) {
      ada.userName = userName;
    }

    controller.source.put(grantOf(1, { principal: { name: userName.toLowerCase() } }));
    const live = await controller.until<Grant>("Grant", "g-1", isLive);
    revoke(controller, live);
    await controller.until<Grant>("Grant", "g-1", isOver);

    expect(live.status?.principal?.userName).toBe(userName);
    expect(setNames(controller.sandbox)).toEqual([]);
  });
});

describe.concurrent("the quota of permission sets", () => {
  it("is said where a person can read it, and waited for", async () => {
    await using controller = await startController({
      objects: [...policyObjects(), grantOf(1)],
      sandbox: { limits: { permissionSetsMax: 1 } },
    });

    const waiting = await controller.until<Grant>("Grant", "g-1", (grant) =>
      has(grant, "Ready", "False", "QuotaExceeded"),
    );

    expect(getCondition(waiting.status?.conditions, "Ready")?.message).toContain("ask AWS for a higher quota");
    expect(has(waiting, "Reconciling", "True", "QuotaExceeded")).toBe(true);
  });
});

describe.concurrent("the sweep", () => {
  it("finds the set of a Grant that counts as ended, and is not stopped by one that cannot be removed", async () => {
    await using controller = await startController({ objects: [...policyObjects(), grantOf(1), grantOf(2)] });
    await controller.until<Grant>("Grant", "g-1", isLive);
    await controller.until<Grant>("Grant", "g-2", isLive);
    await controller.loop.stop();
    const { sandbox, source, ports } = controller;
    const now = new Date().toISOString();
    for (const { object } of source.list("Grant")) {
      const end = { reason: "Revoked", message: "", time: now };
      await source.writeStatus(object, (status) => ({
        ...status,
        conditions: [],
        end,
        endTime: now,
        deprovisionTime: now,
      }));
    }
    const stuck = setOf(sandbox, grantID)?.arn;
    sandbox.faults = ({ operation, input }) =>
      operation === "DeletePermissionSet" && input["PermissionSetArn"] === stuck
        ? { error: new AwsError("AccessDeniedException", "not allowed to") }
        : "pass";
    const { promise, resolve } = Promise.withResolvers<void>();
    let seen = 0;
    const count = (): void => {
      seen += 1;
      if (seen === 2) {
        resolve();
      }
    };
    const log = { ...silentLog, warn: count, error: count };
    // The controller runs in another region than Identity Center, which its Proxy names.
    const far = "ap-southeast-2";
    const here: AwsPorts = { ...ports, instances: async (region) => (region === far ? [] : ports.instances(region)) };
    const sweeper = new OrphanSweeper({ ports: here, source, clock: systemClock, log, installation, region: far });

    sweeper.start();
    await promise;
    sweeper.stop();

    expect(setNames(sandbox)).toEqual([grantID]);
    expect(assignments(sandbox)).toEqual([]);
  });
});
