import { once } from "node:events";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { systemClock } from "#lib/clock.ts";
import { allCommands } from "./commands/all.ts";
import { terminalPlace } from "./output/terminal-place.ts";
import { runCli } from "./run.ts";

const commands = allCommands({
  controller: async () => (await import("#controller/main.ts")).runController,
  proxy: async () => {
    const { runProxy } = await import("#proxy/main.ts");
    return (environment) => runProxy(environment);
  },
  sandbox: async () => (await import("#sandbox/main.ts")).runSandbox,
  plan: async () => (await import("#controller/plan/main.ts")).plan,
  diff: async () => (await import("#controller/plan/main.ts")).diff,
  leftovers: async () => (await import("#controller/leftovers/main.ts")).leftovers,
});

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};
const stopping = new AbortController();
/** Whom signals are for, while a command runs another one. */
let takenBy: ((signal: NodeJS.Signals) => void) | undefined;
// SIGHUP: the terminal was closed. An SSM session that nobody ends would stay open at AWS until it times out.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    if (takenBy !== undefined) {
      takenBy(signal);
      return;
    }
    if (stopping.signal.aborted) {
      // Asked twice: whoever it is does not want to wait for a clean end.
      process.exit(130);
    }
    stopping.abort();
  });
}
for (const stream of [process.stdout, process.stderr]) {
  // The reader has gone, as with `| head`: nothing that would follow can be shown to anybody.
  stream.on("error", () => stopping.abort());
}

/** Resolves once standard output takes more, or nobody wants it any more. */
async function drained(): Promise<void> {
  if (process.stdout.writableNeedDrain && !stopping.signal.aborted) {
    await once(process.stdout, "drain", { signal: stopping.signal }).catch(() => {});
  }
}

// The clock's timers do not keep a process alive; a command that waits for one still runs.
const running = setInterval(() => {}, 2 ** 30);
process.exitCode = await runCli(
  process.argv.slice(2),
  commands,
  {
    environment: process.env,
    workingDirectory: process.cwd(),
    homeDirectory: process.env["HOME"] ?? homedir(),
    clock: systemClock,
    // Not by way of node:crypto, which takes longer to load than most of what a command does.
    random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
    terminal: { input: process.stdin, output: process.stderr, place: terminalPlace },
    interactive: process.stdin.isTTY && process.stderr.isTTY && process.env["CI"] === undefined,
    signal: stopping.signal,
    version,
    takeSignals(handler) {
      takenBy = handler;
      return () => {
        takenBy = undefined;
      };
    },
  },
  {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    // no-color.org: an empty variable asks for nothing. A dumb terminal would show the escape sequences.
    colours: process.stderr.isTTY && !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb",
    drained,
  },
);
clearInterval(running);
