import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { systemClock } from "#lib/clock.ts";
import type { Command } from "./command.ts";
import { auditSearch, auditTail, auditVerify } from "./commands/audit.ts";
import { databasesList } from "./commands/databases.ts";
import { grantsGet, grantsList, grantsRevoke } from "./commands/grants.ts";
import { login } from "./commands/login.ts";
import { processCommands } from "./commands/processes.ts";
import { rdsProxy } from "./commands/rds-proxy.ts";
import { validate } from "./commands/validate.ts";
import { runCli } from "./run.ts";

/** Every command of `sallyport`, in the order in which help shows them. */
const commands: readonly Command[] = [
  login,
  rdsProxy,
  databasesList,
  grantsList,
  grantsGet,
  grantsRevoke,
  auditTail,
  auditSearch,
  auditVerify,
  validate,
  ...processCommands({
    controller: async () => (await import("#controller/main.ts")).runController,
    proxy: async () => {
      const { runProxy } = await import("#proxy/main.ts");
      return (environment) => runProxy(environment);
    },
    sandbox: async () => (await import("#sandbox/main.ts")).runSandbox,
  }),
];

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};
const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    if (stopping.signal.aborted) {
      // Asked twice: whoever it is does not want to wait for a clean end.
      process.exit(130);
    }
    stopping.abort();
  });
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
    random: randomBytes,
    interactive: process.stdin.isTTY === true && process.stderr.isTTY === true && process.env["CI"] === undefined,
    signal: stopping.signal,
    version,
  },
  {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    colours: process.stderr.isTTY === true && process.env["NO_COLOR"] === undefined,
  },
);
clearInterval(running);
