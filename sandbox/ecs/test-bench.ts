import { systemClock } from "#lib/clock.ts";
import type { Clock } from "#lib/clock.ts";
import { silentLog } from "#lib/log.ts";
import { createAuthorize } from "../authorize.ts";
import { createCredentialRegistry } from "../credentials.ts";
import type { CredentialRegistry } from "../credentials.ts";
import { randomFrom } from "../ids.ts";
import { createEvaluate } from "../policy/verdict.ts";
import { createRoleRegistry } from "../roles.ts";
import type { RoleRegistry } from "../roles.ts";
import type { Call, Caller } from "../service.ts";
import type { SecretRecord } from "../state.ts";
import { ecsService } from "./service.ts";
import type { EcsService, TaskView } from "./service.ts";

export const accountID = "111122223333";
export const taskRoleARN = `arn:aws:iam::${accountID}:role/proxy-task`;

/** ECS with the machine's clock, short delays and small Node programs as containers. */
export interface Bench extends AsyncDisposable {
  readonly ecs: EcsService;
  readonly credentials: CredentialRegistry;
  readonly roles: RoleRegistry;
  readonly secrets: Map<string, SecretRecord>;
  /** Calls an operation as an administrator, or as who has these permissions. */
  call(
    operation: string,
    input: Record<string, unknown>,
    permissions?: ReturnType<Caller["permissions"]>,
  ): Promise<any>;
  /** Registers a revision of the family `proxy` whose container runs this JavaScript; gives its ARN. */
  register(script: string, container?: Record<string, unknown>, members?: Record<string, unknown>): Promise<string>;
  /** Creates the cluster `main` and in it the service `proxy`. */
  createService(taskDefinition: string, members?: Record<string, unknown>): Promise<void>;
  /** The first task that `test` finds, as soon as there is one. */
  task(test: (task: TaskView) => boolean): Promise<TaskView>;
  /** What the task's container has printed, as soon as it contains `text`. */
  printed(task: TaskView, text: string): Promise<string>;
}

/** Prints its environment and directory, keeps count of its starts on disk, and waits. */
export const tellingScript = `
  const fs = require("node:fs");
  fs.appendFileSync("starts", "x");
  const starts = fs.readFileSync("starts", "utf8").length;
  console.log("READY " + JSON.stringify({ env: process.env, directory: process.cwd(), starts }));
  setInterval(() => {}, 1000);
`;

/** Starts one. */
export function startBench(clock: Clock = systemClock): Bench {
  const random = randomFrom("bench");
  const now = (): number => clock.now();
  const roles = createRoleRegistry(random, now);
  roles.create({ accountID, roleName: "proxy-task", permissions: [] });
  const credentials = createCredentialRegistry(random, roles, now);
  const secrets = new Map<string, SecretRecord>();
  const evaluate = createEvaluate(clock);
  const ecs = ecsService({
    clock,
    random,
    log: silentLog,
    authorize: createAuthorize(evaluate),
    url: () => "http://127.0.0.1:4599",
    roles,
    credentials,
    secrets,
    // The image is the program: a test's container says in its definition what it does.
    command: (image) => {
      if (image === "missing") {
        throw new Error("CannotPullContainerError: image not found");
      }
      return { file: process.execPath, args: ["-e", Buffer.from(image, "base64url").toString()] };
    },
    delays: { provisioningMs: 0, pendingMs: 0, agentMs: 0, healthyWithinMs: 1_000, deprovisioningMs: 0 },
  });
  const bench: Bench = {
    ecs,
    credentials,
    roles,
    secrets,
    call: async (operation, input, permissions = "administrator") =>
      ecs.operations[operation]?.(input, callBy(permissions)),
    async register(script, container = {}, members = {}) {
      const image = script === "missing" ? script : Buffer.from(script).toString("base64url");
      const answer = await bench.call("RegisterTaskDefinition", {
        family: "proxy",
        networkMode: "awsvpc",
        requiresCompatibilities: ["FARGATE"],
        cpu: "256",
        memory: "512",
        taskRoleArn: taskRoleARN,
        containerDefinitions: [{ name: "proxy", image, ...container }],
        ...members,
      });
      return answer.taskDefinition.taskDefinitionArn as string;
    },
    async createService(taskDefinition, members = {}) {
      await bench.call("CreateCluster", { clusterName: "main" });
      await bench.call("CreateService", { ...serviceInput, taskDefinition, ...members });
    },
    task: (test) => ecs.until(() => ecs.tasks().find(test)),
    printed: (task, text) => ecs.until(() => (ecs.logs(task.arn).includes(text) ? ecs.logs(task.arn) : undefined)),
    [Symbol.asyncDispose]: () => ecs.stop(),
  };
  return bench;
}

/** A service of one task with the agent. */
export const serviceInput = {
  cluster: "main",
  serviceName: "proxy",
  desiredCount: 1,
  enableExecuteCommand: true,
  propagateTags: "SERVICE",
  tags: [{ key: "sallyport:proxy", value: "default/main" }],
  networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-1"] } },
};

/** Running with its agent connected. */
export function connected(task: TaskView): boolean {
  return task.lastStatus === "RUNNING" && task.targets.length > 0;
}

/** What `tellingScript` printed last. */
export function told(log: string): { env: Record<string, string>; directory: string; starts: number } {
  const line = log.split("\n").findLast((one) => one.startsWith("READY ")) ?? "READY {}";
  return JSON.parse(line.slice("READY ".length));
}

function callBy(permissions: ReturnType<Caller["permissions"]>): Call {
  const caller: Caller = {
    accountID,
    arn: `arn:aws:iam::${accountID}:user/controller`,
    userID: "AIDAEXAMPLE",
    accessKeyID: "AKIAEXAMPLE",
    permissions: () => permissions,
  };
  return { requestID: "request", region: "eu-west-1", caller, headers: {} };
}
