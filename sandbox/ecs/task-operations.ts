import { AwsError } from "../service.ts";
import type { Call, Operation } from "../service.ts";
import type { Engine } from "./engine.ts";
import { invalid, optionalCount, optionalText, page, readTags, requiredText, tagRecord, textList } from "./input.ts";
import { isProtected } from "./model.ts";
import type { AccountState, TaskRecord } from "./model.ts";
import { protectionDefaultMinutes, protectionMaxMinutes, protectTask } from "./protection.ts";
import { clusterName, ecsARN, findCluster, findTask, shortName } from "./names.ts";
import { checkNetwork, runnableDefinition } from "./service-input.ts";
import { taskShape } from "./task-shape.ts";

/** Tasks that one DescribeTasks call may name, tasks that RunTask starts at once, tasks that one protection call may name. */
const describeMax = 100;
const runMax = 10;
const protectMax = 10;

/** Tasks (ECS API reference 2014-11-13). */
export function taskOperations(engine: Engine): Readonly<Record<string, Operation>> {
  return {
    ListTasks: (input, call) => listTasks(engine, input, call),
    DescribeTasks: (input, call) => describeTasks(engine, input, call),
    StopTask: (input, call) => stopTask(engine, input, call),
    RunTask: (input, call) => runTask(engine, input, call),
    UpdateTaskProtection: (input, call) => updateProtection(engine, input, call),
    GetTaskProtection: (input, call) => getProtection(engine, input, call),
    ExecuteCommand(input, call) {
      const account = engine.account(call);
      const arn = ecsARN(account, `task/${clusterName(input)}/${shortName(requiredText(input, "task"))}`);
      engine.authorize(call, "ecs:ExecuteCommand", arn);
      throw invalid("The execute command failed because the sandbox runs port forwarding sessions only.");
    },
  };
}

function listTasks(engine: Engine, input: Record<string, unknown>, call: Call): unknown {
  engine.authorize(call, "ecs:ListTasks", "*");
  const account = engine.account(call);
  const cluster = findCluster(account, input);
  const serviceName = optionalText(input, "serviceName");
  const family = optionalText(input, "family");
  const startedBy = optionalText(input, "startedBy");
  const desiredStatus = optionalText(input, "desiredStatus") ?? "RUNNING";
  if (serviceName !== undefined && !account.services.has(`${cluster.name}/${shortName(serviceName)}`)) {
    throw new AwsError("ServiceNotFoundException", "Service not found.");
  }
  const arns = [...account.tasks.values()]
    .filter((task) => task.clusterName === cluster.name && task.desiredStatus === desiredStatus)
    .filter((task) => serviceName === undefined || task.serviceName === shortName(serviceName))
    .filter((task) => family === undefined || task.definition.family === family)
    .filter((task) => startedBy === undefined || task.startedBy === startedBy)
    .map((task) => task.arn);
  const { items, nextToken } = page(input, arns);
  return { taskArns: items, ...(nextToken === undefined ? {} : { nextToken }) };
}

function describeTasks(engine: Engine, input: Record<string, unknown>, call: Call): unknown {
  const account = engine.account(call);
  const names = textList(input, "tasks");
  if (names.length === 0 || names.length > describeMax) {
    throw invalid(`tasks must name 1 to ${describeMax} tasks.`);
  }
  const { found, missing } = eachTask(engine, "ecs:DescribeTasks", account, input, call, names);
  const withTags = textList(input, "include").includes("TAGS");
  return {
    tasks: found.map((task) => taskShape(account, task, withTags)),
    failures: missing.map((arn) => ({ arn, reason: "MISSING" })),
  };
}

function stopTask(engine: Engine, input: Record<string, unknown>, call: Call): unknown {
  const account = engine.account(call);
  const { found } = eachTask(engine, "ecs:StopTask", account, input, call, [requiredText(input, "task")]);
  const [task] = found;
  if (task === undefined) {
    throw invalid("The referenced task was not found.");
  }
  engine.runner(task.arn)?.stop("UserInitiated", optionalText(input, "reason") ?? "Task stopped by user");
  return { task: taskShape(account, task, true) };
}

