import { describe, expect, it } from "vitest";
import { aProxy } from "../testing.ts";
import type { ServiceView, TaskView } from "../../aws/ports.ts";
import { decideProxy, firstOfService, skewMaxMs, type ProxyDecision, type ProxyInput } from "./decide.ts";
import { desiredDefinition, ownershipTags, proxyTags } from "./definition.ts";

const now = Date.UTC(2026, 0, 1, 12);
const controller = {
  publicURL: "https://sallyport.example.com:8443",
  pin: `sha256:${"0".repeat(64)}`,
  installation: "test",
};
const proxy = aProxy();
const desired = desiredDefinition(proxy, controller) as NonNullable<ReturnType<typeof desiredDefinition>>;
const current = "arn:aws:ecs:eu-west-1:111122223333:task-definition/sallyport-proxy:1";
const service: ServiceView = {
  arn: "arn:aws:ecs:eu-west-1:111122223333:service/sallyport/sallyport-proxy",
  taskDefinitionARN: current,
  desiredCount: 1,
  runningCount: 1,
  tags: ownershipTags(proxy, "test"),
  executeCommand: true,
};
const task: TaskView = {
  taskARN: "task-1",
  taskDefinitionARN: current,
  lastStatus: "RUNNING",
  target: "ecs:sallyport_1_1",
};
const link = { taskARN: "task-1", version: "0.1.0", skewMs: 0 };

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
  revisions: new Map([[current, desired.revision]]),
  connected: [link],
  ...more,
});
const kinds = (decision: ProxyDecision) => decision.actions.map(({ kind }) => kind);
const ready = ({ conditions }: ProxyDecision) => {
  const found = conditions.find(({ type }) => type === "Ready");
  return `${found?.status} ${found?.reason}`;
};
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

  it("is not Ready before all running tasks have the wanted revision", () => {
    const old = { ...task, taskARN: "task-0", taskDefinitionARN: "older" };

    expect(ready(decideProxy(input({ tasks: [old, task] })))).toBe("False Deploying");
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
    expect(decision.patch.lastDriftTime).toBe(new Date(now).toISOString());
  });

  it("reports a clock that is far off", () => {
    const decision = decideProxy(input({ connected: [{ ...link, skewMs: -skewMaxMs - 1 }] }));

    expect(decision.conditions).toContainEqual(expect.objectContaining({ type: "ClockSkewed", status: "True" }));
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
    expect(kinds(decideProxy(input({ proxy: deleted() })))).toEqual(["DeleteService", "Release"]);
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
