import { UserError } from "#lib/errors.ts";
import type { Invocation, World } from "../command.ts";
import { loadConfig } from "../config/config.ts";
import type { Entitlement } from "#wire/control-api.ts";
import { openSession, type Session } from "../signin/session.ts";
import { type ProxyArguments, readArguments } from "./arguments.ts";
import { availableTo, chooseEntitlement } from "./choose.ts";
import { runCommand, startFailureCode } from "./exec.ts";
import { createLiveLine, type LiveLine } from "./live-line.ts";
import { type AccessPlan, confirmAccess, planAccess } from "./request.ts";
import { type Ended, type Target, targetEnvironment, TargetRun } from "./target.ts";
import { labelsOf } from "./labels.ts";
import { openTarget } from "./open-target.ts";
import { meant, readTyped } from "./typed.ts";
import { readLines } from "./typed-lines.ts";
import { outputBeside } from "./target-output.ts";

/**
 * Runs `sallyport rds proxy`: choose, take the ports, get access, serve. What was typed wrongly and a busy port are found before anything
 * is asked for; from then on each database is on its own. Exit code: that of the command it runs, else 0 where the person ended it, 1 where
 * any of the databases could not be served for as long as they wanted.
 */
export async function proxyDatabases(invocation: Invocation): Promise<number> {
  const typed = readArguments(invocation);
  const beside = typed.command === undefined ? invocation.world.output : outputBeside(invocation.world);
  const { line, output } = createLiveLine({ ...invocation.world, output: beside });
  const world = { ...invocation.world, output };
  const session = await openSession(world);
  try {
    const targets = await openTargets(session, typed, world);
    try {
      const plans: AccessPlan[] = [];
      for (const target of targets) {
        plans.push(await planAccess(session.control, target.entitlement, typed.request, world));
      }
      const confirmed = await confirmAccess(plans, typed.request, world);
      return await runTargets(session, targets, confirmed, typed, line, world);
    } finally {
      await Promise.all(targets.map(({ front }) => front.close()));
    }
  } finally {
    session.close();
  }
}

async function openTargets(session: Session, typed: ProxyArguments, world: World): Promise<readonly Target[]> {
  const items = await availableTo(session.control, world);
  const { url } = loadConfig(world);
  // All are chosen before a port is taken: what is named wrongly changes nothing that is remembered.
  const entitlements: Entitlement[] = [];
  for (const wanted of typed.targets) {
    entitlements.push(await chooseEntitlement(items, wanted, world));
  }
  const labels = labelsOf(entitlements);
  const targets: Target[] = [];
  try {
    for (const [index, entitlement] of entitlements.entries()) {
      const label = labels[index] ?? "";
      targets.push(await openTarget({ entitlement, label, url, isOne: entitlements.length === 1, typed, world }));
    }
    return targets;
  } catch (error) {
    await Promise.all(targets.map(({ front }) => front.close()));
    throw error;
  }
}

/** Serves all of them at once; one that ends does not end the others. */
async function runTargets(
  session: Session,
  targets: readonly Target[],
  plans: readonly AccessPlan[],
  typed: ProxyArguments,
  line: LiveLine,
  world: World,
): Promise<number> {
  const done = new AbortController();
  const signal = AbortSignal.any([world.signal, done.signal]);
  const runs = targets.map((target, index) => {
    const scoped: World = { ...target.world, signal };
    const options = { typed, line, isOne: targets.length === 1 };
    return new TargetRun(session, target, plans[index] as AccessPlan, options, scoped);
  });
  const ends = runs.map((run) => run.ended);
  if (typed.command === undefined) {
    const stopReading = readLines(world, (text) => obey(text, runs, world));
    return exitCode(await Promise.all(ends).finally(stopReading), world);
  }
  let code: number | undefined;
  try {
    code = await commandCode(runs, targets, typed.command, world);
  } catch (error) {
    code = startFailureCode(error);
    if (code === undefined || !(error instanceof UserError)) {
      throw error;
    }
    world.output.error(error);
  } finally {
    done.abort();
    await Promise.all(ends);
  }
  return code ?? exitCode(await Promise.all(ends), world);
}

/** Does what was typed while databases are served. */
function obey(text: string, runs: readonly TargetRun[], world: World): void {
  const typed = readTyped(text);
  if (typed === undefined) {
    return;
  }
  const live = runs.filter(({ isLive }) => isLive);
  const found = meant(typed, live);
  if (found.length === 0) {
    const labels = live.map(({ label }) => label).join(", ");
    world.output.note(
      live.length === 0
        ? "Nothing can be extended before access is live. Ctrl-C ends the command"
        : `e extends access (${live.length === 1 ? labels : `e NAME, one of ${labels}`}), Ctrl-C ends the command`,
    );
  }
  for (const run of found) {
    void run.extend();
  }
}

/** Runs the command once all databases can be used; undefined where one of them cannot. */
async function commandCode(
  runs: readonly TargetRun[],
  targets: readonly Target[],
  command: readonly string[],
  world: World,
): Promise<number | undefined> {
  const infos = [];
  for (const run of runs) {
    const info = await Promise.race([run.ready, run.ended.then(() => undefined)]);
    if (info === undefined) {
      return undefined;
    }
    infos.push(info);
  }
  return runCommand(command, targetEnvironment(targets, infos), world);
}

function exitCode(ends: readonly Ended[], world: World): number {
  if (ends.some(({ kind }) => kind === "failed" || kind === "over")) {
    return 1;
  }
  // Stopped before there was anything to use.
  return world.signal.aborted && ends.every(({ kind }) => kind === "interrupted") ? 130 : 0;
}
