import { KubeFailure } from "./failure.ts";
import type { KubeObject } from "./object.ts";
import { failureOf } from "./status.ts";

/** One event of a watch that says something about objects. */
export type WatchEvent<T extends KubeObject> =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: T }
  | { readonly type: "BOOKMARK"; readonly resourceVersion: string };

/**
 * Reads one line of a watch.
 * @throws KubeFailure where the event is an error of the server (`gone` among them), or no event at all: then something stands
 * between us and the server, and a list must say how things are
 */
export function readEvent<T extends KubeObject>(line: string): WatchEvent<T> {
  const { type, object } = parse(line) as { readonly type?: string; readonly object?: T };
  if (type === "ERROR") {
    const failure = failureOf(0, object);
    // An error that is none of those after which a watch can go on: client-go lists again, and so do we.
    throw failure.kind === "unavailable" && failure.code !== 429 ? unusable(failure.message, failure) : failure;
  }
  const resourceVersion = object?.metadata?.resourceVersion;
  if (object === undefined || resourceVersion === undefined) {
    throw unusable("an event of the watch has no object with a resourceVersion");
  }
  switch (type) {
    case "ADDED":
    case "MODIFIED":
    case "DELETED":
      return { type, object };
    case "BOOKMARK":
      return { type, resourceVersion };
    default:
      throw unusable(`the watch has an event of the unknown type ${JSON.stringify(type)}`);
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line) ?? {};
  } catch {
    throw unusable("a line of the watch is not JSON");
  }
}

function unusable(message: string, cause?: KubeFailure): KubeFailure {
  const { retryAfterMs, code = 0 } = cause ?? {};
  return new KubeFailure("refused", message, { code, reason: "UnusableEvent", retryAfterMs, cause });
}
