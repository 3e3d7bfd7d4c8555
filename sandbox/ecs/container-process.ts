import { spawn } from "node:child_process";
import { coerceError } from "#lib/errors.ts";
import type { ContainerCommand } from "./options.ts";
import type { Reaper } from "./reaper.ts";

/** A process and everything that it starts: they share a process group and end together. */
export interface ContainerProcess {
  readonly pid: number;
  /** Sends a signal to the process alone; false when it has ended. */
  signal(signal: NodeJS.Signals): boolean;
  /** Kills the whole group. */
  kill(): void;
}

/** What a container's process tells about itself. */
export interface ProcessEvents {
  readonly onOutput: (stream: "stdout" | "stderr", text: string) => void;
  /** It ended: by an exit code, or by a signal, which shells and ECS count as 128 plus its number. */
  readonly onExit: (exitCode: number) => void;
}

/** Exit codes of processes that end by a signal: 128 plus its number. */
const signalNumbers: Readonly<Partial<Record<NodeJS.Signals, number>>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGTERM: 15,
};

/** Starts a process with exactly this environment and directory. Throws when it cannot be started. */
export function startProcess(
  command: ContainerCommand,
  place: { readonly directory: string; readonly environment: Record<string, string> },
  events: ProcessEvents,
  reaper: Reaper,
): ContainerProcess {
  const child = spawn(command.file, command.args, {
    cwd: place.directory,
    env: place.environment,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { pid } = child;
  if (pid === undefined) {
    // The reason comes as an event; unheard, it would end the sandbox.
    child.once("error", () => {});
    throw new Error(`cannot start ${command.file}`);
  }
  reaper.watch(pid);
  const kill = (): void => killGroup(pid);
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8");
    child[stream].on("data", (text: string) => events.onOutput(stream, text));
  }
  child.on("error", (error) => events.onOutput("stderr", `${coerceError(error).message}\n`));
  let ended = false;
  child.once("exit", (code, signal) => {
    ended = true;
    // A container is its first process: whatever that one has left behind goes with it.
    kill();
    reaper.forget(pid);
    events.onExit(code ?? 128 + (signalNumbers[signal ?? "SIGKILL"] ?? 9));
  });
  return { pid, signal: (signal) => !ended && child.kill(signal), kill };
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nobody of the group is left.
  }
}
