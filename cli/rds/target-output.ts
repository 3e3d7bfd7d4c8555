import type { World } from "../command.ts";
import type { Output } from "../output/output.ts";

/** Where the lines of one of several databases go. */
export interface TargetOutputOptions {
  /** Put before each line that people read; absent where there is but one database. */
  readonly label?: string;
  /** Added to each event that programs read. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Leaves out what is only good to know: another program has the terminal. */
  readonly isQuiet: boolean;
}

/** The output of one database's part of a command. */
export function targetOutput(output: Output, options: TargetOutputOptions): Output {
  const { label, fields, isQuiet } = options;
  const named = (text: string): string => (label === undefined ? text : `${label}: ${text}`);
  return {
    ...output,
    note: (text) => (isQuiet ? undefined : output.note(named(text))),
    event: (tag, text, value) => output.event(tag, named(text), { ...fields, ...value }),
  };
}

/**
 * The output of a command that runs another one: standard output is the other's alone, so events for programs go to standard error too,
 * as JSON lines.
 */
export function outputBeside(world: World): Output {
  const { output } = world;
  if (output.format === "text") {
    return output;
  }
  return {
    ...output,
    event: (event, _text, value) => void world.terminal.output.write(`${JSON.stringify({ event, ...value })}\n`),
  };
}
