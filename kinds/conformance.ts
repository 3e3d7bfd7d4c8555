import { getCondition, isTrue } from "./conditions.ts";
import type { Condition } from "./generated/condition.ts";

/** The part of an object that the rules look at. */
export interface Judged {
  readonly kind?: string;
  readonly metadata: { readonly name?: string; readonly generation?: number; readonly deletionTimestamp?: string };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly conditions?: readonly Condition[];
    readonly activationTime?: string;
    readonly deprovisionTime?: string;
  };
}

/** One rule: what an object must be, and the sentence that a broken one earns. */
interface Rule {
  readonly promise: string;
  readonly holds: (judged: Seen) => boolean;
}

interface Seen {
  readonly kind: string;
  readonly generation: number;
  readonly observedGeneration: number | undefined;
  readonly conditions: readonly Condition[];
  readonly ready: Condition | undefined;
  readonly stalled: Condition | undefined;
  readonly reconciling: Condition | undefined;
  readonly status: NonNullable<Judged["status"]>;
  readonly isDeleted: boolean;
}

/**
 * What tools that read conditions rely on: the Kubernetes API conventions ("Typical status properties"), kstatus, and what Flux checks of its
 * own controllers. They hold after every single write, not only at the end, since a tool may look at any moment.
 */
const rules: readonly Rule[] = [
  {
    promise: "an object that was looked at has a Ready condition",
    holds: ({ conditions, ready }) => conditions.length === 0 || ready !== undefined,
  },
  {
    promise: "a condition type stands once",
    holds: ({ conditions }) => new Set(conditions.map(({ type }) => type)).size === conditions.length,
  },
  {
    promise: "Reconciling and Stalled are there only while they are True",
    holds: ({ reconciling, stalled }) => [reconciling, stalled].every((found) => (found?.status ?? "True") === "True"),
  },
  {
    promise: "Reconciling and Stalled are never there together",
    holds: ({ reconciling, stalled }) => reconciling === undefined || stalled === undefined,
  },
  {
    promise: "Ready is not True while Reconciling or Stalled",
    holds: ({ ready, reconciling, stalled }) =>
      ready?.status !== "True" || (reconciling === undefined && stalled === undefined),
  },
  {
    promise: "Ready is False when Stalled, for the same reason",
    holds: ({ ready, stalled }) =>
      stalled === undefined || (ready?.status === "False" && ready.reason === stalled.reason),
  },
  {
    promise: "Ready is Unknown only while Reconciling",
    holds: ({ ready, reconciling }) => ready?.status !== "Unknown" || reconciling !== undefined,
  },
  {
    promise: "nothing is observed of a generation that is yet to come",
    holds: ({ generation, observedGeneration, conditions }) =>
      [observedGeneration, ...conditions.map((condition) => condition.observedGeneration)].every(
        (observed) => observed === undefined || observed <= generation,
      ),
  },
  {
    promise: "every condition says which generation it is about",
    holds: ({ conditions }) => conditions.every(({ observedGeneration }) => observedGeneration !== undefined),
  },
  {
    promise: "Ready that is True speaks of the generation that the status was settled for",
    holds: ({ ready, observedGeneration }) =>
      ready?.status !== "True" || ready.observedGeneration === observedGeneration,
  },
  {
    promise: "an object that is Stalled was settled: its generation is observed",
    holds: ({ stalled, observedGeneration, isDeleted }) =>
      stalled === undefined || isDeleted || stalled.observedGeneration === observedGeneration,
  },
  {
    promise: "a reason is one CamelCase word",
    holds: ({ conditions }) => conditions.every(({ reason }) => /^[A-Z][A-Za-z0-9]*$/.test(reason)),
  },
  {
    promise: "whoever is not Ready is told why in a sentence",
    holds: ({ ready }) => ready === undefined || ready.status === "True" || /\S[.!?:)]?$/.test(ready.message),
  },
  {
    promise: "lastTransitionTime is an RFC 3339 instant",
    holds: ({ conditions }) => conditions.every(({ lastTransitionTime }) => isInstant(lastTransitionTime)),
  },
  {
    promise: "a Grant says whether its access is Active wherever it says whether it is Ready",
    holds: ({ kind, ready, conditions }) =>
      kind !== "Grant" || ready === undefined || getCondition(conditions, "Active") !== undefined,
  },
  {
    promise: "a Grant is Active only after its activation, and not once its end is confirmed and shown",
    holds: ({ kind, conditions, status, reconciling }) =>
      kind !== "Grant" ||
      !isTrue(conditions, "Active") ||
      (status.activationTime !== undefined && (status.deprovisionTime === undefined || reconciling !== undefined)),
  },
];

/** What is wrong with the object's status, a sentence each; empty when it is as tools expect. An object never looked at is. */
export function conformanceProblems(object: Judged): readonly string[] {
  const { kind = "", metadata, status = {} } = object;
  const conditions = status.conditions ?? [];
  const seen: Seen = {
    kind,
    generation: metadata.generation ?? 0,
    observedGeneration: status.observedGeneration,
    conditions,
    ready: getCondition(conditions, "Ready"),
    stalled: getCondition(conditions, "Stalled"),
    reconciling: getCondition(conditions, "Reconciling"),
    status,
    isDeleted: metadata.deletionTimestamp !== undefined,
  };
  return rules.flatMap(({ promise, holds }) => (holds(seen) ? [] : [promise]));
}

/** Throws an `Error` with the broken promises and the conditions as they are. */
export function assertConformance(object: Judged): void {
  const problems = conformanceProblems(object);
  if (problems.length > 0) {
    const name = `${object.kind ?? "object"} ${object.metadata.name ?? ""}`;
    const list = problems.map((problem) => `- ${problem}`).join("\n");
    throw new Error(`the status of ${name} breaks:\n${list}\n${JSON.stringify(object.status, undefined, 2)}`);
  }
}

function isInstant(text: string): boolean {
  return (
    /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,3})?(Z|[+-]\d{2}:\d{2})$/.test(text) && !Number.isNaN(Date.parse(text))
  );
}
