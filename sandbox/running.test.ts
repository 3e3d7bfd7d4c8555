import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { fileURLToPath } from "node:url";
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DescribeServicesCommand,
  DescribeTasksCommand,
  ECSClient,
  GetTaskProtectionCommand,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  UpdateTaskProtectionCommand,
} from "@aws-sdk/client-ecs";
import { PutInlinePolicyToPermissionSetCommand } from "@aws-sdk/client-sso-admin";
import { DescribeSessionsCommand, ResumeSessionCommand, SSMClient, StartSessionCommand } from "@aws-sdk/client-ssm";
import { describe, expect, it } from "vitest";
import { systemClock } from "#lib/clock.ts";
import type { TaskView } from "./ecs/service.ts";
import { demoAccountID } from "./seed.ts";
import { TestClient } from "./ssm/test-client.ts";
import { sdkCredentials } from "./testing/clients.ts";
import { assign, createSet, roleOf, unassign } from "./testing/grants.ts";
import { startHarness } from "./testing/harness.ts";
import type { Harness } from "./testing/harness.ts";

/** Echoes on the task's own localhost. */
const echoScript = `require("node:net").createServer((s) => s.on("error", () => {}).pipe(s)).listen(9432, process.env.SALLYPORT_LOOPBACK, () => console.log("READY"));`;

const proxyTag = { key: "sallyport:proxy", value: "default/main" };

interface Stage extends AsyncDisposable {
  readonly harness: Harness;
  readonly ecs: ECSClient;
  /** The running task. */
  readonly task: TaskView;
}

async function startStage(): Promise<Stage> {
  const harness = await startHarness({
    clock: systemClock,
    delays: { identityCenterMs: 0 },
    compute: {
      command: () => ({ file: process.execPath, args: ["-e", echoScript] }),
      ecsDelays: { provisioningMs: 0, pendingMs: 0, agentMs: 0, deprovisioningMs: 0 },
    },
  });
  const { sandbox } = harness;
  const credentials = sdkCredentials(sandbox.controllerCredentials);
  const ecs = new ECSClient({ endpoint: sandbox.url, region: sandbox.region, maxAttempts: 1, credentials });
  await ecs.send(new CreateClusterCommand({ clusterName: "main" }));
  await ecs.send(
    new RegisterTaskDefinitionCommand({
      family: "sallyport",
      networkMode: "awsvpc",
      requiresCompatibilities: ["FARGATE"],
      cpu: "256",
      memory: "512",
      taskRoleArn: `arn:aws:iam::${demoAccountID}:role/sallyport-proxy-task`,
      containerDefinitions: [{ name: "proxy", image: "sallyport:1", environment: [{ name: "A", value: "1" }] }],
    }),
  );
  await ecs.send(
    new CreateServiceCommand({
      cluster: "main",
      serviceName: "proxy",
      taskDefinition: "sallyport",
      desiredCount: 1,
      enableExecuteCommand: true,
      propagateTags: "SERVICE",
      tags: [proxyTag],
      networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-1"] } },
    }),
  );
  const task = await sandbox.ecs.until(() =>
    sandbox.ecs.tasks().find((one) => one.targets.length > 0 && sandbox.ecs.logs(one.arn).includes("READY")),
  );
  return {
    harness,
    ecs,
    task,
    async [Symbol.asyncDispose]() {
      ecs.destroy();
      await harness[Symbol.asyncDispose]();
    },
  };
}

/** A permission set as a grant has it, assigned to ada; gives her Session Manager client. */
async function grantAda({ harness }: Stage): Promise<{ setARN: string; ssm: SSMClient }> {
  const setARN = await createSet(harness, "g0000000000000000000000000");
  const condition = { BoolIfExists: { "ssm:SessionDocumentAccessCheck": "true" } };
  const InlinePolicy = JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Action: "ssm:StartSession",
        Resource: "arn:aws:ecs:*:*:task/main/*",
        Condition: { ...condition, StringEquals: { [`aws:ResourceTag/${proxyTag.key}`]: proxyTag.value } },
      },
      {
        Effect: "Allow",
        Action: "ssm:StartSession",
        Resource: "arn:aws:ssm:*::document/AWS-StartPortForwardingSession",
        Condition: condition,
      },
      {
        Effect: "Allow",
        Action: ["ssm:ResumeSession", "ssm:TerminateSession"],
        Resource: "arn:aws:ssm:*:*:session/*",
        Condition: { StringEquals: { "ssm:resourceTag/aws:ssmmessages:session-id": "${aws:userid}" } },
      },
    ],
  });
  await harness.clients.ssoAdmin.send(
    new PutInlinePolicyToPermissionSetCommand({
      InstanceArn: harness.instanceARN,
      PermissionSetArn: setARN,
      InlinePolicy,
    }),
  );
  await assign(harness, setARN, "ada");
  await settled(() => roleOf(harness, setARN) !== undefined);
  const { sandbox } = harness;
  const credentials = sdkCredentials(sandbox.credentialsFor("ada", "g0000000000000000000000000"));
  return { setARN, ssm: new SSMClient({ endpoint: sandbox.url, region: sandbox.region, maxAttempts: 1, credentials }) };
}

