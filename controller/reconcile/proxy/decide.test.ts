import { describe, expect, it } from "vitest";
import { aProxy } from "../testing.ts";
import { deploymentRules } from "../../aws/ecs-port.ts";
import { decideProxy, firstOfService } from "./decide.ts";
import { desiredDefinition, proxyTags, revisionOf } from "./definition.ts";
import type { ProxyInput } from "./input.ts";
import { drainingLookMs } from "./next-look.ts";
import { skewMaxMs } from "./readiness.ts";
import {
  controller,
  converged,
  current,
  desired,
  input,
  kinds,
  link,
  message,
  now,
  oldTask,
  proxy,
  ready,
  service,
  task,
} from "./testing.ts";

describe("the task definition", () => {
  it("tells tasks who and where the controller is, and nothing in spec can tell them otherwise", () => {
    const environment = [
      { name: "SALLYPORT_CONTROLLER_PIN", value: "mine" },
      { name: "SALLYPORT_LOG_LEVEL", value: "debug" },
    ];
    const changed = aProxy({ spec: { service: { ...proxy.spec.service, environment } as never } });

    const definition = desiredDefinition(changed, controller)?.definition;

    expect(definition?.environment).toEqual({
      SALLYPORT_PROXY: "default/main",
      SALLYPORT_INSTALLATION: "test",
      SALLYPORT_CONTROLLER_URL: controller.publicURL,
      SALLYPORT_CONTROLLER_PIN: controller.pin,
      SALLYPORT_PORT: "9432",
      SALLYPORT_STOP_TIMEOUT_SECONDS: "120",
      SALLYPORT_LOG_LEVEL: "debug",
    });
    expect(definition?.restartContainer).toBe(true);
    expect(definition?.tags[proxyTags.proxy]).toBe("default/main");
  });

  it("has another revision as soon as anything in it differs, and only then", () => {
    const same = desiredDefinition(aProxy(), controller)?.revision;
    const other = desiredDefinition(aProxy({ spec: { port: 9_433 } }), controller)?.revision;

    expect(same).toBe(desired.revision);
    expect(other).not.toBe(desired.revision);
  });

  it("is known by what it does: tags make it no other one, and a second container or another command do", () => {
    const { definition } = desired;
    const retagged = { ...definition, tags: { [proxyTags.revision]: "forged" } };

    expect(revisionOf({ definition: retagged, foreign: [] })).toBe(desired.revision);
    expect(revisionOf({ definition, foreign: ["command"] })).not.toBe(desired.revision);
  });
});

