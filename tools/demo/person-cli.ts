import type { Installation } from "#test/harness/installation.ts";
import { ended, type SallyportProcess } from "#test/harness/process.ts";
import type { Screen } from "./screen.ts";

/** A command that has ended. */
export interface Said {
  readonly code: number;
  readonly text: string;
}

/** The command line in the hands of several people; what it says is shown under the person's name. */
export interface PersonCli {
  /** Runs to the end, whatever the exit code. */
  run(who: string, ...args: readonly string[]): Promise<Said>;
  /** Runs to the end; throws with what was said unless it exits 0. */
  succeed(who: string, ...args: readonly string[]): Promise<string>;
  /** As `succeed`, with nothing shown: for a command that is asked again until the answer is right, or that says a secret. */
  quietly(who: string, ...args: readonly string[]): Promise<string>;
  /** Starts one that goes on. */
  start(who: string, ...args: readonly string[]): SallyportProcess;
}

export function personCli(installation: Installation, screen: Screen): PersonCli {
  const shown = (who: string, args: readonly string[]): SallyportProcess => {
    screen.quote(who, `$ sallyport ${args.map(shellWord).join(" ")}`);
    return installation.run(who, args, (line) => screen.quote(who, line));
  };
  const finished = async (command: SallyportProcess): Promise<Said> => {
    const code = await ended(command);
    return { code, text: command.lines.join("\n") };
  };
  const checked = async (command: SallyportProcess): Promise<string> => {
    const { code, text } = await finished(command);
    if (code !== 0) {
      throw new Error(`it ended with ${code}:\n${text}`);
    }
    return text;
  };
  return {
    run: (who, ...args) => finished(shown(who, args)),
    succeed: (who, ...args) => checked(shown(who, args)),
    quietly: (who, ...args) => checked(installation.run(who, args)),
    start: (who, ...args) => shown(who, args),
  };
}

/** An argument as somebody would type it. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `"${text.replaceAll(/(["\\$`])/g, "\\$1")}"`;
}
