import type { Call, Operation } from "../service.ts";
import { readDefinition } from "./definition-input.ts";
import type { Engine } from "./engine.ts";
import { clientError, optionalText, page, readTags, requiredText, textList } from "./input.ts";
import type { TaskDefinition } from "./model.ts";
import { ecsARN, findDefinition } from "./names.ts";

/** Task definitions (ECS API reference 2014-11-13). */
export function definitionOperations(engine: Engine): Readonly<Record<string, Operation>> {
  return {
    RegisterTaskDefinition(input, call) {
      engine.authorize(call, "ecs:RegisterTaskDefinition", "*");
      return registerDefinition(engine, input, call);
    },
    DescribeTaskDefinition(input, call) {
      engine.authorize(call, "ecs:DescribeTaskDefinition", "*");
      const definition = findDefinition(engine.account(call), requiredText(input, "taskDefinition"));
      if (definition === undefined) {
        throw clientError("Unable to describe task definition.");
      }
      const tags = textList(input, "include").includes("TAGS") ? { tags: definition.tags } : {};
      return { taskDefinition: definitionShape(definition), ...tags };
    },
    DeregisterTaskDefinition(input, call) {
      const name = requiredText(input, "taskDefinition");
      engine.authorize(call, "ecs:DeregisterTaskDefinition", "*");
      const definition = name.includes(":") ? findDefinition(engine.account(call), name) : undefined;
      if (definition === undefined) {
        throw clientError("The specified task definition does not exist. Name it as family:revision.");
      }
      definition.status = "INACTIVE";
      return { taskDefinition: definitionShape(definition) };
    },
    ListTaskDefinitions(input, call) {
      engine.authorize(call, "ecs:ListTaskDefinitions", "*");
      return listDefinitions(engine, input, call);
    },
  };
}

/** As the API shows it. */
function definitionShape(definition: TaskDefinition): unknown {
  return { ...definition.shape, status: definition.status };
}

function registerDefinition(engine: Engine, input: Record<string, unknown>, call: Call): unknown {
  const account = engine.account(call);
  const { family, shape, containers } = readDefinition(input);
  const tags = readTags(input);
  const revisions = account.families.get(family) ?? [];
  const revision = revisions.length + 1;
  const arn = ecsARN(account, `task-definition/${family}:${revision}`);
  const definition: TaskDefinition = {
    arn,
    family,
    revision,
    status: "ACTIVE",
    networkMode: String(shape["networkMode"]),
    taskRoleARN: optionalText(input, "taskRoleArn"),
    executionRoleARN: optionalText(input, "executionRoleArn"),
    containers,
    tags,
    shape: {
      ...shape,
      taskDefinitionArn: arn,
      revision,
      registeredAt: engine.clock.now() / 1000,
      registeredBy: call.caller?.arn ?? "",
    },
  };
  account.families.set(family, [...revisions, definition]);
  return { taskDefinition: definitionShape(definition), tags };
}

function listDefinitions(engine: Engine, input: Record<string, unknown>, call: Call): unknown {
  const family = optionalText(input, "familyPrefix");
  const status = optionalText(input, "status") ?? "ACTIVE";
  const names = [...engine.account(call).families.values()]
    .flat()
    .filter((definition) => definition.status === status && (family === undefined || definition.family === family))
    .map((definition) => definition.arn);
  const { items, nextToken } = page(input, optionalText(input, "sort") === "DESC" ? names.toReversed() : names);
  return { taskDefinitionArns: items, ...(nextToken === undefined ? {} : { nextToken }) };
}