/** Waits for the asynchronous request of Identity Center, which has no event to wait for. */
async function settled(done: () => boolean): Promise<void> {
  while (!done()) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

describe("the sandbox's ECS and Session Manager behind the AWS SDK", () => {
  it("answer in shapes that the SDK reads, timestamps included", async () => {
    await using stage = await startStage();
    const { ecs, task } = stage;
    const cluster = "main";

    const { taskArns } = await ecs.send(new ListTasksCommand({ cluster, serviceName: "proxy" }));
    const { tasks, failures } = await ecs.send(
      new DescribeTasksCommand({ cluster, tasks: taskArns, include: ["TAGS"] }),
    );
    const { services } = await ecs.send(new DescribeServicesCommand({ cluster, services: ["proxy"] }));
    await ecs.send(new UpdateTaskProtectionCommand({ cluster, tasks: taskArns, protectionEnabled: true }));
    const { protectedTasks } = await ecs.send(new GetTaskProtectionCommand({ cluster, tasks: taskArns }));

    expect(failures).toEqual([]);
    expect(tasks?.[0]).toMatchObject({
      taskArn: task.arn,
      lastStatus: "RUNNING",
      createdAt: expect.any(Date) as Date,
      startedAt: expect.any(Date) as Date,
      tags: [proxyTag],
      containers: [
        { name: "proxy", managedAgents: [{ lastStatus: "RUNNING", lastStartedAt: expect.any(Date) as Date }] },
      ],
    });
    expect(services?.[0]?.deployments?.[0]?.createdAt).toBeInstanceOf(Date);
    expect(protectedTasks?.[0]?.expirationDate).toBeInstanceOf(Date);
  });

  it("give an unknown service and cluster the SDK's own exceptions", async () => {
    await using stage = await startStage();

    await expect(stage.ecs.send(new ListTasksCommand({ cluster: "main", serviceName: "other" }))).rejects.toMatchObject(
      { name: "ServiceNotFoundException", message: "Service not found." },
    );
    await expect(stage.ecs.send(new ListTasksCommand({ cluster: "other" }))).rejects.toMatchObject({
      name: "ClusterNotFoundException",
      message: "Cluster not found.",
    });
  });

  it("carry a person's tunnel to the task's own process until the assignment is gone", async () => {
    await using stage = await startStage();
    const { setARN, ssm } = await grantAda(stage);
    const Target = stage.task.targets[0];
    const start = new StartSessionCommand({
      Target,
      DocumentName: "AWS-StartPortForwardingSession",
      Parameters: { portNumber: ["9432"] },
    });

    const ticket = await ssm.send(start);
    const client = new TestClient();
    await client.open(ticket);
    await client.shakeHands();
    client.openStream(3, Buffer.from("through the gate"));
    await client.until(() => client.byteCount(3) === 16);
    const resumed = await ssm.send(new ResumeSessionCommand({ SessionId: ticket.SessionId }));
    const otherwise = ssm.send(new StartSessionCommand({ Target }));
    await expect(otherwise).rejects.toMatchObject({ name: "AccessDeniedException" });
    await unassign(stage.harness, setARN, "ada");
    await settled(() => roleOf(stage.harness, setARN) === undefined);

    expect(client.bytes(3).toString()).toBe("through the gate");
    expect(resumed.SessionId).toBe(ticket.SessionId);
    await expect(ssm.send(start)).rejects.toMatchObject({ name: "AccessDeniedException" });
    await expect(ssm.send(new ResumeSessionCommand({ SessionId: ticket.SessionId }))).rejects.toMatchObject({
      name: "AccessDeniedException",
    });
    // What is open stays open, as on AWS: ending it is the controller's work.
    client.frame({ command: "push", streamID: 3, data: Buffer.from("!") });
    await client.until(() => client.byteCount(3) === 17);
    client.close();
    ssm.destroy();
  });

  it("show sessions as the SDK reads them", async () => {
    await using stage = await startStage();
    const { ssm } = await grantAda(stage);
    const { sandbox } = stage.harness;
    await ssm.send(
      new StartSessionCommand({
        Target: stage.task.targets[0],
        DocumentName: "AWS-StartPortForwardingSession",
        Parameters: { portNumber: ["9432"] },
        Reason: "ticket 1",
      }),
    );
    const credentials = sdkCredentials(sandbox.controllerCredentials);
    const controller = new SSMClient({ endpoint: sandbox.url, region: sandbox.region, maxAttempts: 1, credentials });

    const { Sessions } = await controller.send(new DescribeSessionsCommand({ State: "Active" }));

    expect(Sessions).toMatchObject([
      {
        Status: "Connecting",
        Owner: expect.stringMatching(/:assumed-role\/AWSReservedSSO_g0{25}_[0-9a-f]{16}\/ada$/) as string,
        Reason: "ticket 1",
        StartDate: expect.any(Date) as Date,
      },
    ]);
    controller.destroy();
    ssm.destroy();
  });
});

describe("the sandbox's end", () => {
  it("leaves no task behind, even when it is killed without warning", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const call = `require("node:net").connect(${(server.address() as AddressInfo).port}, "127.0.0.1");`;
    const script = `
      import { startBench } from ${JSON.stringify(fileURLToPath(new URL("ecs/test-bench.ts", import.meta.url)))};
      const bench = startBench();
      await bench.createService(await bench.register(${JSON.stringify(call)}));
      setInterval(() => {}, 1000);`;
    const connection = once(server, "connection");
    const sandbox = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "ignore" });
    const [line] = (await connection) as [Socket];
    const hungUp = once(line.resume(), "close");

    sandbox.kill("SIGKILL");
    await hungUp;

    server.close();
    expect(line.closed).toBe(true);
  });
});
