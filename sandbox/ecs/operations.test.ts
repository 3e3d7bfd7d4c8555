import { describe, expect, it } from "vitest";
import { manualClock } from "#lib/clock.ts";
import { accountID, connected, serviceInput, startBench, tellingScript } from "./test-bench.ts";

const definitionInput = {
  family: "proxy",
  networkMode: "awsvpc",
  requiresCompatibilities: ["FARGATE"],
  cpu: "256",
  memory: "512",
  containerDefinitions: [{ name: "proxy", image: "sallyport:1" }],
};

describe("task definitions", () => {
  it("are numbered within their family and found by family, revision or ARN", async () => {
    await using bench = startBench();
    const first = await bench.register(tellingScript);
    const second = await bench.register(tellingScript);
    const found = async (taskDefinition: string): Promise<string> =>
      (await bench.call("DescribeTaskDefinition", { taskDefinition })).taskDefinition.taskDefinitionArn as string;

    expect(first).toBe(`arn:aws:ecs:eu-west-1:${accountID}:task-definition/proxy:1`);
    expect([await found("proxy"), await found("proxy:1"), await found(second)]).toEqual([second, first, second]);
    expect(await bench.call("ListTaskDefinitions", { familyPrefix: "proxy", sort: "DESC" })).toEqual({
      taskDefinitionArns: [second, first],
    });
  });

  it("that are deregistered stay visible and start nothing", async () => {
    await using bench = startBench();
    const first = await bench.register(tellingScript);
    await bench.call("CreateCluster", { clusterName: "main" });

    await bench.call("DeregisterTaskDefinition", { taskDefinition: first });

    const { taskDefinition } = await bench.call("DescribeTaskDefinition", { taskDefinition: first });
    expect(taskDefinition.status).toBe("INACTIVE");
    await expect(bench.call("DescribeTaskDefinition", { taskDefinition: "proxy" })).rejects.toMatchObject({
      code: "ClientException",
      message: "Unable to describe task definition.",
    });
    await expect(bench.call("CreateService", { ...serviceInput, taskDefinition: first })).rejects.toMatchObject({
      code: "ClientException",
      message: "TaskDefinition is inactive",
    });
  });

  it.each([
    ["no family", { family: undefined }],
    ["a family with a space", { family: "a b" }],
    ["no container", { containerDefinitions: [] }],
    ["a container without an image", { containerDefinitions: [{ name: "a" }] }],
    [
      "two containers of one name",
      {
        containerDefinitions: [
          { name: "a", image: "x" },
          { name: "a", image: "x" },
        ],
      },
    ],
    ["no essential container", { containerDefinitions: [{ name: "a", image: "x", essential: false }] }],
    ["a size that Fargate does not have", { cpu: "256", memory: "8192" }],
    ["no size", { cpu: undefined }],
    ["another network mode than awsvpc", { networkMode: "host" }],
    [
      "a restart period below a minute",
      { containerDefinitions: [{ name: "a", image: "x", restartPolicy: { enabled: true, restartAttemptPeriod: 5 } }] },
    ],
    ["a stop timeout above two minutes", { containerDefinitions: [{ name: "a", image: "x", stopTimeout: 121 }] }],
    [
      "an environment value that is no string",
      { containerDefinitions: [{ name: "a", image: "x", environment: [{ name: "A", value: 1 }] }] },
    ],
    ["a tag of AWS's own", { tags: [{ key: "aws:x", value: "" }] }],
  ])("are refused with %s", async (_what, members) => {
    await using bench = startBench();

    await expect(bench.call("RegisterTaskDefinition", { ...definitionInput, ...members })).rejects.toMatchObject({
      code: expect.stringMatching(/^(ClientException|InvalidParameterException)$/) as string,
    });
  });
});

