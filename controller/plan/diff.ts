import { createTwoFilesPatch } from "diff";
import { stringify } from "yaml";
import { formatKey, keyOf, type AnyObject } from "#kinds/index.ts";
import type { PlannedObject } from "./objects.ts";

/** How one object differs. */
export interface ObjectDiff {
  readonly key: string;
  readonly change: "add" | "change" | "remove";
  /** In the unified format, without colours. */
  readonly patch: string;
}

/** Compares what a person writes of each object: labels, annotations and spec. What the server or the controller adds is left out. */
export function diffObjects(base: readonly PlannedObject[], wanted: readonly PlannedObject[]): ObjectDiff[] {
  const before = texts(base);
  const after = texts(wanted);
  const keys = [...new Set([...before.keys(), ...after.keys()])].sort();
  return keys.flatMap((key) => {
    const old = before.get(key) ?? "";
    const next = after.get(key) ?? "";
    if (old === next) {
      return [];
    }
    const change = old === "" ? "add" : next === "" ? "remove" : "change";
    const from = old === "" ? "/dev/null" : `base/${key}`;
    const to = next === "" ? "/dev/null" : `wanted/${key}`;
    return [{ key, change, patch: createTwoFilesPatch(from, to, old, next, undefined, undefined, { context: 3 }) }];
  });
}

/** Annotations that tools add to what a person wrote. */
const toolAnnotations = ["kubectl.kubernetes.io/last-applied-configuration"];

function texts(objects: readonly PlannedObject[]): Map<string, string> {
  return new Map(
    objects.map(({ object }) => [formatKey(keyOf(object)), stringify(written(object), { sortMapEntries: true })]),
  );
}

function written({ apiVersion, kind, metadata, spec }: AnyObject): unknown {
  const { name, namespace, labels } = metadata;
  const annotations = Object.fromEntries(
    Object.entries(metadata.annotations ?? {}).filter(([key]) => !toolAnnotations.includes(key)),
  );
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      namespace,
      ...(labels === undefined || Object.keys(labels).length === 0 ? {} : { labels }),
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    },
    spec,
  };
}
