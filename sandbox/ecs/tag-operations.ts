import { AwsError } from "../service.ts";
import type { Operation } from "../service.ts";
import type { Engine } from "./engine.ts";
import { invalid, mergeTags, readTags, requiredText, textList } from "./input.ts";
import type { AccountState, Tag } from "./model.ts";

/** Tags of clusters, services and tasks (ECS API reference 2014-11-13). */
export function tagOperations(engine: Engine): Readonly<Record<string, Operation>> {
  return {
    TagResource(input, call) {
      const arn = requiredText(input, "resourceArn");
      engine.authorize(call, "ecs:TagResource", arn);
      const resource = findTagged(engine.account(call), arn);
      resource.tags = mergeTags(resource.tags, readTags(input));
      return {};
    },
    UntagResource(input, call) {
      const arn = requiredText(input, "resourceArn");
      engine.authorize(call, "ecs:UntagResource", arn);
      const resource = findTagged(engine.account(call), arn);
      const keys = new Set(textList(input, "tagKeys"));
      resource.tags = resource.tags.filter((tag) => !keys.has(tag.key));
      return {};
    },
    ListTagsForResource(input, call) {
      const arn = requiredText(input, "resourceArn");
      engine.authorize(call, "ecs:ListTagsForResource", arn);
      return { tags: findTagged(engine.account(call), arn).tags };
    },
  };
}

/** What carries this ARN. Throws InvalidParameterException and ResourceNotFoundException. */
function findTagged(account: AccountState, arn: string): { tags: readonly Tag[] } {
  if (!arn.startsWith("arn:aws:ecs:")) {
    throw invalid("Invalid identifier: resourceArn must be an ECS ARN.");
  }
  const resources = [account.clusters, account.services, account.tasks].flatMap((map) => [...map.values()]);
  const resource = resources.find((one) => one.arn === arn);
  if (resource === undefined) {
    throw new AwsError("ResourceNotFoundException", "The specified resource wasn't found.");
  }
  return resource;
}
