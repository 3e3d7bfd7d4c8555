import { Command as Program, CommanderError, Option as ProgramOption } from "commander";
import { coerceError, UserError } from "#lib/errors.ts";
import type { Command, World } from "./command.ts";
import { createOutput } from "./output/output.ts";

/** Where text goes, and whether a terminal shows colours. */
export interface Streams {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly colours: boolean;
}

/** Exit codes: 0 done, 1 refused or failed, 2 wrong usage (as kubectl, aws and POSIX utilities do). */
const usageError = 2;

/** Parses `argv` (without node and script), runs the command, shows what went wrong. Resolves with the exit code; never rejects. */
export async function runCli(
  argv: readonly string[],
  commands: readonly Command[],
  world: Omit<World, "output">,
  streams: Streams,
): Promise<number> {
  let code = 0;
  const program = new Program("sallyport")
    .description("Just-in-time access to databases on AWS RDS")
    .version(world.version)
    .exitOverride()
    .configureOutput({ writeOut: streams.out, writeErr: streams.err })
    .showSuggestionAfterError();
  for (const command of commands) {
    addCommand(program, command, async (options, positionals) => {
      const format = options["output"] === "json" ? "json" : "text";
      const output = createOutput({ format, ...streams });
      try {
        code = await command.run({ positionals, options, world: { ...world, output } });
      } catch (error) {
        code = 1;
        if (world.signal.aborted && !(error instanceof UserError)) {
          code = 130;
          return;
        }
        output.error(toUserError(error));
      }
    });
  }
  try {
    await program.parseAsync([...argv], { from: "user" });
  } catch (error) {
    // Commander has printed its message; help and version end with code 0.
    return error instanceof CommanderError ? (error.exitCode === 0 ? 0 : usageError) : 1;
  }
  return code;
}

type Handler = (options: Record<string, string | boolean | undefined>, positionals: readonly string[]) => Promise<void>;

function addCommand(program: Program, command: Command, handler: Handler): void {
  let parent = program;
  const words = command.name.split(" ");
  for (const word of words.slice(0, -1)) {
    parent = parent.commands.find((existing) => existing.name() === word) ?? newGroup(parent, word);
  }
  const leaf = parent
    .command(words.at(-1) ?? "")
    .summary(command.summary)
    .description(command.summary)
    .exitOverride();
  for (const positional of command.positionals ?? []) {
    leaf.argument(positional.endsWith("…") ? `<${positional.slice(0, -1)}...>` : `<${positional}>`);
  }
  for (const option of command.options) {
    const flags = `${option.short ? `-${option.short}, ` : ""}--${option.name}${option.value ? ` <${option.value}>` : ""}`;
    const added = new ProgramOption(flags, option.summary);
    if (option.fallback !== undefined) {
      added.default(option.fallback);
    }
    leaf.addOption(option.required ? added.makeOptionMandatory() : added);
  }
  leaf.addOption(new ProgramOption("-o, --output <FORMAT>", "text or json").choices(["text", "json"]).default("text"));
  const examples = command.examples.map(({ run, does }) => `  ${run}\n      ${does}`).join("\n");
  leaf.addHelpText("after", `\nExamples:\n${examples}`);
  leaf.action(async () => {
    const named = Object.fromEntries(
      leaf.options.map((option) => [option.long?.slice(2) ?? "", leaf.getOptionValue(option.attributeName())]),
    ) as Record<string, string | boolean | undefined>;
    await handler(named, leaf.args);
  });
}

function newGroup(parent: Program, word: string): Program {
  return parent.command(word).description(`${word} commands`).exitOverride();
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
