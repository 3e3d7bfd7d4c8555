import { Command as Program, CommanderError, Option as ProgramOption } from "commander";
import { coerceError, UserError } from "#lib/errors.ts";
import type { Command, World } from "./command.ts";
import { createOutput, type Streams } from "./output/output.ts";

/** Exit codes: 0 done, 1 refused or failed, 2 wrong usage (as kubectl, aws and POSIX utilities do), 130 interrupted (128 + SIGINT). */
const failed = 1;
const usageError = 2;
const interrupted = 130;

/** Parses `argv` (without node and script), runs the command, shows what went wrong. Resolves with the exit code; never rejects. */
export async function runCli(
  argv: readonly string[],
  commands: readonly Command[],
  world: Omit<World, "output">,
  streams: Streams,
): Promise<number> {
  let code = 0;
  const program = createProgram(commands, world.version, async (command, options, positionals) => {
    const output = createOutput(options["output"] === "json" ? "json" : "text", streams);
    try {
      code = await command.run({ positionals, options, world: { ...world, output } });
    } catch (error) {
      code = failed;
      if (world.signal.aborted || (error instanceof UserError && error.code === "Interrupted")) {
        code = interrupted;
      }
      // Once the person has stopped the command, what breaks off because of it is no news.
      if (!world.signal.aborted || error instanceof UserError) {
        output.error(toUserError(error));
      }
    }
  });
  program.configureOutput({ writeOut: streams.out, writeErr: streams.err });
  for (const part of allPrograms(program)) {
    part.configureOutput({ writeOut: streams.out, writeErr: streams.err });
  }
  try {
    await program.parseAsync([...argv], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has printed its message; help and version end with code 0.
      return error.exitCode === 0 ? 0 : (usageCodes.get(error) ?? usageError);
    }
    createOutput("text", streams).error(toUserError(error));
    return failed;
  }
  return code;
}

/** Exit codes of wrong usage, by the error that Commander threw, where the command has its own. */
const usageCodes = new WeakMap<CommanderError, number>();

type Handler = (
  command: Command,
  options: Record<string, string | boolean | undefined>,
  positionals: readonly string[],
) => Promise<void>;

/** The program of these commands, for parsing and for help. */
export function createProgram(commands: readonly Command[], version: string, handler: Handler): Program {
  const program = new Program("sallyport")
    .description("Just-in-time access to databases on AWS RDS")
    .version(version)
    .exitOverride()
    .showSuggestionAfterError();
  for (const command of commands) {
    addCommand(program, command, handler);
  }
  for (const group of program.commands.filter((child) => child.commands.length > 0)) {
    group.description(`${group.name()} ${group.commands.map((child) => child.name()).join(", ")}`);
  }
  return program;
}

function allPrograms(program: Program): Program[] {
  return program.commands.flatMap((child) => [child, ...allPrograms(child)]);
}

function addCommand(program: Program, command: Command, handler: Handler): void {
  let parent = program;
  const words = command.name.split(" ");
  for (const word of words.slice(0, -1)) {
    parent = parent.commands.find((existing) => existing.name() === word) ?? newGroup(parent, word);
  }
  const leaf = parent
    .command(words.at(-1) ?? "", { hidden: command.hidden === true })
    .summary(command.summary)
    .description(command.summary)
    .exitOverride((error) => {
      usageCodes.set(error, command.usageExitCode ?? usageError);
      throw error;
    });
  for (const positional of command.positionals ?? []) {
    leaf.argument(argumentOf(positional));
  }
  for (const option of command.options) {
    const flags = `${option.short ? `-${option.short}, ` : ""}--${option.name}${option.value ? ` <${option.value}>` : ""}`;
    const added = new ProgramOption(flags, option.summary);
    if (option.values !== undefined) {
      added.choices(option.values);
    }
    if (option.fallback !== undefined) {
      added.default(option.fallback);
    }
    if (option.repeatable === true) {
      added.argParser((value, before: string | undefined) => (before === undefined ? value : `${before},${value}`));
    }
    leaf.addOption(option.required ? added.makeOptionMandatory() : added);
  }
  leaf.addOption(new ProgramOption("-o, --output <FORMAT>", "text or json").choices(["text", "json"]).default("text"));
  const examples = command.examples.map(({ run, does }) => `  ${run}\n      ${does}`).join("\n");
  leaf.addHelpText("after", `\nExamples:\n${examples}`);
  leaf.action(async () => {
    const named = Object.fromEntries(
      leaf.options.map((option) => {
        const value: unknown = leaf.getOptionValue(option.attributeName());
        // Commander keeps `--no-x` as the absence of x.
        return [option.long?.slice(2) ?? "", option.negate ? value === false : value];
      }),
    ) as Record<string, string | boolean | undefined>;
    await handler(command, named, leaf.args);
  });
}

/** As Commander spells it: `<NAME>`, `<NAME...>`, `[NAME...]`. */
function argumentOf(positional: string): string {
  const name = positional.replace(/^\[(?:-- )?|\]$/g, "").replace(/…$/, "...");
  return positional.startsWith("[") ? `[${name}]` : `<${name}>`;
}

function newGroup(parent: Program, word: string): Program {
  return parent.command(word).exitOverride();
}

function toUserError(error: unknown): UserError {
  if (error instanceof UserError) {
    return error;
  }
  const failure = coerceError(error);
  return new UserError("Unexpected", `unexpected error: ${failure.message}`, {
    next: "This is a defect. Please report it with the command you ran.",
    cause: failure,
  });
}
