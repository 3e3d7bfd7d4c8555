import type { Clock } from "#lib/clock.ts";
import type { CredentialRegistry, IssuedCredentials } from "../credentials.ts";
import type { RoleRegistry } from "../roles.ts";
import type { Answer } from "../server/answer.ts";
import type { HttpRequest } from "../server/request.ts";
import type { Engine } from "./engine.ts";
import type { ContainerRecord, TaskRecord } from "./model.ts";
import { ecsARN } from "./names.ts";
import { answerAgent } from "./task-agent.ts";

/** Path under which a task's own processes find what the platform offers them. */
const taskPath = "/_task/";

/** A request of a task's own process. */
export type TaskRequest = Pick<HttpRequest, "method" | "path"> & Partial<Pick<HttpRequest, "body">>;

/** What the endpoints need. */
export interface EndpointDeps {
  readonly clock: Clock;
  readonly engine: Engine;
  readonly roles: RoleRegistry;
  readonly credentials: CredentialRegistry;
}

/** Life of a task's credentials, in ms: ECS gives six hours. */
const credentialLifeMs = 6 * 3_600_000;

/** New credentials are given out when the old ones have less than this left, in ms. SDKs refresh in the last five minutes. */
const refreshBelowMs = 15 * 60_000;

/**
 * Answers requests under `/_task/`: container credentials, task metadata version 4, the ECS agent; undefined for other paths. The
 * secret in the path is the proof of who asks.
 */
export function createTaskEndpoints(deps: EndpointDeps): (request: TaskRequest) => Answer | undefined {
  const issued = new WeakMap<TaskRecord, IssuedCredentials>();
  return ({ method, path, body: sent }) => {
    if (!path.startsWith(taskPath)) {
      return undefined;
    }
    const [kind = "", id = "", ...rest] = path.slice(taskPath.length).split("/");
    const [secretID = "", ...nameParts] = id.split("-");
    const task = deps.engine
      .accounts()
      .flatMap((account) => [...account.tasks.values()])
      .find((one) => one.secretID === secretID && one.lastStatus !== "STOPPED");
    if (task !== undefined && kind === "agent") {
      return answerAgent({ method, path: rest.join("/"), body: sent }, task, deps) ?? notFound;
    }
    if (task === undefined || method !== "GET") {
      return notFound;
    }
    const body =
      kind === "credentials"
        ? credentialsBody(deps, issued, task)
        : kind === "metadata"
          ? metadataBody(deps, task, nameParts.join("-"), rest.join("/"))
          : undefined;
    return body === undefined ? notFound : answer(200, body);
  };
}

const notFound = answer(404, { code: "NotFound", message: "unknown task, path or role" });

function answer(status: number, body: unknown): Answer {
  return { status, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}

/** Undefined when the task has no role, or its role is gone. */
function credentialsBody(
  deps: EndpointDeps,
  issued: WeakMap<TaskRecord, IssuedCredentials>,
  task: TaskRecord,
): unknown {
  const roleARN = task.definition.taskRoleARN;
  const role = roleARN === undefined ? undefined : deps.roles.byARN(roleARN);
  if (role === undefined) {
    return undefined;
  }
  const now = deps.clock.now();
  const before = issued.get(task);
  const fresh = before !== undefined && (before.expiresAt ?? 0) - now > refreshBelowMs;
  const credentials = fresh ? before : deps.credentials.mintForRole(role, task.taskID, now + credentialLifeMs);
  issued.set(task, credentials);
  return {
    RoleArn: roleARN,
    AccessKeyId: credentials.accessKeyID,
    SecretAccessKey: credentials.secretAccessKey,
    Token: credentials.sessionToken,
    Expiration: new Date(credentials.expiresAt ?? now).toISOString(),
  };
}

function metadataBody(deps: EndpointDeps, task: TaskRecord, containerName: string, path: string): unknown {
  if (path === "task" || path === "taskWithTags") {
    return taskMetadata(deps, task, path === "taskWithTags");
  }
  const container = task.containers.find((one) => one.definition.name === containerName);
  return path === "" && container !== undefined ? containerMetadata(task, container) : undefined;
}

/** As on Fargate, where Cluster is an ARN (ECS Developer Guide, "Task metadata endpoint version 4 for Fargate"). */
function taskMetadata(deps: EndpointDeps, task: TaskRecord, withTags: boolean): unknown {
  const account = deps.engine.accounts().find((one) => one.tasks.has(task.arn));
  return {
    Cluster: account === undefined ? task.clusterName : ecsARN(account, `cluster/${task.clusterName}`),
    TaskARN: task.arn,
    Family: task.definition.family,
    Revision: String(task.definition.revision),
    DesiredStatus: task.desiredStatus,
    KnownStatus: task.lastStatus,
    Limits: {
      CPU: Number(task.definition.shape["cpu"] ?? 256) / 1024,
      Memory: Number(task.definition.shape["memory"] ?? 512),
    },
    PullStartedAt: new Date(task.createdAt).toISOString(),
    AvailabilityZone: `${task.region}a`,
    LaunchType: "FARGATE",
    ...(task.serviceName === undefined ? {} : { ServiceName: task.serviceName }),
    ...(withTags ? { TaskTags: Object.fromEntries(task.tags.map((tag) => [tag.key, tag.value])) } : {}),
    Containers: task.containers.map((container) => containerMetadata(task, container)),
  };
}

function containerMetadata(task: TaskRecord, container: ContainerRecord): unknown {
  return {
    DockerId: container.runtimeID,
    Name: container.definition.name,
    DockerName: container.definition.name,
    Image: container.definition.image,
    ImageID: "",
    Labels: {
      "com.amazonaws.ecs.task-arn": task.arn,
      "com.amazonaws.ecs.container-name": container.definition.name,
      "com.amazonaws.ecs.task-definition-family": task.definition.family,
      "com.amazonaws.ecs.task-definition-version": String(task.definition.revision),
    },
    DesiredStatus: task.desiredStatus,
    KnownStatus: container.lastStatus,
    Limits: { CPU: 2 },
    CreatedAt: new Date(task.createdAt).toISOString(),
    ...(task.startedAt === undefined ? {} : { StartedAt: new Date(task.startedAt).toISOString() }),
    Type: "NORMAL",
    ContainerARN: container.arn,
    Networks: [{ NetworkMode: "awsvpc", IPv4Addresses: task.host === undefined ? [] : [task.host] }],
  };
}
