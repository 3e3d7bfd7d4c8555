import { spawnSync } from "node:child_process";
import { chownSync, cpSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import path from "node:path";

/** One instruction, its continuation lines joined. */
interface Instruction {
  readonly name: string;
  readonly flags: Readonly<Record<string, string>>;
  readonly rest: string;
}

/** One stage as it was built: a folder in place of the image's root, and what the image would say of itself. */
export interface BuiltStage {
  readonly base: string;
  readonly root: string;
  readonly workingDirectory: string;
  readonly user: string | undefined;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Commands that were run. */
  readonly ran: readonly string[];
}

/** What the steps are run on. */
export interface BuildInput {
  /** The build's context: copied from through `isIncluded`, which stands for `.dockerignore`. */
  readonly context: string;
  readonly isIncluded: (relative: string) => boolean;
  /** Where the stages' folders are made. */
  readonly scratch: string;
  /** Stands in for commands that fetch: gets the stage's working folder, answers whether it did the command's work. */
  readonly instead: (command: string, directory: string) => boolean;
}

/**
 * Runs the steps of our own Dockerfile into folders, where no Docker engine runs. It knows the instructions that ours uses and throws for
 * any other, so that it cannot pass over one. What it does not do: base images are not there (commands run with this machine's programs),
 * and nothing is isolated, which is why a command with an absolute path is refused.
 */
export function buildDockerfile(file: string, input: BuildInput): readonly BuiltStage[] {
  const stages: (BuiltStage & { readonly name: string })[] = [];
  let global: Record<string, string> = {};
  for (const instruction of instructionsOf(readFileSync(file, "utf8"))) {
    if (instruction.name === "ARG" && stages.length === 0) {
      global = { ...global, ...assignment(instruction.rest) };
    } else if (instruction.name === "FROM") {
      stages.push(begin(instruction, global, input.scratch, stages.length));
    } else {
      const current = stages.pop();
      if (current === undefined) {
        throw new Error(`${instruction.name} stands before the first FROM`);
      }
      stages.push({ ...current, ...apply(current, instruction, stages, input) });
    }
  }
  return stages;
}

function instructionsOf(text: string): Instruction[] {
  const joined = text.replaceAll(/^\s*#.*\n/gm, "").replaceAll(/\\\n/g, " ");
  return joined
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [name = "", ...words] = line.trim().split(/\s+/);
      const count = words.findIndex((word) => !word.startsWith("--"));
      const flags = words.slice(0, count).map((flag) => flag.slice(2).split("=", 2));
      return { name, flags: Object.fromEntries(flags) as Record<string, string>, rest: words.slice(count).join(" ") };
    });
}

function begin({ rest }: Instruction, global: Readonly<Record<string, string>>, scratch: string, index: number) {
  const [image = "", , name = String(index)] = rest.split(" ");
  const base = image.replaceAll(/\$\{(\w+)\}/g, (_text, variable: string) => global[variable] ?? "");
  const root = path.join(scratch, `stage-${name}`);
  mkdirSync(root, { recursive: true, mode: 0o755 });
  const nothing = { user: undefined, entrypoint: [], command: [], environment: {}, ran: [] };
  return { name, base, root, workingDirectory: "/", ...nothing };
}

function apply(
  stage: BuiltStage,
  instruction: Instruction,
  earlier: readonly (BuiltStage & { readonly name: string })[],
  input: BuildInput,
): Partial<BuiltStage> {
  const { name, rest } = instruction;
  const directory = path.join(stage.root, stage.workingDirectory);
  switch (name) {
    case "WORKDIR":
      mkdirSync(path.join(stage.root, rest), { recursive: true });
      return { workingDirectory: rest };
    case "COPY":
      copy(stage, instruction, earlier, input);
      return {};
    case "RUN":
      run(rest, directory, input);
      return { ran: [...stage.ran, rest] };
    case "USER":
      return { user: rest };
    case "ENV":
      return { environment: { ...stage.environment, ...assignment(rest) } };
    case "ENTRYPOINT":
      return { entrypoint: JSON.parse(rest) as string[] };
    case "CMD":
      return { command: JSON.parse(rest) as string[] };
    default:
      throw new Error(`the Dockerfile has an instruction that this test does not run: ${name}`);
  }
}

function assignment(text: string): Record<string, string> {
  const at = text.indexOf("=");
  return { [text.slice(0, at)]: text.slice(at + 1) };
}

function copy(
  stage: BuiltStage,
  { flags, rest }: Instruction,
  earlier: readonly (BuiltStage & { readonly name: string })[],
  input: BuildInput,
): void {
  const words = rest.split(" ");
  const target = path.resolve("/", stage.workingDirectory, words.pop() ?? "");
  const from = flags["from"] === undefined ? undefined : earlier.find(({ name }) => name === flags["from"])?.root;
  for (const word of words) {
    const source = path.join(from ?? input.context, word);
    const isFile = rest.endsWith("/") && word !== ".";
    const to = path.join(stage.root, target, isFile ? path.basename(word) : "");
    cpSync(source, to, {
      recursive: true,
      // A build copies directories even where .dockerignore leaves nothing in them; so an empty one says nothing.
      filter: (file) => from !== undefined || file === source || input.isIncluded(path.relative(input.context, file)),
    });
    const owner = /^(\d+):(\d+)$/.exec(flags["chown"] ?? "");
    if (owner !== null && process.getuid?.() === 0) {
      chownSync(to, Number(owner[1]), Number(owner[2]));
    }
  }
}

function run(command: string, directory: string, input: BuildInput): void {
  if (/(^|\s)\//.test(command)) {
    throw new Error(`a command with an absolute path would leave the stage's folder: ${command}`);
  }
  if (input.instead(command, directory)) {
    return;
  }
  const done = spawnSync("/bin/sh", ["-c", command], { cwd: directory, encoding: "utf8" });
  if (done.status !== 0) {
    throw new Error(`RUN ${command}: ${done.stdout}\n${done.stderr}`);
  }
}

/** What `.dockerignore` leaves in the context, for the two kinds of line that ours has: `!name` at the top, `**` patterns that take away. */
export function dockerIgnore(text: string): (relative: string) => boolean {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const kept = new Set(lines.filter((line) => line.startsWith("!")).map((line) => line.slice(1)));
  const removed = lines.filter((line) => line.startsWith("**/")).map((line) => line.slice("**/".length));
  if (lines[0] !== "*" || lines.length !== 1 + kept.size + removed.length) {
    throw new Error(".dockerignore has a line that this test does not read");
  }
  return (relative) =>
    kept.has(relative.split("/")[0] ?? "") &&
    !removed.some((pattern) => relative.split("/").some((part) => path.matchesGlob(part, pattern)));
}

/** Puts a folder where a command would have made it. */
export function linkInto(directory: string, name: string, target: string): void {
  symlinkSync(target, path.join(directory, name));
}
