import { type ChildProcess, fork, spawn, type SpawnOptions } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** What must be undone whichever way the bench ends, newest first. */
const undo: (() => void)[] = [];

process.once("exit", () => {
  for (const step of undo.splice(0).toReversed()) {
    try {
      step();
    } catch {
      // The others are undone all the same.
    }
  }
});

/** Makes Ctrl-C and the like end the process in the ordinary way, so that nothing that was started outlives it. */
export function stopOnSignals(): void {
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    process.once(signal, () => process.exit(code));
  }
}

/** Removes a folder at the end, after every process has been stopped. */
export function removeAtExit(folder: string): void {
  undo.unshift(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
}

/** A process that was started and will not outlive this one. */
export interface Started {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Ends it by force and waits for it. */
  stop(): Promise<void>;
}

/** Starts a program. What it said last is quoted when it ends before `stop`. */
export function start(file: string, args: readonly string[], options: SpawnOptions = {}): Started {
  const child = spawn(file, [...args], { stdio: ["ignore", "pipe", "pipe"], ...options });
  return owned(child, file);
}

function owned(child: ChildProcess, name: string): Started {
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (bytes: Buffer) => (said = (said + String(bytes)).slice(-4_000)));
  }
  const kill = (): void => void child.kill("SIGKILL");
  undo.push(kill);
  let isWanted = true;
  const fail = (why: string): void => {
    if (isWanted) {
      process.stderr.write(`bench: ${name} ended by itself (${why})\n${said}\n`);
      process.exit(1);
    }
  };
  child.once("error", (error) => fail(error.message));
  child.once("exit", (code, signal) => fail(String(code ?? signal)));
  return {
    pid: child.pid ?? 0,
    child,
    async stop() {
      isWanted = false;
      if (child.exitCode === null && child.signalCode === null) {
        const exited = once(child, "exit");
        child.kill("SIGCONT");
        kill();
        await exited;
      }
      undo.splice(undo.indexOf(kill), 1);
    },
  };
}

/** What a process of the bench's own is told, says when it is ready, is asked, and answers. */
export interface HelperTalk {
  readonly config: object;
  readonly ready: object;
  readonly question: unknown;
  readonly answer: unknown;
}

/** A process of the bench's own. Questions are asked one at a time. */
export interface Helper<T extends HelperTalk> extends Started {
  readonly ready: T["ready"];
  ask(question: T["question"]): Promise<T["answer"]>;
}

/** A helper that is told to end does so at once; writing a profile takes longest. */
const helperStopMs = 5_000;

/** Starts one of the `…-process.ts` files beside this one. */
export async function startHelper<T extends HelperTalk>(
  file: string,
  config: T["config"],
  execArgv: readonly string[] = [],
): Promise<Helper<T>> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), [], {
    execArgv: [...execArgv],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    serialization: "advanced",
  });
  const started = owned(child, file);
  child.send(config);
  const [ready] = (await once(child, "message")) as [T["ready"]];
  let last: Promise<unknown> = Promise.resolve();
  const ask = (question: T["question"]): Promise<T["answer"]> => {
    const answer = last.then(async () => {
      child.send(question as object);
      return ((await once(child, "message")) as [T["answer"]])[0];
    });
    last = answer.catch(() => {});
    return answer;
  };
  return {
    ...started,
    ready,
    ask,
    async stop() {
      // Its own way out, on which a profile is written where one was asked for.
      child.removeAllListeners("exit");
      const exited = once(child, "exit");
      child.disconnect();
      await Promise.race([exited, sleep(helperStopMs)]);
      await started.stop();
    },
  };
}

/**
 * The other end of `startHelper`, called once by the process's file: `begin` gets the configuration and gives what to say when
 * ready, with how to answer questions. The process ends with its parent.
 */
export async function serveHelper<T extends HelperTalk>(
  begin: (config: T["config"]) => Promise<{
    readonly ready: T["ready"];
    readonly answer?: (question: T["question"]) => Promise<T["answer"]>;
  }>,
): Promise<void> {
  process.once("disconnect", () => process.exit(0));
  // A Ctrl-C in the terminal reaches every process of the group; the parent decides about the end.
  process.on("SIGINT", () => {});
  const [config] = (await once(process, "message")) as [T["config"]];
  const { ready, answer } = await begin(config);
  process.on("message", (question: T["question"]) => {
    void answer?.(question).then((said) => process.send?.(said));
  });
  process.send?.(ready);
}
