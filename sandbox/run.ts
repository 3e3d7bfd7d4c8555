import { isIPv4 } from "node:net";
import path from "node:path";
import { UserError } from "#lib/errors.ts";
import { jsonLog, logLevels } from "#lib/log.ts";
import type { Sandbox } from "./sandbox.ts";
import { readSeed } from "./seed-file.ts";
import { startSandbox } from "./start.ts";

/**
 * The `sandbox` command. Options: `listen` (`HOST:PORT`, a loopback address; absent: `127.0.0.1:4599`), `write-env`, `seed`
 * (a JSON file), `log-level`. Runs until the signal is aborted, then answers the exit code 0. Throws `UserError`.
 */
export async function runSandbox(
  options: Readonly<Record<string, string>>,
  signal: AbortSignal,
  print: (text: string) => void = (text) => process.stdout.write(text),
): Promise<number> {
  const { host, port } = parseListen(options["listen"] ?? "127.0.0.1:4599");
  const level = logLevels.find((one) => one === (options["log-level"] ?? "info"));
  if (level === undefined) {
    throw new UserError("BadOption", `"${options["log-level"]}" is not a log level.`, {
      next: `Use one of ${logLevels.join(", ")}.`,
    });
  }
  const seed = options["seed"] === undefined ? {} : { seed: await readSeed(options["seed"]) };
  const sandbox = await startAt(host, port, () =>
    startSandbox({ host, port, log: jsonLog(level, { process: "sandbox" }), ...seed }),
  );
  try {
    const envFile = options["write-env"];
    if (envFile !== undefined) {
      await writeEnv(sandbox, envFile);
    }
    print(welcome(sandbox, envFile));
    await aborted(signal);
  } finally {
    await sandbox.stop();
  }
  return 0;
}

/** `HOST:PORT` with a loopback address: the sandbox gives credentials to whoever asks. */
export function parseListen(listen: string): { host: string; port: number } {
  const match = /^(.+):(\d{1,5})$/.exec(listen);
  const host = match?.[1] === "localhost" ? "127.0.0.1" : (match?.[1] ?? "");
  const port = Number(match?.[2] ?? Number.NaN);
  if (!isIPv4(host) || !host.startsWith("127.") || !(port <= 65_535)) {
    throw new UserError("BadListenAddress", `The sandbox cannot listen on "${listen}".`, {
      why: "It lets everyone sign in as anyone, so it listens on a loopback address only.",
      next: "Use an address such as 127.0.0.1:4599.",
    });
  }
  return { host, port };
}

async function startAt(host: string, port: number, start: () => Promise<Sandbox>): Promise<Sandbox> {
  try {
    return await start();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EADDRINUSE") {
      throw new UserError("PortInUse", `Port ${port} on ${host} is in use.`, {
        why: "Another sandbox may be running.",
        next: `Stop it, or choose another port with --listen ${host}:${port + 1}.`,
        cause: error,
      });
    }
    throw error;
  }
}

async function writeEnv(sandbox: Sandbox, file: string): Promise<void> {
  try {
    await sandbox.writeEnvFile(file);
  } catch (error) {
    throw new UserError("EnvFileNotWritten", `The environment could not be written to ${file}.`, {
      why: error instanceof Error ? error.message : String(error),
      next: "Choose a file in a folder that you may write to.",
      cause: error,
    });
  }
}

function welcome(sandbox: Sandbox, envFile: string | undefined): string {
  const people = [...sandbox.state.people.values()].filter((person) => person.status === "ENABLED");
  const lines = [
    `An offline AWS listens on ${sandbox.url} (region ${sandbox.region}).`,
    `Access portal: ${sandbox.startURL}   People: ${people.map((person) => person.userName).join(", ")}`,
    ...(envFile === undefined
      ? [
          `Point AWS_ENDPOINT_URL at it. --write-env FILE writes that, and the controller's credentials, for your shell.`,
        ]
      : [`In another terminal:  . ${shellPath(envFile)} && aws sts get-caller-identity`]),
    "Nothing is kept: all of it is gone when this ends (Ctrl-C).",
  ];
  return `${lines.join("\n")}\n`;
}

/** A shell looks for a name without a slash in PATH. */
function shellPath(file: string): string {
  const shown = file.includes(path.sep) ? file : `./${file}`;
  return /^[\w./-]+$/.test(shown) ? shown : `'${shown.replaceAll("'", String.raw`'\''`)}'`;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    // A pending promise does not keep Node alive; the listener does.
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
