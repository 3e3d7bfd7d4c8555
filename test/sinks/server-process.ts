import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { startGuard } from "#test/harness/guard.ts";
import { eventually } from "#test/harness/process.ts";

/** A server of somebody else's that a test started. */
export interface ServerProcess {
  readonly pid: number;
  /** What it said on both outputs. */
  said(): string;
  /** Ends it at once, as a crash does. */
  stop(): Promise<void>;
}

/** Starts a program that listens on a loopback port and resolves when it does. It ends with this process, whatever ends that. */
export async function startServer(
  file: string,
  args: readonly string[],
  port: number,
  options: {
    readonly folder: string;
    readonly env?: Readonly<Record<string, string>>;
    readonly identity?: { uid?: number; gid?: number };
  },
): Promise<ServerProcess> {
  const { folder, env = {}, identity = {} } = options;
  const child = spawn(file, args, {
    env: { PATH: process.env["PATH"] ?? "", HOME: folder, ...env },
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    ...identity,
  });
  const guard = startGuard(folder);
  guard.watch([child.pid ?? 0]);
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
  }
  const exited = endOf(child);
  let hasEnded = false;
  void exited.then(() => {
    hasEnded = true;
  });
  await eventually(
    () => `${file} does not listen on ${port}: ${text.slice(-2_000)}`,
    async () => {
      if (hasEnded) {
        throw new Error(`${file} ended: ${text.slice(-2_000)}`);
      }
      return (await listens(port)) ? true : undefined;
    },
  );
  return {
    pid: child.pid ?? 0,
    said: () => text,
    async stop() {
      child.kill("SIGKILL");
      await exited;
      await guard.end();
    },
  };
}

async function endOf(child: ChildProcess): Promise<void> {
  await Promise.race([once(child, "close"), once(child, "error").then(() => {})]);
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
