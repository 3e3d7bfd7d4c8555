import { describe, expect, it } from "vitest";
import { connected, serviceInput, startBench, tellingScript } from "./test-bench.ts";
import type { Bench } from "./test-bench.ts";
import type { TaskView } from "./service.ts";

async function describeService(bench: Bench): Promise<any> {
  const { services } = await bench.call("DescribeServices", {
    cluster: "main",
    services: ["proxy"],
    include: ["TAGS"],
  });
  return services[0];
}

function steady(bench: Bench, definition: string): Promise<TaskView> {
  return bench.task((task) => connected(task) && task.definitionARN === definition);
}

describe("a service", () => {
  it("starts its tasks with its tags, the agent and ids of the real form", async () => {
    await using bench = startBench();
    const definition = await bench.register(tellingScript);
    await bench.createService(definition, { enableECSManagedTags: true });

    const task = await steady(bench, definition);
    const { tasks } = await bench.call("DescribeTasks", { cluster: "main", tasks: [task.arn], include: ["TAGS"] });
    const service = await describeService(bench);

    expect(task.arn).toMatch(/^arn:aws:ecs:eu-west-1:111122223333:task\/main\/[0-9a-f]{32}$/);
    expect(task.targets).toEqual([`ecs:main_${task.taskID}_${tasks[0].containers[0].runtimeId}`]);
    expect(tasks[0].containers[0].runtimeId).toMatch(new RegExp(`^${task.taskID}-\\d{10}$`));
    expect(tasks[0].containers[0].managedAgents).toMatchObject([
      { name: "ExecuteCommandAgent", lastStatus: "RUNNING" },
    ]);
    expect(task.tags).toEqual({
      "aws:ecs:clusterName": "main",
      "aws:ecs:serviceName": "proxy",
      "sallyport:proxy": "default/main",
    });
    expect(service).toMatchObject({
      status: "ACTIVE",
      runningCount: 1,
      pendingCount: 0,
      tags: serviceInput.tags,
      deployments: [{ status: "PRIMARY", rolloutState: "COMPLETED", runningCount: 1 }],
    });
    expect(service.events[0].message).toBe("(service proxy) has reached a steady state.");
  });

  it("has no target without enableExecuteCommand", async () => {
    await using bench = startBench();
    await bench.createService(await bench.register(tellingScript), { enableExecuteCommand: false });

    const task = await bench.task((one) => one.lastStatus === "RUNNING");
    await bench.printed(task, "READY");

    expect(bench.ecs.tasks()[0]?.targets).toEqual([]);
  });

  it("replaces its tasks on a new definition: the new one runs before the old one is stopped", async () => {
    await using bench = startBench();
    const [first, second] = [await bench.register(tellingScript), await bench.register(tellingScript)];
    await bench.createService(first);
    const old = await steady(bench, first);
    const gone: string[] = [];
    bench.ecs.targets.onGone((_account, target) => gone.push(target));

    await bench.call("UpdateService", { cluster: "main", service: "proxy", taskDefinition: second });
    const during = await describeService(bench);
    const atStop = await bench.ecs.until(() => {
      const tasks = bench.ecs.tasks();
      const stopping = tasks.find((task) => task.arn === old.arn && task.desiredStatus === "STOPPED");
      return stopping === undefined ? undefined : tasks;
    });
    await bench.task((task) => task.arn === old.arn && task.lastStatus === "STOPPED");
    const after = await describeService(bench);

    expect(during.deployments.map((one: any) => [one.status, one.taskDefinition])).toEqual([
      ["PRIMARY", second],
      ["ACTIVE", first],
    ]);
    expect(atStop.find((task) => task.definitionARN === second)?.lastStatus).toBe("RUNNING");
    expect(bench.ecs.tasks().find((task) => task.arn === old.arn)?.stoppedReason).toMatch(
      /^Scaling activity initiated by \(deployment ecs-svc\/\d+\)$/,
    );
    expect(after.deployments).toHaveLength(1);
    expect(gone).toEqual(old.targets);
  });

  it("leaves a protected task alone until its protection is lifted", async () => {
    await using bench = startBench();
    const [first, second] = [await bench.register(tellingScript), await bench.register(tellingScript)];
    await bench.createService(first);
    const old = await steady(bench, first);
    const protect = (protectionEnabled: boolean): Promise<any> =>
      bench.call("UpdateTaskProtection", {
        cluster: "main",
        tasks: [old.arn],
        protectionEnabled,
        expiresInMinutes: 60,
      });

    const { protectedTasks } = await protect(true);
    await bench.call("UpdateService", { cluster: "main", service: "proxy", taskDefinition: second });
    await steady(bench, second);
    const while_ = bench.ecs.tasks().find((task) => task.arn === old.arn)?.desiredStatus;
    await protect(false);
    await bench.task((task) => task.arn === old.arn && task.lastStatus === "STOPPED");

    expect(protectedTasks).toMatchObject([{ taskArn: old.arn, protectionEnabled: true }]);
    expect(protectedTasks[0].expirationDate * 1000 - Date.now()).toBeGreaterThan(3_000_000);
    expect(while_).toBe("RUNNING");
  });

  it("stops its tasks when it is deleted, and its name is free again", async () => {
    await using bench = startBench();
    const definition = await bench.register(tellingScript);
    await bench.createService(definition);
    await steady(bench, definition);

    await expect(bench.call("DeleteService", { cluster: "main", service: "proxy" })).rejects.toMatchObject({
      code: "InvalidParameterException",
    });
    const { service } = await bench.call("DeleteService", { cluster: "main", service: "proxy", force: true });
    await bench.task((task) => task.lastStatus === "STOPPED");
    const status = (await describeService(bench)).status;
    await bench.call("CreateService", { ...serviceInput, taskDefinition: definition, desiredCount: 0 });

    expect([service.status, status, (await describeService(bench)).status]).toEqual(["DRAINING", "INACTIVE", "ACTIVE"]);
  });

  it("goes back to the deployment that was steady when the tasks of the new one keep failing, and says so", async () => {
    await using bench = startBench();
    const [good, bad] = [await bench.register(tellingScript), await bench.register("missing")];
    const deploymentConfiguration = { deploymentCircuitBreaker: { enable: true, rollback: true } };
    await bench.createService(good, { deploymentConfiguration });
    const old = await steady(bench, good);

    await bench.call("UpdateService", { cluster: "main", service: "proxy", taskDefinition: bad });
    await bench.ecs.until(() =>
      bench.ecs.tasks().filter((task) => task.definitionARN === bad && task.lastStatus === "STOPPED").length >= 3
        ? true
        : undefined,
    );
    const service = await describeService(bench);

    expect(service.taskDefinition).toBe(good);
    expect(service.deploymentConfiguration).toMatchObject(deploymentConfiguration);
    expect(bench.ecs.tasks().find((task) => task.arn === old.arn)?.desiredStatus).toBe("RUNNING");
    expect(service.events.map((event: any) => event.message).join("\n")).toMatch(
      /rolling back to deployment ecs-svc\/\d+\.[^]*deployment failed: tasks failed to start/,
    );
  });

  it("keeps the old task until the new one is healthy, and goes back when it never is", async () => {
    await using bench = startBench();
    const healthCheck = { command: ["CMD", "node", "-e", "process.exit(require('fs').existsSync('well') ? 0 : 1)"] };
    const well = 'require("fs").writeFileSync("well", ""); setInterval(() => {}, 1000);';
    const good = await bench.register(well, { healthCheck });
    const bad = await bench.register(tellingScript, { healthCheck });
    const deploymentConfiguration = { deploymentCircuitBreaker: { enable: true, rollback: true } };
    await bench.createService(good, { deploymentConfiguration });
    const isSteady = async () => (await describeService(bench)).deployments[0].rolloutState === "COMPLETED";
    await bench.ecs.until(() => bench.ecs.tasks()[0]?.isHealthy || undefined);
    const before = await isSteady();

    await bench.call("UpdateService", { cluster: "main", service: "proxy", taskDefinition: bad });
    await bench.ecs.until(() =>
      bench.ecs.tasks().filter((task) => task.definitionARN === bad && task.desiredStatus === "STOPPED").length >= 3
        ? true
        : undefined,
    );
    const service = await describeService(bench);

    expect(before).toBe(true);
    expect(service.taskDefinition).toBe(good);
    expect(bench.ecs.tasks()[0]).toMatchObject({ definitionARN: good, lastStatus: "RUNNING" });
    expect(bench.ecs.tasks()[1]?.stoppedReason).toBe("Task failed container health checks");
  });

  it("waits longer and longer before it starts tasks that fail at once", async () => {
    await using bench = startBench();
    await bench.createService(await bench.register("process.exit(3)"));

    await bench.ecs.until(() =>
      bench.ecs.tasks().filter((task) => task.lastStatus === "STOPPED").length >= 2 ? true : undefined,
    );
    const { deployments } = await describeService(bench);

    expect(bench.ecs.tasks()).toHaveLength(2);
    expect(deployments[0]).toMatchObject({ failedTasks: 2, runningCount: 0 });
  });
});
