import { problemAt, type FieldPath, type Position, type Problem } from "./problem.ts";

/**
 * Deepest nesting that is looked at. The deepest field of the kinds is at 7; the rest keeps hostile input from
 * exhausting the stack of anything that walks the value later.
 */
export const depthMax = 32;

/**
 * Most values (scalars, lists and objects) in one object. The fullest legal object, a Grant with every list at its
 * bound, has about 1,000; the API server's own request limit (3 MiB) comes to more than this.
 */
export const valuesMax = 50_000;

/**
 * A deep copy of `value` that holds only what JSON can say, or the first problem that keeps it from being that: cycles,
 * functions, class instances, numbers that are not finite, nesting or size beyond the limits.
 */
export function plainCopy(
  value: unknown,
  position: Position,
): { readonly copy: unknown } | { readonly problem: Problem } {
  let count = 0;
  const walk = (item: unknown, path: FieldPath): unknown => {
    count += 1;
    if (count > valuesMax) {
      throw new NotPlain([], `must hold at most ${valuesMax} values`);
    }
    if (path.length > depthMax) {
      throw new NotPlain(path.slice(0, 1), `must not be nested deeper than ${depthMax} levels`);
    }
    if (Array.isArray(item)) {
      return Array.from(item, (child, index) => walk(child, [...path, index]));
    }
    if (typeof item === "object" && item !== null) {
      return copyObject(item, path, walk);
    }
    if (item === null || typeof item === "string" || typeof item === "boolean" || Number.isFinite(item)) {
      return item;
    }
    throw new NotPlain(
      path,
      `must be a value that JSON can say, found ${typeof item === "number" ? String(item) : typeof item}`,
    );
  };
  try {
    return { copy: walk(value, []) };
  } catch (error) {
    if (error instanceof NotPlain) {
      return { problem: problemAt(position, error.path, error.message) };
    }
    // A getter or a proxy of a caller's object may throw anything; the object is refused, the caller lives on.
    return { problem: problemAt(position, [], "must be plain data") };
  }
}

class NotPlain extends Error {
  readonly path: FieldPath;

  constructor(path: FieldPath, message: string) {
    super(message);
    this.path = path;
  }
}

function copyObject(item: object, path: FieldPath, walk: (item: unknown, path: FieldPath) => unknown): object {
  const prototype: unknown = Object.getPrototypeOf(item);
  if (prototype !== null && prototype !== Object.prototype) {
    throw new NotPlain(path, "must be plain data");
  }
  const copy = {};
  for (const [key, child] of Object.entries(item)) {
    if (child === undefined) {
      continue;
    }
    // `defineProperty`, because an assignment to `__proto__` would change the prototype instead of adding a field.
    Object.defineProperty(copy, key, {
      value: walk(child, [...path, key]),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return copy;
}
