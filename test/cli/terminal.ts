import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { eventually, within } from "../harness/process.ts";
import { Screen } from "./screen.ts";

/** A command that runs on a terminal, as a person has one. */
export interface Terminal {
  /** Everything that was written to it, with its control sequences. */
  raw(): string;
  /** What a person sees of it, and what has scrolled out of sight: one row a line, without trailing spaces. */
  screen(): string;
  /** Resolves once `matches` is true of what is seen. */
  shows(matches: RegExp): Promise<string>;
  type(keys: string): void;
  resize(columns: number): void;
  /** The exit code, once the last process has left the terminal. */
  readonly exited: Promise<number>;
  kill(): void;
}

/** Keys that the terminal turns into signals (termios(3)). */
export const keys = { interrupt: "\u0003", stop: "\u001a", endOfFile: "\u0004" } as const;

/** Starts a command on a terminal of this width, with exactly this environment. `python` runs the terminal. */
export function openTerminal(
  python: string,
  command: readonly string[],
  options: { readonly environment: Readonly<Record<string, string>>; readonly columns?: number },
): Terminal {
  const columns = options.columns ?? 80;
  const script = path.join(import.meta.dirname, "terminal.py");
  const child: ChildProcess = spawn(python, [script, JSON.stringify(command), String(columns)], {
    env: { PATH: process.env["PATH"] ?? "", LANG: "C.UTF-8", TERM: "xterm-256color", ...options.environment },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const screen = new Screen(columns);
  let raw = "";
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
    raw += chunk;
    screen.write(chunk);
  });
  child.stdin?.on("error", () => {});
  const tell = (what: object): void => void child.stdin?.write(`${JSON.stringify(what)}\n`);
  const exited = once(child, "close").then(([code]) => code as number);
  const seen = (): string => `the terminal shows:\n${screen.text()}\nwritten: ${JSON.stringify(raw.slice(-2_000))}`;
  return {
    raw: () => raw,
    screen: () => screen.text(),
    shows: (matches) =>
      eventually(
        () => `${String(matches)} is not seen; ${seen()}`,
        () => (matches.test(screen.text()) ? screen.text() : undefined),
        25_000,
        20,
      ),
    type: (text) => tell({ keys: text }),
    resize(to) {
      screen.resize(to);
      tell({ columns: to });
    },
    exited: within("the command on the terminal ends", exited, seen, 60_000),
    kill: () => void child.kill("SIGKILL"),
  };
}

/** Whether nothing but text and line ends is in it. */
export function isPlain(text: string): boolean {
  return [...text.replaceAll("\r\n", "\n")].every(
    (character) => character === "\n" || (character >= " " && character !== "\u007f"),
  );
}
