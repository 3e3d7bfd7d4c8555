import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { cacheDirectory } from "../node24.mjs";
import { build, findBuilt } from "./built.ts";
import { command, versionOf } from "./command.ts";
import { alone } from "./lock.ts";
import { isMissing, type Part, reasonFor, remember } from "./part.ts";

/** Programs that set-up builds once from a Go module of ours, into a folder of the cache. */
export interface GoPrograms {
  /** Under which the reason is remembered when they are missing. */
  readonly part: string;
  /** Begins the name of their folder in the cache; a hash of what they are built from follows. */
  readonly folder: string;
  /** Has `go.mod`, which pins versions, `go.sum`, which pins the checksum of everything in them, and the programs' sources where they are ours. */
  readonly module: string;
  /** What people are told is built. */
  readonly name: string;
  /** Time on two cores and size, as people are told. */
  readonly cost: string;
  readonly builds: readonly GoBuild[];
}

/** One run of `go build`. */
export interface GoBuild {
  /** A package; `./...` makes a program of each of the module's own. */
  readonly package: string;
  /** Name of the program; that of the package where it is not given. */
  readonly program?: string;
  readonly flags?: readonly string[];
}

/** Looks for the programs; builds nothing. */
export function findGoPrograms(programs: GoPrograms): Part<{ readonly folder: string }> {
  return findBuilt(target(programs)) ?? { missing: reasonFor(programs.part) };
}

/** Builds the programs where they are missing; remembers why where that fails. */
export function bringGoPrograms(programs: GoPrograms, report: (text: string) => void): void {
  if (isMissing(findGoPrograms(programs))) {
    const brought = alone(`${target(programs)}.lock`, () => findBuilt(target(programs)) ?? buildAll(programs, report));
    remember(programs.part, brought);
  }
}

function buildAll(programs: GoPrograms, report: (text: string) => void): Part<{ readonly folder: string }> {
  const { name, cost, module, builds } = programs;
  if (versionOf("go", "version") === undefined) {
    return { missing: `there is no Go to build ${name} with` };
  }
  report(`building ${name} from Go modules (${cost}, once)`);
  return build(target(programs), (staging) => {
    for (const { package: from, program = "", flags = [] } of builds) {
      const args = ["-C", module, "build", "-mod=readonly", "-trimpath", ...flags, "-o", `${staging}/${program}`, from];
      const done = command("go", args, { CGO_ENABLED: "0", GOWORK: "off" });
      if ("failed" in done) {
        return `${program || name} could not be built: ${done.failed}`;
      }
    }
    return undefined;
  });
}

/** Version of a package that a module of ours requires, without the `v`. */
export function requiredVersion(module: string, required: string): string {
  const file = path.join(module, "go.mod");
  const words = readFileSync(file, "utf8").split(/\s+/);
  const version = words.find((_, index) => words[index - 1] === required && /^v\d/.test(words[index] ?? ""));
  if (version === undefined) {
    throw new Error(`${file} does not require ${required}`);
  }
  return version.slice(1);
}

/** A folder for exactly these sources: their names and contents are in its name. */
function target({ folder, module }: GoPrograms): string {
  const hash = createHash("sha256");
  for (const file of globSync("{go.mod,go.sum,*/*.go}", { cwd: module }).toSorted()) {
    hash.update(`${file}\0`).update(readFileSync(path.join(module, file)));
  }
  return path.join(cacheDirectory(), `${folder}-${hash.digest("hex").slice(0, 12)}`);
}
