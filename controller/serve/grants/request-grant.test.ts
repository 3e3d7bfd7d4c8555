import { describe, expect, it } from "vitest";
import type { AnyObject, Grant } from "#kinds/index.ts";
import { validateObject } from "#kinds/validate.ts";
import { caller, demoObjects, testServices, type TestServices } from "#test/serve/services.ts";
import { aDatabase, aGrant, anAvailability, aProxy, aWorkflow } from "../../reconcile/testing.ts";
import { openGrantOf, requestGrant } from "./request-grant.ts";

const wanted = { database: "orders", role: "read_only" };
const ada = caller("ada");

function grantsOf(services: TestServices): Grant[] {
  return services.source.list("Grant").map((stored) => stored.object);
}
const withWorkflow = (spec: object): TestServices =>
  testServices([aProxy(), aDatabase(), aWorkflow({ spec: spec as never }), anAvailability()]);
const approval = { approvalSteps: [{ name: "lead", approvers: [{ kind: "Group", name: "leads" }] }] };
const status = (conditions: object[], more: object = {}) => ({
  status: { grantID: "g1", conditions, ...more } as never,
});
const active = [{ type: "Active", status: "True" }];

describe("asking for access", () => {
  it("makes a Grant for the caller that the kinds accept, and says that it is being activated", async () => {
    const services = testServices();

    const answer = await requestGrant({ ...wanted, durationSeconds: 1_800, reason: " INC-42 " }, ada, services);

    const [grant] = grantsOf(services);
    expect(answer).toMatchObject({ change: "Activating", durationSeconds: 1_800, grant: { userName: "ada" } });
    expect(grant?.metadata).toEqual({ namespace: "default", name: "ada-orders-read-only-abababab" });
    expect(grant?.spec).toEqual({
      principal: { name: "ada" },
      databaseRef: { name: "orders" },
      roleName: "read_only",
      durationSeconds: 1_800,
      // An hour's quarter for AWS beyond the half hour that was asked for.
      ttlSecondsAfterFinished: 604_800,
      notAfterTime: "2026-01-01T00:45:00.000Z",
      requester: { username: "ada" },
      reason: "INC-42",
    });
    expect(validateObject(grant)).not.toHaveProperty("problems");
  });

  it("takes the workflow's own duration where none is asked for, and says that approval is needed", async () => {
    const services = withWorkflow({ maxDurationSeconds: 7_200, defaultDurationSeconds: 900, ...approval });

    const answer = await requestGrant(wanted, ada, services);

    expect(answer).toMatchObject({ change: "Requested", durationSeconds: 900 });
    expect(grantsOf(services)[0]?.spec.notAfterTime).toBe("2026-01-08T00:15:00.000Z");
  });

  it.each<[string, TestServices, object]>([
    ["will be activated", testServices(), { change: "WillActivate", durationSeconds: 7_200 }],
    ["will need approval", withWorkflow({ maxDurationSeconds: 60, ...approval }), { change: "WillRequest" }],
    [
      "is active",
      testServices([...demoObjects, aGrant(status(active))]),
      { change: "Active", grant: { grantID: "g1" } },
    ],
    ["is pending", testServices([...demoObjects, aGrant()]), { change: "Pending", grant: { name: "ada-orders" } }],
    [
      "will be activated again, since the last one is being revoked",
      testServices([...demoObjects, aGrant(status(active, { endRequest: {} }))]),
      { change: "WillActivate" },
    ],
    [
      "will be activated, since the open one is another person's",
      testServices([...demoObjects, aGrant({ ...status(active), spec: { principal: { name: "grace" } } })]),
      { change: "WillActivate" },
    ],
  ])("dry shows that it %s, and changes nothing", async (_, services, expected) => {
    const before = grantsOf(services).length;

    expect(await requestGrant({ ...wanted, dryRun: true }, ada, services)).toMatchObject(expected);
    expect(grantsOf(services)).toHaveLength(before);
  });

  it("answers with the grant there is instead of making a second, also for one person's two requests at once", async () => {
    let byte = 0;
    const services = testServices(demoObjects, { random: (bytes) => new Uint8Array(bytes).fill((byte += 1)) });

    const answers = await Promise.all([requestGrant(wanted, ada, services), requestGrant(wanted, ada, services)]);
    const again = await requestGrant(wanted, caller("ADA"), services);

    expect(grantsOf(services)).toHaveLength(1);
    expect(new Set([...answers, again].map((answer) => answer.grant?.name)).size).toBe(1);
  });

  it.each<[string, object, readonly AnyObject[], string]>([
    ["too long", { durationSeconds: 7_201 }, demoObjects, "DurationTooLong"],
    ["for a role that is not offered", { role: "app_owner" }, demoObjects, "NotAvailable"],
    ["for a database that is not there", { database: "none" }, demoObjects, "NotAvailable"],
    ["in a namespace that is not there", { namespace: "none" }, demoObjects, "NotAvailable"],
    ["without a reason where one is needed", {}, reasoned({ requirement: "Required" }), "ReasonRequired"],
    ["with a reason of spaces", { reason: "  " }, reasoned({ requirement: "Required" }), "ReasonRequired"],
    [
      "with a reason that the workflow does not take",
      { reason: "because" },
      reasoned({ requirement: "Optional", patterns: [{ pattern: "^INC-", message: "Name a ticket." }] }),
      "ReasonNotAccepted",
    ],
    [
      "where two namespaces have it and none is named",
      {},
      [...demoObjects, ...demoObjects.map((object) => inNamespace(object, "staging"))],
      "Ambiguous",
    ],
  ])("%s is refused with what to do", async (_, change, objects, code) => {
    const services = testServices(objects);

    const refusal = requestGrant({ ...wanted, ...change }, ada, services);

    await expect(refusal).rejects.toMatchObject({ status: 422, body: { error: { code, next: expect.any(String) } } });
    expect(grantsOf(services)).toEqual([]);
  });

  it("leaves the reason open in a plan, but says at once that a given one will not do", async () => {
    const services = testServices(
      reasoned({ requirement: "Required", patterns: [{ pattern: "^INC-", message: "Name a ticket." }] }),
    );

    expect(await requestGrant({ ...wanted, dryRun: true }, ada, services)).toMatchObject({ change: "WillActivate" });
    await expect(requestGrant({ ...wanted, dryRun: true, reason: "x" }, ada, services)).rejects.toMatchObject({
      body: { error: { code: "ReasonNotAccepted" } },
    });
  });

  it.each([
    ["Ada.Lovelace@example.com", "ada-lovelace-example-com-orders-read-only-abababab"],
    ["ada_", "ada-orders-read-only-abababab"],
    ["名前", "orders-read-only-abababab"],
    ["a".repeat(120), `${"a".repeat(54)}-abababab`],
    [`${"a".repeat(53)}.b`, `${"a".repeat(53)}-abababab`],
  ])("names the Grant of %s as Kubernetes takes it", async (userName, name) => {
    const services = testServices();

    await requestGrant(wanted, caller(userName), services);

    expect(grantsOf(services)[0]?.metadata.name).toBe(name);
    expect(name).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
  });
});

