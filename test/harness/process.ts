import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** The checkout. */
export const repository = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));

/** The program that `startSallyport` runs: the sources, or what `SALLYPORT_PROGRAM` names, such as the bundle. */
function program(): string {
  return process.env["SALLYPORT_PROGRAM"] ?? path.join(repository, "cli", "main.ts");
}

/** A `sallyport` process under test, with everything it said. */
export interface SallyportProcess {
  readonly pid: number;
  /** Lines of standard output and of standard error so far, in the order they came. */
  readonly lines: readonly string[];
  /** Resolves with the first line, past or future, that `matches`; rejects when the process ends without one. */
  line(matches: (line: string) => boolean): Promise<string>;
  /** Resolves with the exit code, or with 128 and more after a signal. */
  readonly exited: Promise<number>;
  kill(signal?: NodeJS.Signals): void;
}

/** Starts `sallyport …` with exactly this environment. */
export function startSallyport(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  options: { readonly cwd?: string; readonly onLine?: (line: string) => void } = {},
): SallyportProcess {
  const child = spawn(process.execPath, [program(), ...args], {
    env: { PATH: process.env["PATH"] ?? "", ...environment },
    cwd: options.cwd ?? repository,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const killOnExit = (): void => void child.kill("SIGKILL");
  process.once("exit", killOnExit);
  const lines: string[] = [];
  const waiting = new Set<{ matches: (line: string) => boolean; resolve: (line: string) => void }>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      lines.push(line);
      options.onLine?.(line);
      for (const entry of waiting) {
        if (entry.matches(line)) {
          waiting.delete(entry);
          entry.resolve(line);
        }
      }
    });
  }
  const exited = exitOf(child).finally(() => process.removeListener("exit", killOnExit));
  return {
    pid: child.pid ?? 0,
    lines,
    exited,
    kill: (signal = "SIGTERM") => void child.kill(signal),
    line(matches) {
      const found = lines.find(matches);
      if (found !== undefined) {
        return Promise.resolve(found);
      }
      return new Promise((resolve, reject) => {
        waiting.add({ matches, resolve });
        void exited.then((code) => reject(new Error(`it ended with ${code} first:\n${lines.slice(-20).join("\n")}`)));
      });
    },
  };
}

async function exitOf(child: ChildProcess): Promise<number> {
  // `close` comes after the last line was read; `exit` may come before it.
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  return code ?? (signal === null ? 1 : 128);
}

/** Asks `check` again and again until it gives something; the world outside has no other way to tell. Rejects after `withinMs`. Ask AWS no faster than it allows: `everyMs`. */
export async function eventually<T>(
  what: string | (() => string),
  check: () => Promise<T | undefined> | T | undefined,
  withinMs = 25_000,
  everyMs = 50,
): Promise<T> {
  const endsMs = performance.now() + withinMs;
  for (;;) {
    const value = await check();
    if (value !== undefined) {
      return value;
    }
    if (performance.now() > endsMs) {
      throw new Error(`${typeof what === "string" ? what : what()}: not within ${withinMs / 1_000} s`);
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** The same for what may fail until it works: a failure is told when the time is over, and until then only means "not yet". */
export function eventuallyWorks<T>(
  what: string | (() => string),
  attempt: () => Promise<T | undefined> | T | undefined,
  withinMs?: number,
): Promise<T> {
  let failure: unknown;
  return eventually(
    () => `${typeof what === "string" ? what : what()}${failure === undefined ? "" : ` (${String(failure)})`}`,
    async () => {
      try {
        const value = await attempt();
        failure = undefined;
        return value;
      } catch (error) {
        failure = error;
        return undefined;
      }
    },
    withinMs,
  );
}

/** What a promise gives, if it does within the time; rejects with `what` and what `state` says otherwise. */
export async function within<T>(what: string, promise: Promise<T>, state: () => string, withinMs = 25_000): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${withinMs / 1_000} s; ${state()}`)), withinMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The exit code of a process; rejects with the last that it said when it goes on for too long. */
export function ended(process: SallyportProcess, withinMs = 25_000): Promise<number> {
  return within("the process ends", process.exited, () => process.lines.slice(-20).join("\n"), withinMs);
}
