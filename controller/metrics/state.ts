import { isTrue, type Condition, type Grant } from "#kinds/index.ts";
import type { Clock, EpochMs } from "#lib/clock.ts";
import type { MetricRegistry, Sample } from "#lib/metrics/registry.ts";
import { phaseOf } from "../reconcile/grant/phase.ts";
import type { FolderProgress } from "../source/folder/reports.ts";
import type { Source } from "../source/source.ts";
import { conditionKinds, grantStates, ownMetrics, type GrantState } from "./definitions.ts";
import { type LinkedProxy, showProxies } from "./proxies.ts";

/** How far a source is with what it follows; times are monotonic milliseconds, as the cluster's reflectors have them. */
export interface ReflectorView {
  /** Such as `grants`, or `team-a/grants` where only some namespaces are followed. */
  readonly name: string;
  readonly lastListMs: number | undefined;
  readonly lastEventMs: number | undefined;
}

/** What gauges are read from, at the moment of a scrape. */
export interface ObservedState {
  readonly source: Pick<Source, "list" | "held" | "problems">;
  readonly isSynced: () => boolean;
  readonly linked: () => readonly LinkedProxy[];
  /** Absent: the source has none. */
  readonly reflectors?: () => readonly ReflectorView[];
  /** Absent: there is no folder. */
  readonly folder?: () => FolderProgress;
  /** How many orphans wait for a person's word. */
  readonly orphans?: () => number;
}

/** Gauges of what is, read when they are asked for: an object that is gone is gone from them too. */
export function showState(registry: MetricRegistry, state: ObservedState, clock: Clock): void {
  const { source } = state;
  const grants = (): Grant[] => source.list("Grant").map(({ object }) => object);
  registry.gaugeAtScrape(ownMetrics.grants, () => countStates(grants()));
  registry.gaugeAtScrape(ownMetrics.oldest, () => oldest(grants(), clock.now()));
  registry.gaugeAtScrape(ownMetrics.grantConditions, () => countConditions(grants()));
  registry.gaugeAtScrape(ownMetrics.condition, () => objectConditions(source));
  registry.gaugeAtScrape(ownMetrics.held, () => [{ labels: {}, value: source.held()?.keys.length ?? 0 }]);
  registry.gaugeAtScrape(ownMetrics.problems, () => [{ labels: {}, value: source.problems().length }]);
  registry.gaugeAtScrape(ownMetrics.synced, () => [{ labels: {}, value: state.isSynced() ? 1 : 0 }]);
  registry.gaugeAtScrape(ownMetrics.orphans, () => [{ labels: {}, value: state.orphans?.() ?? 0 }]);
  showReflectors(registry, state, clock);
  showFolder(registry, state, clock);
  showProxies(registry, state);
}

function showReflectors(registry: MetricRegistry, { reflectors = () => [] }: ObservedState, clock: Clock): void {
  const at = (pick: (view: ReflectorView) => number | undefined) => (): Sample<"reflector">[] =>
    reflectors().flatMap((view) => {
      const sinceMs = pick(view);
      return sinceMs === undefined ? [] : [{ labels: { reflector: view.name }, value: wallSeconds(sinceMs, clock) }];
    });
  registry.gaugeAtScrape(
    ownMetrics.lastList,
    at((view) => view.lastListMs),
  );
  registry.gaugeAtScrape(
    ownMetrics.lastEvent,
    at((view) => view.lastEventMs),
  );
}

/** Wall time, in seconds, of a moment on the monotonic clock. */
function wallSeconds(monotonicMs: number, clock: Clock): number {
  return (clock.now() - (clock.monotonicMs() - monotonicMs)) / 1_000;
}

function showFolder(registry: MetricRegistry, { folder }: ObservedState, clock: Clock): void {
  const of = <L extends string>(samples: (progress: FolderProgress) => Sample<L>[]): Sample<L>[] =>
    folder === undefined ? [] : samples(folder());
  registry.gaugeAtScrape(ownMetrics.folderRead, () =>
    of(({ lastReadMs }) => [{ labels: {}, value: lastReadMs === undefined ? 0 : wallSeconds(lastReadMs, clock) }]),
  );
  registry.gaugeAtScrape(ownMetrics.folderFiles, () =>
    of(({ files, filesWithProblems }) => [
      { labels: { state: "accepted" }, value: files - filesWithProblems },
      { labels: { state: "problem" }, value: filesWithProblems },
    ]),
  );
}

function countStates(grants: readonly Grant[]): Sample<"state">[] {
  const counts = new Map<GrantState, number>();
  for (const grant of grants) {
    const state = stateOf(grant);
    counts.set(state, (counts.get(state) ?? 0) + 1);
  }
  return grantStates.map((state) => ({ labels: { state }, value: counts.get(state) ?? 0 }));
}

function stateOf(grant: Grant): GrantState {
  const phase = phaseOf(grant);
  const isGiven = phase === "Live" || phase === "Revoking" || phase === "Ended";
  return !isGiven && isTrue(grant.status?.conditions, "Stalled") ? "refused" : (phase.toLowerCase() as GrantState);
}

function oldest(grants: readonly Grant[], now: EpochMs): Sample<"state">[] {
  const ages = { provisioning: 0, revoking: 0 };
  for (const grant of grants) {
    const state = stateOf(grant);
    if (state === "provisioning" || state === "revoking") {
      ages[state] = Math.max(ages[state], now - sinceOf(grant, state, now));
    }
  }
  return Object.entries(ages).map(([state, ageMs]) => ({ labels: { state }, value: ageMs / 1_000 }));
}

function sinceOf({ spec, status }: Grant, state: "provisioning" | "revoking", now: EpochMs): EpochMs {
  const times =
    state === "revoking" ? [status?.end?.time] : [status?.approvalTime ?? status?.requestTime, spec.startTime];
  const known = times.flatMap((time) => (time === undefined ? [] : [Date.parse(time)]));
  return known.length === 0 ? now : Math.max(...known);
}

function countConditions(grants: readonly Grant[]): Sample<"type" | "status" | "reason">[] {
  const counts = new Map<string, Sample<"type" | "status" | "reason"> & { value: number }>();
  for (const grant of grants.filter((each) => phaseOf(each) !== "Ended")) {
    for (const { type, status, reason } of grant.status?.conditions ?? []) {
      const key = `${type} ${status} ${reason}`;
      const count = counts.get(key) ?? { labels: { type, status, reason }, value: 0 };
      count.value += 1;
      counts.set(key, count);
    }
  }
  return [...counts.values()];
}

const statuses = ["True", "False", "Unknown"] as const satisfies readonly Condition["status"][];

/** As Flux's `gotk_reconcile_condition`: one series for each status that the condition can have, so that none is ever missing. */
function* objectConditions(
  source: Pick<Source, "list">,
): Generator<Sample<"kind" | "namespace" | "name" | "type" | "status">> {
  for (const kind of conditionKinds) {
    for (const { object } of source.list(kind)) {
      const { namespace, name } = object.metadata;
      for (const condition of object.status?.conditions ?? []) {
        for (const status of statuses) {
          const labels = { kind, namespace, name, type: condition.type, status };
          yield { labels, value: condition.status === status ? 1 : 0 };
        }
      }
    }
  }
}