it("of several open grants the active one counts", () => {
  const pending = aGrant({ metadata: { name: "pending" } });
  const live = aGrant({ metadata: { name: "live" }, ...status(active) });
  const refused = aGrant({ metadata: { name: "refused" }, ...status([{ type: "Stalled", status: "True" }]) });

  expect(openGrantOf([refused, pending, live], "ada", "orders", "read_only")).toBe(live);
  expect(openGrantOf([refused], "ada", "orders", "read_only")).toBeUndefined();
});

function reasoned(reasonPolicy: object): AnyObject[] {
  const workflow = aWorkflow({ spec: { maxDurationSeconds: 7_200, reasonPolicy } as never });
  return [aProxy(), aDatabase(), workflow, anAvailability()];
}

function inNamespace(object: AnyObject, namespace: string): AnyObject {
  return { ...object, metadata: { ...object.metadata, namespace } } as AnyObject;
}

describe("access at another time", () => {
  const later = "2026-01-03T08:00:00.000Z";

  it("is asked for with its start, and may last until its window and the room for approval are over", async () => {
    const services = withWorkflow({ maxDurationSeconds: 3_600, ...approval });

    const answer = await requestGrant({ ...wanted, startTime: "2026-01-03T09:00:00.5+01:00" }, ada, services);

    expect(grantsOf(services)[0]?.spec).toMatchObject({
      startTime: "2026-01-03T08:00:00.500Z",
      notAfterTime: "2026-01-10T09:00:00.500Z",
    });
    expect(answer.change).toBe("Requested");
    expect(validateObject(grantsOf(services)[0])).not.toHaveProperty("problems");
  });

  it("is at once where its start is this moment", async () => {
    const services = testServices();

    await requestGrant({ ...wanted, startTime: "2025-12-31T23:59:30Z" }, ada, services);

    expect(grantsOf(services)[0]?.spec.startTime).toBeUndefined();
  });

  it.each([
    ["2025-12-31T23:00:00Z", "StartTimePassed"],
    ["2026-02-01T00:00:00Z", "StartTimeTooFar"],
    ["2026-02-31T00:00:00Z", "StartTimeTooFar"],
  ])("is refused for %s", async (startTime, code) => {
    const refused = requestGrant({ ...wanted, startTime }, ada, testServices());

    await expect(refused).rejects.toMatchObject({ body: { error: { code } } });
  });

  it("is another grant than the one for now, and is asked for once", async () => {
    const services = testServices();

    await requestGrant(wanted, ada, services);
    Object.assign(services, { random: (bytes: number) => new Uint8Array(bytes).fill(0xcd) });
    const second = await requestGrant({ ...wanted, startTime: later }, ada, services);
    const again = await requestGrant({ ...wanted, startTime: later }, ada, services);

    expect([second.change, again.change]).toEqual(["Activating", "Pending"]);
    expect(grantsOf(services).length).toBe(2);
  });

  it("leaves room for the extensions that the workflow allows", async () => {
    const services = withWorkflow({ maxDurationSeconds: 3_600, extension: { maxCount: 2, durationSeconds: 600 } });

    await requestGrant(wanted, ada, services);

    // An hour, two extensions of ten minutes, and a quarter for AWS.
    expect(grantsOf(services)[0]?.spec.notAfterTime).toBe("2026-01-01T01:35:00.000Z");
  });
});

