import type { FieldPath, Place, Position } from "#kinds/problem.ts";

/** Deepest field whose place is kept, counted from the object: `spec.approvalSteps[0].approvers[0].name` is at 6. */
const keptDepthMax = 6;

/**
 * The same position without the parsed file behind it, so that it can be kept for as long as the object: places of the
 * fields of `object`, up to a depth.
 */
export function keepPlaces(position: Position, object: unknown): Position {
  const places = new Map<string, { readonly key: Place; readonly value: Place }>();
  const walk = (value: unknown, path: FieldPath): void => {
    if (path.length > 0) {
      places.set(JSON.stringify(path), { key: position.at(path, "key"), value: position.at(path) });
    }
    if (path.length < keptDepthMax && typeof value === "object" && value !== null) {
      const steps = Array.isArray(value) ? value.keys() : Object.keys(value);
      for (const step of steps) {
        walk((value as Record<string | number, unknown>)[step], [...path, step]);
      }
    }
  };
  walk(object, []);
  const own: Place = { file: position.file, line: position.line, column: position.column };
  return {
    ...own,
    at(path, part = "value") {
      for (let length = path.length; length > 0; length -= 1) {
        const place = places.get(JSON.stringify(path.slice(0, length)));
        if (place !== undefined) {
          return length === path.length ? place[part] : place.value;
        }
      }
      return own;
    },
  };
}