describe("a managed Proxy", () => {
  it("is Available when its tasks have the wanted revision and are linked", () => {
    const decision = decideProxy(input());

    expect(ready(decision)).toBe("True Available");
    expect(decision.actions).toEqual([]);
    expect(decision.patch.tasks).toEqual([
      { taskARN: "task-1", target: "ecs:sallyport_1_1", connected: true, version: "0.1.0" },
    ]);
    expect(decision.next).toMatchObject({ kind: "waiting", untilMs: now + 300_000 });
  });

  it.each<[string, Partial<ProxyInput>, string[], string]>([
    [
      "makes definition and service",
      { service: undefined, newest: undefined, tasks: [] },
      ["RegisterTaskDefinition", "CreateService"],
      "False ServiceMissing",
    ],
    [
      "uses a definition that a crash left registered",
      { service: undefined, tasks: [] },
      ["CreateService"],
      "False ServiceMissing",
    ],
    [
      "deploys a changed configuration",
      { newest: { arn: current, revision: "old" }, revisions: new Map([[current, "old"]]) },
      ["RegisterTaskDefinition", "UpdateService"],
      "False Deploying",
    ],
    [
      "puts the number of tasks right",
      { service: { ...service, desiredCount: 0 } },
      ["UpdateService"],
      "False Deploying",
    ],
    [
      "turns execute-command on again",
      { service: { ...service, executeCommand: false } },
      ["UpdateService"],
      "False Deploying",
    ],
    [
      "moves a service that is there to other subnets or security groups",
      { service: { ...service, network: { ...service.network, subnetIDs: ["subnet-00000000"] } } },
      ["UpdateService"],
      "False Deploying",
    ],
    [
      "turns the propagation of tags on again, which people's permission sets rest on",
      { service: { ...service, propagateTags: "NONE" } },
      ["UpdateService"],
      "False Deploying",
    ],
    [
      "sets the circuit breaker again",
      { service: { ...service, rules: { ...deploymentRules, rollsBack: false } } },
      ["UpdateService"],
      "False Deploying",
    ],
    [
      "replaces tasks that were started without the tag",
      { tasks: [{ ...task, tags: {} }] },
      ["UpdateService"],
      "False Deploying",
    ],
    [
      "registers nothing for what a definition that is there does already",
      {
        service: { ...service, taskDefinitionARN: "by-hand" },
        revisions: new Map(["by-hand", current].map((arn) => [arn, desired.revision])),
      },
      [],
      "True Available",
    ],
    ["waits for the first task", { tasks: [] }, [], "False NoTasks"],
    ["waits for a link", { connected: [] }, [], "False NotConnected"],
    [
      "counts no link of a task that SSM cannot reach",
      { tasks: [{ ...task, target: undefined as never }] },
      [],
      "False NotConnected",
    ],
  ])("%s", (_title, more, actions, condition) => {
    const decision = decideProxy(input(more));

    expect(kinds(decision)).toEqual(actions);
    expect(ready(decision)).toBe(condition);
    expect(decision.next.kind).toBe("waiting");
  });

  it("is not Ready before a task of the new deployment can be used, and the old ones go on until then", () => {
    const decision = decideProxy(input({ tasks: [oldTask, { ...task, target: undefined as never }] }));

    expect(ready(decision)).toBe("False Deploying");
    expect(decision.patch.tasks?.map(({ draining }) => draining)).toEqual([undefined]);
  });

  it("is Ready while old tasks keep their sessions, has them take no new ones, and does not ask ECS all the time", () => {
    const decision = decideProxy(input({ tasks: [oldTask, task], connected: [link, { ...link, taskARN: "task-0" }] }));

    expect(ready(decision)).toBe("True Draining");
    expect(decision.patch.tasks?.map(({ taskARN, draining }) => [taskARN, draining])).toEqual([
      ["task-0", true],
      ["task-1", undefined],
    ]);
    expect(decision.notify).toBe(true);
    expect(decision.next).toMatchObject({ untilMs: now + drainingLookMs });
  });

  it("tells nobody of duties that are known already", () => {
    const known = decideProxy(input({ tasks: [oldTask, task] })).patch.tasks;

    const again = decideProxy(input({ tasks: [oldTask, task], proxy: aProxy({ status: { tasks: known } as never }) }));

    expect(again.notify).toBe(false);
  });

  it("has the least used task give way when there are too many and ECS may not stop them", () => {
    const other = { ...task, taskARN: "task-2" };
    const connected = [
      { ...link, sessions: 4 },
      { ...link, taskARN: "task-2", sessions: 1 },
    ];

    const decision = decideProxy(input({ tasks: [task, other], connected }));

    expect(decision.patch.tasks?.map(({ draining }) => draining)).toEqual([undefined, true]);
  });

  it("never touches a service that does not carry its tags", () => {
    const decision = decideProxy(input({ service: { ...service, tags: { owner: "someone" } }, revisions: new Map() }));

    expect(ready(decision)).toBe("False NotOwned");
    expect(decision.actions).toEqual([]);
  });

  it("never shares a service", () => {
    const decision = decideProxy(input({ sharedWith: "default/first" }));

    expect(ready(decision)).toBe("False ServiceShared");
    expect(decision.actions).toEqual([]);
  });

  it("only reports what somebody else changed where it is told so", () => {
    const reporting = aProxy({ spec: { driftPolicy: "Report" }, status: converged });

    const decision = decideProxy(input({ proxy: reporting, service: { ...service, desiredCount: 3 } }));

    expect(decision.actions).toEqual([]);
    expect(ready(decision)).toBe("False DriftDetected");
    expect(message(decision)).toContain("desired count 3 instead of 1");
    expect(decision.patch.lastDriftTime).toBe(new Date(now).toISOString());
  });

  it("reports a clock that is far off", () => {
    const decision = decideProxy(input({ connected: [{ ...link, skewMs: -skewMaxMs - 1 }] }));

    expect(decision.conditions).toContainEqual(expect.objectContaining({ type: "ClockSkewed", status: "True" }));
  });
});

describe("a task that cannot protect itself", () => {
  it("is reported with the statement that its role needs", () => {
    const { conditions } = decideProxy(input({ connected: [{ ...link, protectionProblem: "AccessDeniedException" }] }));

    const found = conditions.find(({ type }) => type === "SessionsProtected");
    expect([found?.status, found?.message]).toEqual(["False", expect.stringContaining('"ecs:UpdateTaskProtection"')]);
  });
});

describe("a Proxy that only observes or is suspended", () => {
  it.each([{ managementPolicy: "Observe" as const }, { suspend: true }])("changes nothing: %o", (spec) => {
    const decision = decideProxy(
      input({ proxy: aProxy({ spec }), service: { ...service, tags: {}, desiredCount: 7 }, revisions: new Map() }),
    );

    expect(decision.actions).toEqual([]);
  });
});

describe("a deleted Proxy", () => {
  const deleted = (spec: Partial<typeof proxy.spec> = {}) =>
    aProxy({ metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" }, spec });

  it("takes its own service with it, unless it is retained", () => {
    expect(kinds(decideProxy(input({ proxy: deleted() })))).toEqual(["DeleteService"]);
    expect(kinds(decideProxy(input({ proxy: deleted(), service: undefined })))).toEqual(["Release"]);
    expect(kinds(decideProxy(input({ proxy: deleted({ managementPolicy: "Observe" }) })))).toEqual(["Release"]);
    expect(kinds(decideProxy(input({ proxy: deleted(), sharedWith: "default/first" })))).toEqual(["Release"]);
    expect(kinds(decideProxy(input({ proxy: deleted({ deletionPolicy: "Retain" }) })))).toEqual(["Release"]);
    expect(kinds(decideProxy(input({ proxy: deleted(), service: { ...service, tags: {} } })))).toEqual(["Release"]);
  });
});

it("of two Proxies that name one service, the older keeps it", () => {
  const older = aProxy({ metadata: { name: "older", creationTimestamp: "2026-01-01T00:00:00Z" } });
  const newer = aProxy({ metadata: { name: "a-newer", creationTimestamp: "2026-01-02T00:00:00Z" } });

  expect(firstOfService(newer, [newer, older])).toBe("default/older");
  expect(firstOfService(older, [newer, older])).toBeUndefined();
});