describe("break-glass", () => {
  const subjects = [{ kind: "Group", name: "developers" }];
  const glass = { maxDurationSeconds: 3_600, ...approval, breakGlass: { subjects } };
  const urgent = { ...wanted, urgency: "BreakGlass", reason: "the shop is down" } as const;

  it("skips the approval for whom the workflow names, is marked, and does not outlive its window", async () => {
    const services = withWorkflow(glass);

    const answer = await requestGrant(urgent, ada, services);

    expect(answer).toMatchObject({ change: "Activating", grant: { urgency: "BreakGlass" } });
    expect(grantsOf(services)[0]?.spec).toMatchObject({
      urgency: "BreakGlass",
      requester: { username: "ada" },
      notAfterTime: "2026-01-01T01:15:00.000Z",
    });
  });

  it("does not wait for what still waits, which is cancelled: nobody is asked for it any more", async () => {
    const services = withWorkflow(glass);

    const first = await requestGrant({ ...wanted, reason: "routine" }, ada, services);
    Object.assign(services, { random: (bytes: number) => new Uint8Array(bytes).fill(0xcd) });
    const second = await requestGrant(urgent, ada, services);

    expect([first.change, second.change]).toEqual(["Requested", "Activating"]);
    const [waiting, live] = grantsOf(services);
    expect([waiting, live].map((grant) => grant?.spec.urgency)).toEqual([undefined, "BreakGlass"]);
    const reason = "break-glass was used in its place (ada-orders-read-only-cdcdcdcd)";
    expect(waiting?.status?.endRequest).toMatchObject({ reason, by: "ada" });
    expect(live?.status?.endRequest).toBeUndefined();
  });

  it.each([
    ["others asked for in the person's name", { requester: { username: "rita" } }],
    ["another person waits for", { principal: { name: "grace" } }],
    ["waits for another role", { roleName: "app_owner" }],
    ["begins when it is over", { startTime: "2026-01-01T12:00:00Z", notAfterTime: "2026-01-01T14:00:00Z" }],
  ])("leaves what %s", async (_, spec) => {
    const waiting = aGrant({ spec: { requester: { username: "ada" }, ...spec } });
    const services = testServices([
      aProxy(),
      aDatabase(),
      aWorkflow({ spec: glass as never }),
      anAvailability(),
      waiting,
    ]);

    await requestGrant(urgent, ada, services);

    expect(grantsOf(services)).toHaveLength(2);
    expect(grantsOf(services).map(({ status }) => status?.endRequest)).toEqual([undefined, undefined]);
  });

  it("is given even where what waits cannot be cancelled", async () => {
    const services = withWorkflow(glass);
    await requestGrant({ ...wanted, reason: "routine" }, ada, services);
    Object.assign(services, { random: (bytes: number) => new Uint8Array(bytes).fill(0xcd) });
    services.source.writeStatus = async () => Promise.reject(new Error("the API server does not answer"));

    expect(await requestGrant(urgent, ada, services)).toMatchObject({ change: "Activating" });
  });

  it.each<[string, object, object, string]>([
    ["without a reason", glass, { reason: " " }, "ReasonRequired"],
    ["to whom the workflow does not name", { ...glass, breakGlass: undefined }, {}, "BreakGlassNotAllowed"],
    ["where nothing needs approval", { maxDurationSeconds: 60 }, { durationSeconds: 60 }, "BreakGlassNotNeeded"],
  ])("is refused %s", async (_, workflow, change, code) => {
    const refused = requestGrant({ ...urgent, ...change }, ada, withWorkflow(workflow));

    await expect(refused).rejects.toMatchObject({ body: { error: { code } } });
  });
});
