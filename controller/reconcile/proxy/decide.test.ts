import { describe, expect, it } from "vitest";
import type { Proxy } from "#kinds/index.ts";
import { aProxy } from "../testing.ts";
import { deploymentRules, type DeploymentView } from "../../aws/ecs-port.ts";
import type { ServiceView, TaskView } from "../../aws/ports.ts";
import { reconcileRequestedAt } from "../status/annotations.ts";
import { decideProxy, firstOfService, type ProxyDecision } from "./decide.ts";
import { desiredDefinition, ownershipTags, proxyTags, revisionOf } from "./definition.ts";
import type { ProxyInput } from "./input.ts";
import { drainingLookMs } from "./next-look.ts";
import { skewMaxMs } from "./readiness.ts";

const now = Date.UTC(2026, 0, 1, 12);
const controller = {
  publicURL: "https://sallyport.example.com:8443",
  pin: `sha256:${"0".repeat(64)}`,
  installation: "test",
};
const proxy = aProxy();
const desired = desiredDefinition(proxy, controller) as NonNullable<ReturnType<typeof desiredDefinition>>;
const current = "arn:aws:ecs:eu-west-1:111122223333:task-definition/sallyport-proxy:1";
const deployment: DeploymentView = {
  id: "ecs-svc/1",
  isPrimary: true,
  taskDefinitionARN: current,
  state: "COMPLETED",
  reason: "",
  createdAt: now - 60_000,
  failedTasks: 0,
};
const service: ServiceView = {
  arn: "arn:aws:ecs:eu-west-1:111122223333:service/sallyport/sallyport-proxy",
  taskDefinitionARN: current,
  desiredCount: 1,
  runningCount: 1,
  tags: ownershipTags(proxy, "test"),
  executeCommand: true,
  propagateTags: "SERVICE",
  network: {
    subnetIDs: proxy.spec.service?.subnetIDs ?? [],
    securityGroupIDs: proxy.spec.service?.securityGroupIDs ?? [],
    assignPublicIP: false,
  },
  rules: deploymentRules,
  deployments: [deployment],
  events: [],
};
const task: TaskView = {
  taskARN: "task-1",
  taskDefinitionARN: current,
  lastStatus: "RUNNING",
  target: "ecs:sallyport_1_1",
  deploymentID: deployment.id,
  tags: ownershipTags(proxy, "test"),
  executeCommand: true,
};
const link = { taskARN: "task-1", version: "0.1.0", skewMs: 0 };
const oldTask: TaskView = { ...task, taskARN: "task-0", taskDefinitionARN: "older", deploymentID: "ecs-svc/0" };

/** A Proxy that has converged. */
const input = (more: Partial<ProxyInput> = {}): ProxyInput => ({
  now,
  installation: "test",
  proxy,
  sharedWith: undefined,
  desired,
  service,
  newest: { arn: current, revision: desired.revision },
  tasks: [task],
  stopped: [],
  revisions: new Map([[current, desired.revision]]),
  connected: [link],
  ...more,
});
const kinds = (decision: ProxyDecision) => decision.actions.map(({ kind }) => kind);
const ready = ({ conditions }: ProxyDecision) => {
  const found = conditions.find(({ type }) => type === "Ready");
  return `${found?.status} ${found?.reason}`;
};
const message = ({ conditions }: ProxyDecision) => conditions.find(({ type }) => type === "Ready")?.message;
const converged = {
  observedGeneration: 1,
  desiredConfigRevision: desired.revision,
  observedConfigRevision: desired.revision,
};

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

describe("a rollout", () => {
  const afterTime = new Date(now - 30_000).toISOString();
  const rollout = { configRevision: desired.revision, state: "InProgress" as const, startTime: afterTime, afterTime };
  const during = (more: Partial<NonNullable<Proxy["status"]>["rollout"]> = {}, metadata = {}) =>
    aProxy({ metadata, status: { rollout: { ...rollout, ...more } } as never });
  const back: ServiceView = {
    ...service,
    taskDefinitionARN: "older",
    deployments: [{ ...deployment, id: "ecs-svc/0", taskDefinitionARN: "older" }],
    events: [{ time: now - 1_000, message: "(service sallyport-proxy) rolling back to deployment ecs-svc/0." }],
  };
  const revisions = new Map([
    [current, desired.revision],
    ["older", "old"],
  ]);

  it("begins with the change that makes it, after everything that ECS has told so far", () => {
    const decision = decideProxy(input({ service: { ...back, events: [] }, revisions }));

    expect(kinds(decision)).toEqual(["UpdateService"]);
    expect(decision.patch.rollout).toEqual({
      configRevision: desired.revision,
      state: "InProgress",
      startTime: new Date(now).toISOString(),
      afterTime: new Date(deployment.createdAt).toISOString(),
    });
  });

  it("is over when its deployment is", () => {
    expect(decideProxy(input({ proxy: during() })).patch.rollout?.state).toBe("Completed");
  });

  it("that ECS undid is told with ECS's reasons and not tried again, while the old tasks serve", () => {
    const stopped = [{ taskARN: "t", taskDefinitionARN: current, reason: "CannotPullContainerError: no such image" }];
    const old = { ...oldTask, target: "ecs:sallyport_0_0" };
    const seen = { service: back, revisions, stopped, tasks: [old], connected: [{ ...link, taskARN: "task-0" }] };

    const decision = decideProxy(input({ ...seen, proxy: during() }));
    const later = decideProxy(input({ ...seen, proxy: during({ state: "Failed", message: "why" }) }));

    expect(decision.actions).toEqual([]);
    expect(ready(decision)).toBe("False RolloutFailed");
    expect(message(decision)).toMatch(/rolling back.*no such image.*1 tasks .* go on serving.*reconcile-requested-at/);
    expect([later.actions, ready(later)]).toEqual([[], "False RolloutFailed"]);
    expect(decision.next).toMatchObject({ untilMs: now + 300_000 });
  });

  it("that failed is seen in its deployment as well, where there was nothing to go back to", () => {
    const failed = { ...deployment, state: "FAILED" as const, createdAt: now, reason: "circuit breaker" };

    const decision = decideProxy(input({ proxy: during(), tasks: [], service: { ...service, deployments: [failed] } }));

    expect(ready(decision)).toBe("False RolloutFailed");
    expect(message(decision)).toMatch(/circuit breaker.*No task serves/);
  });

  it("is not taken for failed by what failed before it", () => {
    const earlier = { ...back, events: [{ time: now - 31_000, message: "deployment failed" }] };

    const decision = decideProxy(input({ proxy: during(), service: earlier, revisions }));

    expect(kinds(decision)).toEqual(["UpdateService"]);
  });

  it("that failed is tried again when a person asks for it, or the spec asks for something else", () => {
    const asked = during({ state: "Failed" }, { annotations: { [reconcileRequestedAt]: "again" } });
    const failed = { ...deployment, state: "FAILED" as const };
    const stuck = { ...service, deployments: [failed] };

    const retried = decideProxy(input({ proxy: asked, service: stuck, tasks: [] }));
    const changed = decideProxy(
      input({ proxy: during({ state: "Failed", configRevision: "x" }), service: back, revisions }),
    );

    expect(retried.actions).toEqual([{ kind: "UpdateService", taskDefinitionARN: current, forceNewDeployment: true }]);
    expect(kinds(changed)).toEqual(["UpdateService"]);
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
