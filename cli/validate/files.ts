import { globSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { findDuplicates, loadManifests, type PlacedObject } from "#kinds/load.ts";
import { formatProblem, type Problem } from "#kinds/problem.ts";
import { UserError } from "#lib/errors.ts";
import type { Invocation, World } from "../command.ts";

/** Checks every file that was named, and every YAML and JSON file of the folders that were named. Exit code 1 when one is refused. */
export async function validateFiles({ positionals, world }: Invocation): Promise<number> {
  const files = filesOf(positionals, world);
  if (files.length === 0) {
    throw new UserError("NothingToValidate", `no YAML or JSON file in ${positionals.join(", ")}`, {
      next: "Name a file or a folder that holds some.",
    });
  }
  const placed: PlacedObject[] = [];
  const problems: Problem[] = [];
  for (const file of files) {
    const loaded = loadManifests(readManifest(file, world), file);
    placed.push(...loaded.objects);
    problems.push(...loaded.problems);
  }
  problems.push(...findDuplicates(placed));
  const errors = problems.filter((problem) => problem.severity !== "warning").length;
  const warnings = problems.length - errors;
  const valid = errors === 0;
  world.output.result({ valid, files: files.length, objects: placed.length, problems }, () =>
    [
      ...problems.map(formatProblem),
      valid
        ? `${counted(placed.length, "object")} in ${counted(files.length, "file")} ${placed.length === 1 ? "is" : "are"} valid.`
        : `${counted(errors, "problem")} in ${counted(files.length, "file")}.`,
      ...(warnings === 0 ? [] : [`${counted(warnings, "warning")}.`]),
    ].join("\n"),
  );
  return valid ? 0 : 1;
}

/** Each file once, however often its folder and itself were named; as typed, so that places can be clicked. */
function filesOf(given: readonly string[], world: World): string[] {
  const seen = new Map<string, string>();
  for (const name of given) {
    for (const file of expand(name, world)) {
      const at = path.resolve(world.workingDirectory, file);
      seen.set(at, seen.get(at) ?? file);
    }
  }
  return [...seen.values()];
}

function expand(given: string, world: World): string[] {
  const at = path.resolve(world.workingDirectory, given);
  const stat = statSync(at, { throwIfNoEntry: false });
  if (stat === undefined) {
    throw new UserError("NoSuchFile", `there is no ${given}`);
  }
  if (!stat.isDirectory()) {
    return [given];
  }
  return globSync("**/*.{yaml,yml,json}", { cwd: at })
    .filter((file) => !file.split(path.sep).some((part) => part.startsWith(".")))
    .sort()
    .map((file) => path.join(given, file));
}

function readManifest(file: string, world: World): Buffer {
  try {
    return readFileSync(path.resolve(world.workingDirectory, file));
  } catch (error) {
    throw new UserError("FileUnreadable", `${file} cannot be read`, { why: (error as Error).message, cause: error });
  }
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
