import {
  CreateClusterCommand,
  CreateServiceCommand,
  DescribeTasksCommand,
  ECSClient,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
} from "@aws-sdk/client-ecs";
import { SSMClient } from "@aws-sdk/client-ssm";
import { randomBytes } from "node:crypto";
import { openTunnel } from "#cli/ssm/tunnel.ts";
import type { Tunnel, TunnelOptions } from "#cli/ssm/options.ts";
import { startPortSession, type PortSession } from "#cli/ssm/session.ts";
import { pause, systemClock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { startSandbox } from "#sandbox/main.ts";
import type { Sandbox } from "#sandbox/sandbox.ts";

/** The port on which the task of this harness listens. */
export const taskPort = 9432;

/** A sandbox with one running task, which echoes, and the clients of a person who may do anything. */
export interface TunnelHarness extends AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly ssm: SSMClient;
  /** SSM target of the task. */
  readonly target: string;
  start(port?: number): Promise<PortSession>;
  /** Starts a session and opens its tunnel, which is closed with the harness. */
  open(changes?: Partial<TunnelOptions>, port?: number): Promise<Tunnel>;
}

/** Echoes what it gets, on the loopback address of its task. */
const echoServer = `
  require("node:net")
    .createServer((socket) => socket.on("error", () => {}).pipe(socket))
    .listen(${taskPort}, process.env.SALLYPORT_LOOPBACK);
`;

/** Starts the sandbox and waits for its task's agent. */
export async function startTunnelHarness(): Promise<TunnelHarness> {
  const sandbox = await startSandbox({
    compute: { command: () => ({ file: process.execPath, args: ["-e", echoServer] }) },
  });
  const { accessKeyID, secretAccessKey } = sandbox.controllerCredentials;
  const settings = {
    region: sandbox.region,
    endpoint: sandbox.url,
    credentials: { accessKeyId: accessKeyID, secretAccessKey },
  };
  const ecs = new ECSClient(settings);
  const ssm = new SSMClient(settings);
  const tunnels: Tunnel[] = [];
  const target = await startTask(ecs);
  const start = (port = taskPort): Promise<PortSession> => startPortSession({ client: ssm, target, port });
  return {
    sandbox,
    ssm,
    target,
    start,
    async open(changes = {}, port = taskPort) {
      const session = await start(port);
      const tunnel = await openTunnel({
        ...session,
        clock: systemClock,
        random: randomBytes,
        log: silentLog,
        ...changes,
      });
      tunnels.push(tunnel);
      return tunnel;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(tunnels.map((tunnel) => tunnel.close()));
      ecs.destroy();
      ssm.destroy();
      await sandbox.stop();
    },
  };
}

async function startTask(ecs: ECSClient): Promise<string> {
  const cluster = "tunnels";
  await ecs.send(new CreateClusterCommand({ clusterName: cluster }));
  const definition = await ecs.send(
    new RegisterTaskDefinitionCommand({
      family: "echo",
      requiresCompatibilities: ["FARGATE"],
      networkMode: "awsvpc",
      cpu: "256",
      memory: "512",
      containerDefinitions: [{ name: "echo", image: "echo", essential: true }],
    }),
  );
  await ecs.send(
    new CreateServiceCommand({
      cluster,
      serviceName: "echo",
      taskDefinition: definition.taskDefinition?.taskDefinitionArn,
      desiredCount: 1,
      launchType: "FARGATE",
      enableExecuteCommand: true,
      networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-1"] } },
    }),
  );
  for (;;) {
    const { taskArns } = await ecs.send(new ListTasksCommand({ cluster }));
    const { tasks } = taskArns?.length
      ? await ecs.send(new DescribeTasksCommand({ cluster, tasks: taskArns }))
      : { tasks: [] };
    const container = tasks?.[0]?.containers?.[0];
    if (container?.managedAgents?.[0]?.lastStatus === "RUNNING") {
      return `ecs:${cluster}_${tasks?.[0]?.taskArn?.split("/").at(-1)}_${container.runtimeId}`;
    }
    // ECS has no way to be waited for but to be asked.
    await pause(systemClock, 20);
  }
}
