import { globSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { UserError } from "#lib/errors.ts";
import { findDuplicates, loadManifests, type PlacedObject } from "#kinds/load.ts";
import { formatProblem, type Problem } from "#kinds/problem.ts";
import type { Command, World } from "../command.ts";

/** `sallyport validate`: what a pipeline runs before it merges. Reads files only; needs no network and no sign-in. */
export const validate: Command = {
  name: "validate",
  summary: "Check YAML files against schemas and rules, offline",
  positionals: ["PATH…"],
  options: [],
  examples: [{ run: "sallyport validate access/", does: "exit 0 when every file would be accepted, 1 otherwise" }],
  async run({ positionals, world }) {
    const files = positionals.flatMap((given) => filesOf(given, world));
    if (files.length === 0) {
      throw new UserError("NothingToValidate", `no YAML or JSON file in ${positionals.join(", ")}`, {
        next: "Name a file or a folder that holds some.",
      });
    }
    const placed: PlacedObject[] = [];
    const problems: Problem[] = [];
    for (const file of files) {
      const loaded = loadManifests(readFileSync(path.resolve(world.workingDirectory, file)), file);
      placed.push(...loaded.objects);
      problems.push(...loaded.problems);
    }
    problems.push(...findDuplicates(placed));
    const valid = problems.every((problem) => problem.severity === "warning");
    world.output.result({ valid, files: files.length, objects: placed.length, problems }, () =>
      [
        ...problems.map(formatProblem),
        valid
          ? `${placed.length} objects in ${files.length} files are valid.`
          : `${problems.length} problems in ${files.length} files.`,
      ].join("\n"),
    );
    return valid ? 0 : 1;
  },
};

function filesOf(given: string, world: World): string[] {
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
