import { formatKey, type AnyObject } from "#kinds/index.ts";
import { formatProblem } from "#kinds/problem.ts";
import { validateObject } from "#kinds/validate.ts";
import { UserError } from "#lib/errors.ts";
import { createFolderReader } from "../source/folder/snapshot.ts";
import type { PlannedObject } from "./objects.ts";

/** How many problems an error shows; `sallyport validate` shows all. */
const problemsShown = 10;

/**
 * The objects of a folder, as the controller would take them. Throws a `UserError` that names the places where anything in it
 * would be refused: a plan of a part of a change would mislead.
 */
export async function readFolder(folder: string): Promise<PlannedObject[]> {
  const { files } = await createFolderReader(folder, "default", () => 0)
    .read()
    .catch((error: unknown) => {
      const why = (error as Error).message;
      throw new UserError("FolderUnreadable", `${folder} cannot be read`, { why, cause: error });
    });
  const problems: string[] = [];
  const found = new Map<string, PlannedObject>();
  for (const file of files.values()) {
    problems.push(...file.problems);
    for (const { key, object, position, problems: own } of file.entries) {
      const origin = `${position.file}:${position.line}`;
      const first = found.get(key);
      if (object === undefined) {
        problems.push(...own);
      } else if (first === undefined) {
        found.set(key, { object, origin });
      } else {
        problems.push(`${origin}: ${key} is already defined at ${first.origin}`);
      }
    }
  }
  failOn(problems, `${folder} has what the controller would refuse`, `sallyport validate ${folder}`);
  return [...found.values()];
}

/** Checks that each object may follow the one of its name before it, as the rules for changes say. */
export function checkTransitions(base: readonly PlannedObject[], wanted: readonly PlannedObject[]): void {
  const before = new Map(base.map(({ object }) => [keyText(object), object]));
  const problems = wanted.flatMap(({ object, origin }) => {
    const old = before.get(keyText(object));
    const verdict = old === undefined ? undefined : validateObject(withoutStatus(object), { old: withoutStatus(old) });
    return (verdict?.problems ?? []).map((problem) => `${origin}: ${keyText(object)}: ${formatProblem(problem)}`);
  });
  failOn(
    problems,
    "the change has what the controller would refuse",
    "Give the object another name, or undo the change.",
  );
}

function failOn(problems: readonly string[], what: string, next: string): void {
  if (problems.length > 0) {
    const more = problems.length > problemsShown ? [`and ${problems.length - problemsShown} more`] : [];
    throw new UserError("Invalid", what, { why: [...problems.slice(0, problemsShown), ...more].join("\n"), next });
  }
}

function keyText(object: AnyObject): string {
  return formatKey({
    kind: object.kind,
    namespace: object.metadata.namespace ?? "default",
    name: object.metadata.name,
  });
}

function withoutStatus(object: AnyObject): AnyObject {
  const { status: _, ...rest } = object;
  return rest;
}
