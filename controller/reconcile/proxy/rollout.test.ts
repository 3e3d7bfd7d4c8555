import { describe, expect, it } from "vitest";
import type { Proxy } from "#kinds/index.ts";
import { aProxy } from "../testing.ts";
import type { ServiceView } from "../../aws/ports.ts";
import { reconcileRequestedAt } from "../status/annotations.ts";
import { decideProxy } from "./decide.ts";
import { current, deployment, desired, input, kinds, link, message, now, oldTask, ready, service } from "./testing.ts";

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