function runTask(engine: Engine, input: Record<string, unknown>, call: Call): unknown {
  const account = engine.account(call);
  const definition = runnableDefinition(account, requiredText(input, "taskDefinition"));
  engine.authorize(call, "ecs:RunTask", definition.arn);
  const cluster = findCluster(account, input);
  checkNetwork(definition, input["networkConfiguration"]);
  const count = optionalCount(input, "count") ?? 1;
  if (count < 1 || count > runMax) {
    throw invalid(`count must be from 1 to ${runMax}.`);
  }
  const startedBy = optionalText(input, "startedBy");
  const group = optionalText(input, "group");
  const tags = readTags(input);
  const tasks = Array.from({ length: count }, () =>
    engine.startTask(account, {
      clusterName: cluster.name,
      definition,
      enableExecuteCommand: input["enableExecuteCommand"] === true,
      tags: input["propagateTags"] === "TASK_DEFINITION" ? [...definition.tags, ...tags] : tags,
      ...(startedBy === undefined ? {} : { startedBy }),
      ...(group === undefined ? {} : { group }),
    }),
  );
  return { tasks: tasks.map((task) => taskShape(account, task, true)), failures: [] };
}

function updateProtection(engine: Engine, input: Record<string, unknown>, call: Call): unknown {
  const account = engine.account(call);
  const enabled = input["protectionEnabled"];
  const minutes = optionalCount(input, "expiresInMinutes") ?? protectionDefaultMinutes;
  if (typeof enabled !== "boolean") {
    throw invalid("protectionEnabled must be given.");
  }
  if (minutes < 1 || minutes > protectionMaxMinutes) {
    throw invalid(`expiresInMinutes must be from 1 to ${protectionMaxMinutes}.`);
  }
  const { found, missing } = eachTask(engine, "ecs:UpdateTaskProtection", account, input, call, protectNames(input));
  const able = found.filter((task) => protectTask(engine, task, enabled ? minutes : undefined));
  const unable = found.filter((task) => !able.includes(task));
  return {
    protectedTasks: able.map((task) => protectionShape(engine, task)),
    failures: [
      ...missing.map((arn) => ({ arn, reason: "TASK_NOT_VALID" })),
      ...unable.map((task) => ({ arn: task.arn, reason: "TASK_NOT_VALID" })),
    ],
  };
}

function getProtection(engine: Engine, input: Record<string, unknown>, call: Call): unknown {
  const account = engine.account(call);
  const { found, missing } = eachTask(engine, "ecs:GetTaskProtection", account, input, call, protectNames(input));
  return {
    protectedTasks: found.map((task) => protectionShape(engine, task)),
    failures: missing.map((arn) => ({ arn, reason: "MISSING" })),
  };
}

function protectNames(input: Record<string, unknown>): string[] {
  const names = textList(input, "tasks");
  if (names.length === 0 || names.length > protectMax) {
    throw invalid(`tasks must name 1 to ${protectMax} tasks.`);
  }
  return names;
}

function protectionShape(engine: Engine, task: TaskRecord): unknown {
  const on = isProtected(task, engine.clock.now());
  return {
    taskArn: task.arn,
    protectionEnabled: on,
    ...(on ? { expirationDate: (task.protectedUntil ?? 0) / 1000 } : {}),
  };
}

/** Checks the right to each named task, then finds them. Throws AccessDeniedException and ClusterNotFoundException. */
function eachTask(
  engine: Engine,
  action: string,
  account: AccountState,
  input: Record<string, unknown>,
  call: Call,
  names: readonly string[],
): { found: TaskRecord[]; missing: string[] } {
  const cluster = clusterName(input);
  const all = names.map((name) => ({
    arn: ecsARN(account, `task/${cluster}/${shortName(name)}`),
    task: findTask(account, cluster, name),
  }));
  for (const { arn, task } of all) {
    const tags = Object.entries(tagRecord(task?.tags ?? []));
    const context = Object.fromEntries(tags.map(([key, value]) => [`aws:ResourceTag/${key}`, value]));
    engine.authorize(call, action, arn, context);
  }
  findCluster(account, input);
  return {
    found: all.flatMap(({ task }) => task ?? []),
    missing: all.filter(({ task }) => task === undefined).map(({ arn }) => arn),
  };
}
