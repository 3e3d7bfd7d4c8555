import { parseArgs } from "node:util";
import type { ControlPlane } from "#test/harness/control-plane.ts";
import { prepareCluster } from "#test/harness/control-plane-installation.ts";
import { type Installation, startInstallation, untilProxyLinked } from "#test/harness/installation.ts";
import { ensureConsole } from "./console.ts";
import { admitPerson, clusterHand, type DemoCluster, startDemoCluster, tellAdmission } from "./demo/cluster-hand.ts";
import { folderHand } from "./demo/hand.ts";
import { tellHowToTry } from "./demo/keep.ts";
import { tellMainJob } from "./demo/main-job.ts";
import { mysqlAtHand, tellMySql } from "./demo/mysql-part.ts";
import { tellPeople } from "./demo/people-part.ts";
import { createScreen } from "./demo/screen.ts";
import { Story, StepFailed } from "./demo/story.ts";

/** How the demo was asked for. */
interface DemoOptions {
  /** Leaves everything running for somebody to try. */
  readonly keep: boolean;
  /** Objects live in a real Kubernetes API server, and kubectl declares them. */
  readonly cluster: boolean;
}

/** `npm run demo [-- --keep] [--cluster]`: the main job on real parts. Exit 0 when everything was proved, 1 with the reason otherwise. */
async function main({ keep, cluster: inCluster }: DemoOptions): Promise<number> {
  const screen = createScreen(process.stdout.isTTY === true);
  const story = new Story(screen);
  const startedMs = performance.now();
  let installation: Installation | undefined;
  let cluster: ControlPlane | undefined;
  let objects: DemoCluster | undefined;
  const stop = untilStopped();
  const interrupted = stop.then(() => {
    throw new StepFailed("interrupted");
  });
  interrupted.catch(() => {});
  try {
    await ensureConsole();
    screen.title("Sallyport: just-in-time access to databases on AWS RDS");
    if (inCluster) {
      cluster = await startDemoCluster(story, screen);
    }
    const mysql = await mysqlAtHand();
    const into = cluster === undefined ? {} : { place: placeIn(cluster, (placed) => (objects = placed)) };
    const server = "start" in mysql ? { mysql: mysql.start } : {};
    installation = await story.step("sandbox AWS, the databases and the controller run", (tell) =>
      startInstallation({ onProgress: tell, ...server, ...into }),
    );
    const running = installation;
    await story.step("ECS (in the sandbox) starts the real proxy, which links to the controller", () =>
      untilProxyLinked(running),
    );
    const hand = objects === undefined ? folderHand(running) : clusterHand(objects, screen);
    if (keep) {
      await tellHowToTry(running, hand, screen, objects);
      await stop;
      screen.text("Stopping …");
      return 0;
    }
    if (objects !== undefined) {
      await tellAdmission(objects, story, screen);
    }
    await Promise.race([tellMainJob(running, hand, story, screen), interrupted]);
    if ("missing" in mysql) {
      screen.text(`MySQL and MariaDB are left out: ${mysql.missing}`);
    } else {
      await Promise.race([tellMySql(running, hand, story, screen), interrupted]);
    }
    await Promise.race([tellPeople(running, hand, story, screen), interrupted]);
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
    await cluster?.close();
  }
}

/**
 * Resolves at Ctrl-C, which stops what was started, too, instead of leaving it behind. A terminal sends it to this process and to the one
 * that started it, which passes it on: the second must not end the stopping.
 */
function untilStopped(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => resolve());
  }
  return promise;
}

/** Brings the examples into the cluster instead of leaving them in their folder. */
function placeIn(
  cluster: ControlPlane,
  placed: (objects: DemoCluster) => void,
): (folder: string) => Promise<readonly string[]> {
  return async (folder) => {
    const place = await prepareCluster(cluster, folder);
    placed(await admitPerson(cluster, place));
    return place.controllerArguments;
  };
}

const { values } = parseArgs({
  options: { keep: { type: "boolean", default: false }, cluster: { type: "boolean", default: false } },
});
process.exit(await main(values));
