import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { eventually } from "#test/harness/process.ts";
import type { Watch } from "./client.ts";
import type { Target } from "./clients/steps.ts";

/** What each step of a client came to: its result, or the error that it should not have had. */
export type Steps = ReadonlyMap<string, { readonly result: unknown } | { readonly error: string }>;

/** A process that runs, and what it will have said. */
export interface Started {
  interrupt(): void;
  /** Called with each line of its standard output. */
  onLine(heard: (line: string) => void): void;
  say(line: string): void;
  readonly ended: Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>;
}

/** Longer than any step may take; a client that hangs is then ended, and its step is the last that it printed. */
const programTimeoutMs = 120_000;

/** Starts a program with nothing of this process's environment but the search path. */
export function start(
  file: string,
  args: readonly string[],
  options: { readonly input?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Started {
  const child = spawn(file, args, {
    env: { PATH: process.env["PATH"] ?? "", LANG: "C.UTF-8", TZ: "UTC", HOME: "/nonexistent", ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
    timeout: programTimeoutMs,
    killSignal: "SIGKILL",
  });
  const end = (): void => void child.kill("SIGKILL");
  process.once("exit", end);
  const said = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said.stderr += text));
  child.stdin.on("error", () => {});
  if (options.input !== undefined) {
    child.stdin.end(options.input);
  }
  const ended = once(child, "close").then(([code]) => {
    process.removeListener("exit", end);
    return { code: (code as number | null) ?? -1, ...said };
  });
  return {
    interrupt: () => void child.kill("SIGINT"),
    onLine: (heard) => void createInterface({ input: child.stdout }).on("line", heard),
    say: (line) => void child.stdin.write(`${line}\n`),
    ended,
  };
}

/**
 * Runs a program that prints one line of JSON for each step. A line with `running` names a statement that it has just sent: it is
 * answered with a line once the server is seen to run it, so that the program can cancel it. What it says otherwise is an error of its own.
 */
export async function runSteps(file: string, args: readonly string[], target: Target, watch: Watch): Promise<Steps> {
  const program = start(file, [...args, JSON.stringify(target)]);
  program.onLine((line) => {
    const { running } = JSON.parse(line) as { running?: string };
    if (running !== undefined) {
      void untilRunning(running, target, watch).then(
        () => program.say("it runs"),
        () => {},
      );
    }
  });
  const { code, stdout, stderr } = await program.ended;
  const steps = new Map<string, { result: unknown } | { error: string }>();
  for (const line of stdout.split("\n").filter((text) => text !== "")) {
    const { step, ...rest } = JSON.parse(line) as { step?: string } & ({ result: unknown } | { error: string });
    if (step !== undefined) {
      steps.set(step, rest);
    }
  }
  if (code !== 0) {
    steps.set("runs to its end", { error: `exit code ${code}: ${stderr.trim().split("\n").slice(-5).join(" ⏎ ")}` });
  }
  return steps;
}

/** Waits until the server runs exactly this statement in the client's database. */
export async function untilRunning(sql: string, target: Target, watch: Watch): Promise<void> {
  await eventually(`"${sql}" runs`, async () => ((await watch.isRunning(sql, target.database)) ? true : undefined));
}