describe("what is not there", () => {
  it("is named by ECS's own errors and failures", async () => {
    await using bench = startBench();
    const taskDefinition = await bench.register(tellingScript);
    const missingTask = `arn:aws:ecs:eu-west-1:${accountID}:task/main/${"0".repeat(32)}`;
    const code = (operation: string, input: Record<string, unknown>): Promise<string> =>
      bench.call(operation, input).then(
        () => "none",
        (error: { code: string }) => error.code,
      );

    expect(await code("ListTasks", { cluster: "main" })).toBe("ClusterNotFoundException");
    expect(await code("CreateService", { ...serviceInput, taskDefinition })).toBe("ClusterNotFoundException");
    await bench.call("CreateCluster", { clusterName: "main" });
    expect(await code("UpdateService", { cluster: "main", service: "proxy" })).toBe("ServiceNotFoundException");
    expect(await code("ListTasks", { cluster: "main", serviceName: "proxy" })).toBe("ServiceNotFoundException");
    expect(await code("CreateService", { ...serviceInput, taskDefinition: "no:1" })).toBe("ClientException");
    expect(await code("CreateService", { ...serviceInput, taskDefinition, networkConfiguration: undefined })).toBe(
      "InvalidParameterException",
    );
    expect(await code("StopTask", { cluster: "main", task: missingTask })).toBe("InvalidParameterException");
    expect(await code("ExecuteCommand", { cluster: "main", task: missingTask })).toBe("InvalidParameterException");
    expect(await code("TagResource", { resourceArn: missingTask, tags: [] })).toBe("ResourceNotFoundException");
    expect(await bench.call("DescribeTasks", { cluster: "main", tasks: [missingTask] })).toEqual({
      tasks: [],
      failures: [{ arn: missingTask, reason: "MISSING" }],
    });
    expect(await bench.call("DescribeServices", { cluster: "main", services: ["proxy"] })).toEqual({
      services: [],
      failures: [{ arn: `arn:aws:ecs:eu-west-1:${accountID}:service/main/proxy`, reason: "MISSING" }],
    });
    expect(await bench.call("DescribeClusters", { clusters: ["other"] })).toEqual({
      clusters: [],
      failures: [{ arn: `arn:aws:ecs:eu-west-1:${accountID}:cluster/other`, reason: "MISSING" }],
    });
    expect(await bench.call("GetTaskProtection", { cluster: "main", tasks: [missingTask] })).toEqual({
      protectedTasks: [],
      failures: [{ arn: missingTask, reason: "MISSING" }],
    });
  });

  it("includes everything that the caller may not do", async () => {
    await using bench = startBench();

    for (const [operation, input] of [
      ["CreateCluster", { clusterName: "main" }],
      ["RegisterTaskDefinition", definitionInput],
      ["DescribeTasks", { cluster: "main", tasks: ["a"] }],
      ["ListTasks", { cluster: "main" }],
      ["StopTask", { cluster: "main", task: "a" }],
      ["ExecuteCommand", { cluster: "main", task: "a" }],
      ["DescribeServices", { cluster: "main", services: ["a"] }],
      ["UpdateTaskProtection", { cluster: "main", tasks: ["a"], protectionEnabled: true }],
      ["ListTagsForResource", { resourceArn: "arn:aws:ecs:eu-west-1:1:cluster/a" }],
    ] as const) {
      await expect(bench.call(operation, input, []), operation).rejects.toMatchObject({
        code: "AccessDeniedException",
      });
    }
  });
});

describe("services", () => {
  it("are created once under a name", async () => {
    await using bench = startBench();
    const definition = await bench.register(tellingScript);
    await bench.createService(definition, { desiredCount: 0 });

    await expect(bench.call("CreateService", { ...serviceInput, taskDefinition: definition })).rejects.toMatchObject({
      code: "InvalidParameterException",
      message: "Creation of service was not idempotent.",
    });
    expect(await bench.call("ListServices", { cluster: "main" })).toEqual({
      serviceArns: [`arn:aws:ecs:eu-west-1:${accountID}:service/main/proxy`],
    });
  });

  it("can be tagged and untagged", async () => {
    await using bench = startBench();
    await bench.createService(await bench.register(tellingScript), { desiredCount: 0 });
    const resourceArn = `arn:aws:ecs:eu-west-1:${accountID}:service/main/proxy`;

    await bench.call("TagResource", {
      resourceArn,
      tags: [
        { key: "a", value: "1" },
        { key: "sallyport:proxy", value: "x" },
      ],
    });
    await bench.call("UntagResource", { resourceArn, tagKeys: ["a"] });

    expect(await bench.call("ListTagsForResource", { resourceArn })).toEqual({
      tags: [{ key: "sallyport:proxy", value: "x" }],
    });
  });
});

