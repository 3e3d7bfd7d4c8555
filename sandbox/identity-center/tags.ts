import { type Input, optionalText, structures, text, texts } from "../input.ts";
import { page } from "../paging.ts";
import { AwsError, type Operation } from "../service.ts";
import type { State } from "../state.ts";
import { instanceARNRule, tagKeyRule, tagsPerRequestMax, tagsPerResourceMax, tagValueRule } from "./rules.ts";

/** Reads `Tags`. Throws `ValidationException` for bad or repeated keys, reserved prefixes and too many tags. */
export function readTags(input: Input): Map<string, string> {
  const given = structures(input, "Tags");
  if (given.length > tagsPerRequestMax) {
    throw new AwsError("ValidationException", `Tags must have length less than or equal to ${tagsPerRequestMax}.`);
  }
  const tags = new Map<string, string>();
  for (const tag of given) {
    const key = text(tag, "Key", tagKeyRule);
    if (tags.has(key)) {
      throw new AwsError("ValidationException", `The tag key ${key} is given twice.`);
    }
    if (key.toLowerCase().startsWith("aws:")) {
      throw new AwsError("ValidationException", "Tag keys that start with aws: are reserved.");
    }
    tags.set(key, text(tag, "Value", tagValueRule));
  }
  return tags;
}

/** Adds tags to a resource. Throws `ServiceQuotaExceededException` when it would have more than 50, and changes nothing then. */
export function setTags(resource: Map<string, string>, tags: ReadonlyMap<string, string>): void {
  if (new Set([...resource.keys(), ...tags.keys()]).size > tagsPerResourceMax) {
    throw new AwsError("ServiceQuotaExceededException", `A resource can have at most ${tagsPerResourceMax} tags.`);
  }
  for (const [key, value] of tags) {
    resource.set(key, value);
  }
}

/** Operations on tags of permission sets. */
export function tagOperations(state: State): Record<string, Operation> {
  return {
    TagResource(input) {
      const tags = readTags(input);
      setTags(tagsOf(state, input), tags);
      tell(state, input);
      return {};
    },
    UntagResource(input) {
      const resource = tagsOf(state, input);
      for (const key of texts(input, "TagKeys", tagKeyRule)) {
        resource.delete(key);
      }
      tell(state, input);
      return {};
    },
    ListTagsForResource(input) {
      const tags = [...tagsOf(state, input)].map(([Key, Value]) => ({ Key, Value }));
      const { items, next } = page(tags, input);
      return { Tags: items, NextToken: next };
    },
  };
}

function tell(state: State, input: Input): void {
  const tags = Object.fromEntries(tagsOf(state, input));
  state.events.record({ kind: "tagged", arn: text(input, "ResourceArn"), tags });
}

function tagsOf(state: State, input: Input): Map<string, string> {
  const instance = optionalText(input, "InstanceArn", instanceARNRule);
  const arn = text(input, "ResourceArn", { min: 10, max: 2048 });
  const set = state.permissionSets.get(arn);
  if (set === undefined || (instance !== undefined && instance !== state.instance.instanceARN)) {
    throw new AwsError("ResourceNotFoundException", `Resource ${arn} not found.`);
  }
  return set.tags;
}
