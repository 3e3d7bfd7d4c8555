import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { UserError } from "#lib/errors.ts";
import type { World } from "../command.ts";

/** POSIX shells: a command that was not found ends with 127, one that may not be run with 126. */
const notFoundCode = 127;
const notExecutableCode = 126;
/** POSIX shells: 128 and the number of the signal that ended a command. */
const signalBase = 128;

/**
 * Variables by which libpq goes elsewhere, or asks of the way what the local port has not, whatever PGHOST and PGSSLMODE say: an address and a
 * service that take precedence, and demands on TLS and on the method of signing in. Source: PostgreSQL documentation, "Environment Variables" and
 * "The Connection Service File".
 */
const variablesInTheWay = [
  "PGHOSTADDR",
  "PGSERVICE",
  "PGSSLNEGOTIATION",
  "PGSSLROOTCERT",
  "PGREQUIRESSL",
  "PGREQUIREAUTH",
  "PGCHANNELBINDING",
  "PGGSSENCMODE",
  "PGTARGETSESSIONATTRS",
  "PGLOADBALANCEHOSTS",
] as const;

/**
 * Runs a command with the terminal of this one and more in its environment. Resolves with its exit code, as a shell counts: 128 and the
 * signal's number where a signal ended it. While it runs, signals are the command's: what the terminal sends reaches it by itself, what is
 * sent to this process alone is passed on.
 */
export async function runCommand(
  command: readonly string[],
  environment: Readonly<Record<string, string>>,
  world: World,
): Promise<number> {
  const [file = "", ...args] = command;
  const outside = { ...world.environment, ...Object.fromEntries(variablesInTheWay.map((name) => [name, undefined])) };
  const child = spawn(file, args, {
    stdio: "inherit",
    cwd: world.workingDirectory,
    env: { ...outside, ...environment },
  });
  const giveBack = world.takeSignals?.((signal) => {
    // Ctrl-C at a terminal goes to every process in front of it, the command among them: passed on as well it would arrive twice. That is so
    // with other input than the terminal, too.
    const place = world.terminal.place?.();
    if (signal !== "SIGINT" || !(place === undefined ? world.interactive : place === "front")) {
      child.kill(signal);
    }
  });
  try {
    const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    return code ?? signalBase + (signal === null ? 0 : constants.signals[signal]);
  } catch (error) {
    throw startError(file, error as NodeJS.ErrnoException);
  } finally {
    giveBack?.();
  }
}

/** The exit code of a command that could not be started; undefined for other errors. */
export function startFailureCode(error: unknown): number | undefined {
  if (!(error instanceof UserError)) {
    return undefined;
  }
  return { CommandNotFound: notFoundCode, CommandNotRun: notExecutableCode }[error.code];
}

function startError(file: string, error: NodeJS.ErrnoException): UserError {
  return error.code === "ENOENT"
    ? new UserError("CommandNotFound", `the command ${file} was not found`, {
        why: "there is no such program on the search path",
        next: "Check its name, or give its whole path after --.",
        cause: error,
      })
    : new UserError("CommandNotRun", `the command ${file} could not be started`, {
        why: error.message,
        next: "Check that it may be run.",
        cause: error,
      });
}
