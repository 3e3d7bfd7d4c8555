import { once } from "node:events";
import { parseArgs } from "node:util";
import { type Installation, startInstallation, untilProxyLinked } from "#test/harness/installation.ts";
import { keepRunning } from "./demo/keep.ts";
import { tellMainJob } from "./demo/main-job.ts";
import { mysqlAtHand, tellMySql } from "./demo/mysql-part.ts";
import { createScreen } from "./demo/screen.ts";
import { StepFailed, Story } from "./demo/story.ts";

/** `npm run demo [-- --keep]`: the main job on real parts. Exit 0 when everything was proved, 1 with the reason otherwise. */
async function main(keep: boolean): Promise<number> {
  const screen = createScreen(process.stdout.isTTY === true);
  const story = new Story(screen);
  const startedMs = performance.now();
  let installation: Installation | undefined;
  // Ctrl-C stops what was started, too, instead of leaving it behind.
  const interrupted = Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]).then(() => {
    throw new StepFailed("interrupted");
  });
  interrupted.catch(() => {});
  try {
    screen.title("Sallyport: just-in-time access to databases on AWS RDS");
    const mysql = await mysqlAtHand();
    installation = await story.step("sandbox AWS, the databases and the controller run", (tell) =>
      startInstallation({ onProgress: tell, ...("start" in mysql ? { mysql: mysql.start } : {}) }),
    );
    const running = installation;
    await story.step("ECS (in the sandbox) starts the real proxy, which links to the controller", () =>
      untilProxyLinked(running),
    );
    if (keep) {
      await keepRunning(running, screen);
      return 0;
    }
    await Promise.race([tellMainJob(running, story, screen), interrupted]);
    if ("missing" in mysql) {
      screen.text(`MySQL and MariaDB are left out: ${mysql.missing}`);
    } else {
      await Promise.race([tellMySql(running, story, screen), interrupted]);
    }
    screen.title(`Proved in ${((performance.now() - startedMs) / 1_000).toFixed(0)} s`);
    screen.table(story.proofs);
    return 0;
  } catch (error) {
    if (!(error instanceof StepFailed)) {
      screen.failed("the demo ended early", error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    if (installation !== undefined) {
      screen.title("Last lines of the controller's log");
      for (const line of installation.controller().lines.slice(-10)) {
        screen.text(`  ${line}`);
      }
    }
    return 1;
  } finally {
    await installation?.stop();
  }
}

const { values } = parseArgs({ options: { keep: { type: "boolean", default: false } } });
process.exit(await main(values.keep));
