import { randomUUID } from "node:crypto";
import type { RoleRegistry } from "../roles.ts";
import { assumedRoleARN } from "../roles.ts";
import type { Answer } from "../server/answer.ts";
import { AwsError, type Call } from "../service.ts";
import type { Engine } from "./engine.ts";
import { tagRecord } from "./input.ts";
import { isProtected, type TaskRecord } from "./model.ts";
import { protectTask, protectionDefaultMinutes, protectionMaxMinutes } from "./protection.ts";

/** A request to a task's own agent, below `$ECS_AGENT_URI`. */
export interface AgentRequest {
  readonly method: string;
  /** Below the task's part, such as `task-protection/v1/state`. */
  readonly path: string;
  readonly body: Buffer | undefined;
}

/**
 * Answers for the ECS agent of a task: its protection from scale-in and deployments, read by GET and set by PUT
 * `{ProtectionEnabled, ExpiresInMinutes}` (ECS Developer Guide, "Amazon ECS task scale-in protection endpoint"). The agent
 * acts with the task's role, which must allow `ecs:UpdateTaskProtection` and `ecs:GetTaskProtection`. Undefined for other paths.
 */
export function answerAgent(
  { method, path, body }: AgentRequest,
  task: TaskRecord,
  deps: { readonly engine: Engine; readonly roles: RoleRegistry },
): Answer | undefined {
  if (path !== "task-protection/v1/state" || (method !== "GET" && method !== "PUT")) {
    return undefined;
  }
  const { engine } = deps;
  try {
    const action = method === "PUT" ? "ecs:UpdateTaskProtection" : "ecs:GetTaskProtection";
    const context = Object.fromEntries(
      Object.entries(tagRecord(task.tags)).map(([key, value]) => [`aws:ResourceTag/${key}`, value]),
    );
    engine.authorize(callOf(task, deps.roles), action, task.arn, context);
    if (method === "PUT") {
      const { enabled, minutes } = readWanted(body);
      if (!protectTask(engine, task, enabled ? minutes : undefined)) {
        return answer(200, { failure: { Arn: task.arn, Detail: null, Reason: "TASK_NOT_VALID" } });
      }
    }
  } catch (error) {
    if (!(error instanceof AwsError)) {
      throw error;
    }
    const told = { Arn: task.arn, Code: error.code, Message: error.message };
    return answer(400, { requestID: randomUUID(), error: told });
  }
  const isOn = isProtected(task, engine.clock.now());
  const until = isOn ? { ExpirationDate: new Date(task.protectedUntil ?? 0).toISOString() } : {};
  return answer(200, { protection: { ...until, ProtectionEnabled: isOn, TaskArn: task.arn } });
}

function readWanted(body: Buffer | undefined): { enabled: boolean; minutes: number } {
  let input: { ProtectionEnabled?: unknown; ExpiresInMinutes?: unknown } | null;
  try {
    input = JSON.parse(body?.toString("utf8") ?? "") as typeof input;
  } catch {
    input = null;
  }
  const { ProtectionEnabled: enabled, ExpiresInMinutes: minutes = protectionDefaultMinutes } = input ?? {};
  if (typeof enabled !== "boolean" || typeof minutes !== "number" || !Number.isInteger(minutes)) {
    throw new AwsError("InvalidParameterException", "ProtectionEnabled must be given, and whole ExpiresInMinutes.");
  }
  if (minutes < 1 || minutes > protectionMaxMinutes) {
    throw new AwsError("InvalidParameterException", `ExpiresInMinutes must be from 1 to ${protectionMaxMinutes}.`);
  }
  return { enabled, minutes };
}

/** A call as the task's role makes it. A task without one may do nothing. */
function callOf(task: TaskRecord, roles: RoleRegistry): Call {
  const role = task.definition.taskRoleARN === undefined ? undefined : roles.byARN(task.definition.taskRoleARN);
  const { region, accountID, taskID } = task;
  const caller =
    role === undefined
      ? undefined
      : {
          accountID,
          arn: assumedRoleARN(role, taskID),
          userID: `${role.roleID}:${taskID}`,
          accessKeyID: "",
          roleARN: role.arn,
          permissions: () => role.permissions,
        };
  return { requestID: randomUUID(), region, caller, headers: {} };
}

function answer(status: number, body: unknown): Answer {
  return { status, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}