describe("limits of a call", () => {
  it("are refused when they are passed", async () => {
    await using bench = startBench();
    await bench.call("CreateCluster", { clusterName: "main" });
    const names = (length: number): string[] => Array.from({ length }, (_, index) => `t${index}`);
    const refused = { code: "InvalidParameterException" };

    for (const [operation, input] of [
      ["DescribeTasks", { cluster: "main", tasks: names(101) }],
      ["DescribeTasks", { cluster: "main", tasks: [] }],
      ["DescribeServices", { cluster: "main", services: names(11) }],
      ["UpdateTaskProtection", { cluster: "main", tasks: names(11), protectionEnabled: true }],
      ["UpdateTaskProtection", { cluster: "main", tasks: names(1), protectionEnabled: true, expiresInMinutes: 2_881 }],
      ["UpdateTaskProtection", { cluster: "main", tasks: names(1), protectionEnabled: true, expiresInMinutes: 0 }],
      ["UpdateTaskProtection", { cluster: "main", tasks: names(1) }],
    ] as const) {
      await expect(bench.call(operation, input), operation).rejects.toMatchObject(refused);
    }
    await expect(bench.call("DescribeTasks", { cluster: "main", tasks: names(100) })).resolves.toBeDefined();
    await expect(bench.call("DescribeServices", { cluster: "main", services: names(10) })).resolves.toBeDefined();
  });
});

describe("RunTask", () => {
  it("is over at once when the sandbox stops, though the clock stands still", async () => {
    await using bench = startBench(manualClock());
    await bench.call("CreateCluster", { clusterName: "main" });
    const members = { networkMode: "bridge", requiresCompatibilities: [] };
    const taskDefinition = await bench.register(tellingScript, {}, members);
    const { tasks } = await bench.call("RunTask", { cluster: "main", taskDefinition, count: 2 });
    await bench.call("StopTask", { cluster: "main", task: tasks[0].taskArn });

    await bench.ecs.stop();

    expect(bench.ecs.tasks().map((task) => task.lastStatus)).toEqual(["STOPPED", "STOPPED"]);
  });

  it("shows a stopped task for an hour", async () => {
    const clock = manualClock();
    await using bench = startBench(clock);
    await bench.call("CreateCluster", { clusterName: "main" });
    const taskDefinition = await bench.register("missing", {}, { networkMode: "bridge", requiresCompatibilities: [] });
    const list = (): Promise<any> => bench.call("ListTasks", { cluster: "main", desiredStatus: "STOPPED" });
    await bench.call("RunTask", { cluster: "main", taskDefinition });

    clock.advance(0);
    await bench.task((task) => task.host !== undefined);
    clock.advance(0);
    await bench.task((task) => task.desiredStatus === "STOPPED");
    // Its directory is removed before the last step is timed.
    while (clock.pendingCount() === 0) {
      await new Promise(setImmediate);
    }
    clock.advance(0);
    const atOnce = await list();
    clock.advance(3_600_000 - 1);
    const later = await list();
    clock.advance(1);

    expect(bench.ecs.tasks()).toEqual([]);
    expect([atOnce.taskArns.length, later.taskArns.length, (await list()).taskArns.length]).toEqual([1, 1, 0]);
  });

  it("runs a task that belongs to no service", async () => {
    await using bench = startBench();
    const taskDefinition = await bench.register(tellingScript);
    await bench.call("CreateCluster", { clusterName: "main" });

    const { tasks } = await bench.call("RunTask", {
      cluster: "main",
      taskDefinition,
      startedBy: "me",
      enableExecuteCommand: true,
      networkConfiguration: serviceInput.networkConfiguration,
    });
    const task = await bench.task(connected);

    expect(tasks).toMatchObject([
      { taskArn: task.arn, group: "family:proxy", startedBy: "me", lastStatus: "PROVISIONING" },
    ]);
    expect(await bench.call("ListTasks", { cluster: "main", family: "proxy" })).toEqual({ taskArns: [task.arn] });
    expect(
      await bench.call("UpdateTaskProtection", { cluster: "main", tasks: [task.arn], protectionEnabled: true }),
    ).toEqual({
      protectedTasks: [],
      failures: [{ arn: task.arn, reason: "TASK_NOT_VALID" }],
    });
  });
});
