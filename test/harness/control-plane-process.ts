import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";

/** A server under test and its log. */
export interface ServerProcess {
  readonly pid: number;
  /** Whether it has ended. */
  hasEnded(): boolean;
  kill(signal: NodeJS.Signals): void;
  /** Resolves when it has ended. */
  readonly exited: Promise<void>;
  /** Last 2,000 characters that it wrote, for a failure's message. */
  lastWords(): string;
}

/** Starts a program with nothing of our environment; both its outputs go to `logFile`. */
export function startServer(file: string, flags: Readonly<Record<string, string>>, logFile: string): ServerProcess {
  const log = openSync(logFile, "a", 0o600);
  const child: ChildProcess = spawn(
    file,
    Object.entries(flags).map(([name, value]) => `--${name}=${value}`),
    { env: { PATH: "/usr/bin:/bin" }, stdio: ["ignore", log, log] },
  );
  closeSync(log);
  let over = false;
  const exited = once(child, "exit").then(
    () => void (over = true),
    () => void (over = true),
  );
  return {
    pid: child.pid ?? 0,
    hasEnded: () => over,
    kill: (signal) => void child.kill(signal),
    exited,
    lastWords: () => readFileSync(logFile, "utf8").slice(-2_000),
  };
}

/** A server has no other way to say that it is ready than to answer; each try is a real question, spaced by a short timer. */
export async function untilAnswers(
  what: string,
  server: ServerProcess,
  isReady: () => Promise<boolean>,
  withinMs = 90_000,
): Promise<void> {
  const endsMs = performance.now() + withinMs;
  for (;;) {
    if (await isReady().catch(() => false)) {
      return;
    }
    if (server.hasEnded() || performance.now() > endsMs) {
      const why = server.hasEnded() ? "ended while starting" : `was not ready within ${withinMs / 1_000} s`;
      throw new Error(`${what} ${why}\n${server.lastWords()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Below what Linux and macOS give to connections on their way out (from 32,768 and 49,152), so that nobody takes the port of a server that restarts. */
const ports = { from: 20_000, to: 32_000 };

/** A loopback port that is free now, and that only another listener could take. */
export async function listeningPort(): Promise<number> {
  for (;;) {
    const port = randomInt(ports.from, ports.to);
    const server = createServer();
    const isFree = once(server, "listening").then(
      () => true,
      () => false,
    );
    server.listen(port, "127.0.0.1");
    if (await isFree) {
      server.close();
      await once(server, "close");
      return port;
    }
  }
}
