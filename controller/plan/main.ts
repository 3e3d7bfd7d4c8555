import { createHash } from "node:crypto";
import { formatKey } from "#kinds/index.ts";
import type { Clock } from "#lib/clock.ts";
import { UserError } from "#lib/errors.ts";
import { afterApply, readCluster, type ClusterBase } from "./cluster.ts";
import { costOf } from "./cost.ts";
import { diffObjects, type ObjectDiff } from "./diff.ts";
import { checkTransitions, readFolder } from "./folder.ts";
import type { PlannedObject } from "./objects.ts";
import { planChange, type PlannedStep } from "./plan.ts";
import { renderPlan } from "./render.ts";
import { warningsOf } from "./warnings.ts";

/** What a plan or a diff came to. */
export interface PlanReport {
  /** 0 nothing changes, 2 something does; errors are thrown and end with 1. As `terraform plan -detailed-exitcode`. */
  readonly exitCode: 0 | 2;
  /** For machines. */
  readonly value: unknown;
  /** For people. */
  readonly text: string;
}

/** What was typed, by flag. `folder` is the positional. */
export interface PlanArguments {
  readonly folder: string;
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly version: string;
}

/** `sallyport plan`: the AWS calls that a change would make. Needs no permission to write anywhere; throws `UserError`s. */
export async function plan(given: PlanArguments): Promise<PlanReport> {
  const { base, wanted } = await readBoth(given);
  const installation = text(given, "installation") ?? "sallyport";
  const pin = `sha256:${createHash("sha256").update("plan").digest("hex")}`;
  const controller = { publicURL: "https://controller.invalid", pin, installation };
  const steps = await planChange({ base, wanted, controller, now: given.clock.now() });
  const cost = costOf(steps.flatMap(({ calls }) => calls));
  const warnings = warningsOf(base, wanted);
  return {
    exitCode: steps.length === 0 ? 0 : 2,
    value: { changes: steps.map(stepValue), cost, warnings },
    text: renderPlan(steps, cost, warnings),
  };
}

/** `sallyport diff`: what a change says, object by object. */
export async function diff(given: PlanArguments): Promise<PlanReport> {
  const { base, wanted } = await readBoth(given);
  const diffs = diffObjects(base, wanted);
  return {
    exitCode: diffs.length === 0 ? 0 : 2,
    value: { changes: diffs },
    text: diffs.length === 0 ? "No differences." : diffs.map((one) => renderDiff(one)).join("\n"),
  };
}

async function readBoth(given: PlanArguments): Promise<{ base: PlannedObject[]; wanted: PlannedObject[] }> {
  const folder = text(given, "base");
  const isCluster = given.options["cluster"] === true;
  if ((folder === undefined) !== isCluster) {
    const what = isCluster ? "--base and --cluster were both given" : "there is nothing to compare with";
    throw new UserError("NoBase", what, {
      next: "Give --base DIR, a folder as it is now (such as a checkout of the main branch), or --cluster.",
    });
  }
  const files = await readFolder(given.folder);
  const base = folder === undefined ? await readCluster(clusterOf(given)) : await readFolder(folder);
  const wanted = folder === undefined ? afterApply(base, files, given.options["prune"] === true) : files;
  checkTransitions(base, files);
  return { base, wanted };
}

function clusterOf(given: PlanArguments): ClusterBase {
  const { environment, version, clock } = given;
  return {
    environment,
    version,
    clock,
    file: text(given, "kubeconfig"),
    context: text(given, "context"),
    namespace: text(given, "namespace"),
  };
}

function text({ options }: PlanArguments, name: string): string | undefined {
  const value = options[name];
  return typeof value === "string" ? value : undefined;
}

function stepValue({ key, origin, change, calls, waits, isRefused, becomes }: PlannedStep): unknown {
  return {
    object: formatKey(key),
    origin,
    change,
    calls,
    ...(becomes === undefined ? {} : { becomes }),
    ...(waits === undefined ? {} : isRefused ? { refused: waits } : { waits }),
  };
}

/** Without the separator and the notes on line ends that the format allows for. */
function renderDiff({ patch }: ObjectDiff): string {
  return patch
    .split("\n")
    .filter((line) => !line.startsWith("====") && !line.startsWith("\\"))
    .join("\n");
}
