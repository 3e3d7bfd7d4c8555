import type { Readable, Writable } from "node:stream";
import type { Clock } from "#lib/clock.ts";
import type { Output } from "./output/output.ts";
import type { TerminalPlace } from "./output/terminal-place.ts";

/** One option of a command. The name is what is typed after `--`; a value's placeholder makes it take one. */
export interface Option {
  readonly name: string;
  readonly short?: string;
  /** Placeholder such as `NAME`; absent for a switch. */
  readonly value?: string;
  readonly summary: string;
  /** All that it may be; anything else is wrong usage. */
  readonly values?: readonly string[];
  readonly required?: boolean;
  readonly fallback?: string;
  /** May be given several times; the values are then joined by commas. */
  readonly repeatable?: boolean;
}

/** A command as data: help, parsing and documentation derive from it. */
export interface Command {
  /** Words as typed, such as `rds proxy`. */
  readonly name: string;
  readonly summary: string;
  /** Positional arguments, such as `GRANT-ID`; a trailing `…` takes the rest. In brackets: may be absent, as `[-- COMMAND…]`. */
  readonly positionals?: readonly string[];
  /** What the first positional may be, for completion. */
  readonly values?: readonly string[];
  /** Shown in no help and no documentation: programs run it, not people. */
  readonly hidden?: boolean;
  readonly options: readonly Option[];
  readonly examples: readonly { readonly run: string; readonly does: string }[];
  /** Exit code of wrong usage; absent: 2. For commands that say something else with a 2. */
  readonly usageExitCode?: number;
  /** Runs until done. Resolves with the exit code; a `UserError` is shown in its three parts and exits with 1. */
  run(invocation: Invocation): Promise<number>;
}

/** One run of a command: what was typed and the world it runs in. */
export interface Invocation {
  readonly positionals: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  readonly world: World;
}

/** Everything outside the process that commands touch. */
export interface World {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  readonly homeDirectory: string;
  readonly clock: Clock;
  readonly random: (bytes: number) => Uint8Array;
  readonly output: Output;
  /** Where questions are asked and answered. */
  readonly terminal: {
    readonly input: Readable;
    readonly output: Writable;
    /** Where this process stands at its terminal now; absent or undefined: that is not known. */
    readonly place?: () => TerminalPlace | undefined;
  };
  /** Whether somebody can answer a question: input and error output are terminals and CI is not set. */
  readonly interactive: boolean;
  /** Aborted by the first Ctrl-C, SIGTERM or SIGHUP; the command then winds down. */
  readonly signal: AbortSignal;
  readonly version: string;
  /**
   * Gives the process's signals (Ctrl-C, SIGTERM, SIGHUP) to `handler`, in place of `signal`, until the answer is called. For a command
   * that runs another one, which they are meant for. Absent where there is no process of one's own.
   */
  readonly takeSignals?: (handler: (signal: NodeJS.Signals) => void) => () => void;
}

/** The value of an option that takes one; undefined when it was not given. */
export function valueOf(invocation: Invocation, name: string): string | undefined {
  const value = invocation.options[name];
  return typeof value === "string" ? value : undefined;
}

/** Whether a switch was given. */
export function isSet(invocation: Invocation, name: string): boolean {
  return invocation.options[name] === true;
}
