import type { Tag } from "@aws-sdk/client-ecs";

/** ECS's list of tags as a record. */
export function fromEcsTags(tags: readonly Tag[] | undefined): Record<string, string> {
  return Object.fromEntries((tags ?? []).flatMap(({ key, value }) => (key === undefined ? [] : [[key, value ?? ""]])));
}

/** A record of tags as ECS's list. */
export function toEcsTags(tags: Readonly<Record<string, string>>): { key: string; value: string }[] {
  return Object.entries(tags).map(([key, value]) => ({ key, value }));
}
