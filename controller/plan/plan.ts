import { formatKey, getCondition, keyOf, parseKey, type ObjectKey } from "#kinds/index.ts";
import { specDigest } from "#kinds/digest.ts";
import { grantIDOf } from "#lib/grant-id.ts";
import type { EpochMs } from "#lib/clock.ts";
import type { ControllerIdentity } from "../reconcile/proxy/definition.ts";
import { reconcilers } from "../reconcile/reconcilers.ts";
import type { Outcome } from "../reconcile/reconciler.ts";
import { assumedAws } from "./assumed/aws.ts";
import { seedGrants } from "./assumed/seed.ts";
import { CallRecorder, type PlannedCall } from "./calls.ts";
import { PlanObjects, type PlannedObject } from "./objects.ts";
import { planClock } from "./plan-clock.ts";
import { horizonMs, settle, type SettleOptions } from "./settle.ts";

/** What a change does to an object. */
export type Change = "add" | "change" | "remove" | "none";

/** What a plan says about one object. */
export interface PlannedStep {
  readonly key: ObjectKey;
  readonly origin: string;
  readonly change: Change;
  /** In order; those that change AWS and those that look. */
  readonly calls: readonly PlannedCall[];
  /** Why nothing more happens for now, or what a person must change; absent where it converges. */
  readonly waits?: string;
  /** Whether that is a refusal. */
  readonly isRefused: boolean;
  /** Reason and message of the object's condition Ready afterwards; absent where it is gone. */
  readonly becomes?: { readonly reason: string; readonly message: string };
}

/** What a plan is made of. */
export interface PlanInput {
  /** What is there now. */
  readonly base: readonly PlannedObject[];
  /** What shall be there. */
  readonly wanted: readonly PlannedObject[];
  readonly controller: ControllerIdentity;
  readonly now: EpochMs;
}

/**
 * What the controller would do when `wanted` takes the place of `base`. It is found by running the controller's own reconcilers
 * on objects in memory and on an AWS that only takes notes: first on the base, until all is as the base wants it, then on the
 * change. So a plan has the steps that the loop would perform, whatever they are.
 *
 * Answers the objects that change, and those for which AWS is changed because others do.
 */
export async function planChange({ base, wanted, controller, now }: PlanInput): Promise<PlannedStep[]> {
  const objects = new PlanObjects();
  const calls = new CallRecorder();
  const aws = assumedAws(calls, () => objects.all());
  for (const planned of base) {
    objects.put(planned, now);
  }
  seedGrants(aws.identityCenter, objects.all(), controller.installation);
  const clock = planClock(now);
  const options: SettleOptions = {
    calls,
    clock,
    reconcilers: reconcilers({
      source: objects.source(),
      ports: aws.ports,
      clock,
      controller,
      connectedTasks: (proxyKey) => aws.linkedTasks(proxyKey),
      reportsOn: () => [],
      onGrantWritten() {},
      onGrantAction() {},
    }),
  };
  await settle(decidable(objects), options);
  const idsBefore = inventedIDs(objects);

  clock.set(now + horizonMs);
  const changes = applyChange(objects, base, wanted, clock.now());
  const settled = await settle(decidable(objects), options);
  const invented = new Set([...idsBefore, ...inventedIDs(objects)]);
  const origins = new Map([...base, ...wanted].map(({ object, origin }) => [formatKey(keyOf(object)), origin]));
  const gone = [...changes].filter(([key]) => !settled.some((one) => formatKey(one.key) === key));
  return [
    ...settled.map(({ key, calls: made, outcome }) => stepOf(key, made, outcome)),
    ...gone.map(([key]) => stepOf(parseKey(key), [], { kind: "settled" })),
  ].filter(({ change, calls: made }) => change !== "none" || made.some(({ mutates }) => mutates));

  function stepOf(key: ObjectKey, made: readonly PlannedCall[], outcome: Outcome): PlannedStep {
    const change = changes.get(formatKey(key)) ?? "none";
    const waits = whyItWaits(outcome);
    const ready = getCondition(objects.get(key)?.status?.conditions, "Ready");
    return {
      key,
      origin: origins.get(formatKey(key)) ?? "",
      change,
      calls: made.map((call) => (invented.has(call.about) ? { ...call, about: unknownID } : call)),
      isRefused: outcome.kind === "refused",
      ...(waits === undefined ? {} : { waits }),
      ...(ready === undefined ? {} : { becomes: { reason: ready.reason, message: ready.message } }),
    };
  }
}

/** All objects but reviews of Grants that are not there yet: what these are a review of shows only then. */
function decidable(objects: PlanObjects): ObjectKey[] {
  return objects.keys().filter((key) => {
    const review = key.kind === "GrantReview" ? objects.get(key) : undefined;
    if (review?.kind !== "GrantReview") {
      return true;
    }
    const grant = { kind: "Grant", namespace: key.namespace, name: review.spec.grantRef.name } as const;
    return objects.get(grant) !== undefined && !objects.hasInventedUID(grant);
  });
}

/** Stands for the ID of a grant whose object is not there yet. */
const unknownID = "(the grant's ID)";

function inventedIDs(objects: PlanObjects): string[] {
  return objects
    .keys()
    .filter((key) => key.kind === "Grant" && objects.hasInventedUID(key))
    .map((key) => grantIDOf(objects.get(key)?.metadata.uid ?? ""));
}

function applyChange(
  objects: PlanObjects,
  base: readonly PlannedObject[],
  wanted: readonly PlannedObject[],
  now: EpochMs,
): Map<string, Change> {
  const changes = new Map<string, Change>();
  const before = new Map(base.map(({ object }) => [formatKey(keyOf(object)), object]));
  for (const planned of wanted) {
    const key = formatKey(keyOf(planned.object));
    const known = before.get(key);
    before.delete(key);
    if (known === undefined) {
      changes.set(key, "add");
    } else if (specDigest(known) !== specDigest(planned.object)) {
      changes.set(key, "change");
    }
    objects.put(planned, now);
  }
  for (const key of before.keys()) {
    changes.set(key, "remove");
    objects.remove(parseKey(key), now);
  }
  return changes;
}

/** What a person should know of an outcome other than convergence. */
function whyItWaits(outcome: Outcome): string | undefined {
  switch (outcome.kind) {
    case "settled":
      return undefined;
    case "waiting":
      return outcome.why;
    case "refused":
      return `${outcome.reason}: ${outcome.message}`;
    case "failed":
      return outcome.error.message;
  }
}
