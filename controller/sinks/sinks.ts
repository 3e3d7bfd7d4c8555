import type { HeadReader } from "#audit/head-place.ts";
import type { CursorStore } from "#audit/sinks/cursor.ts";
import { headSource, headsName } from "#audit/sinks/head-source.ts";
import type { RecordLine } from "#audit/sinks/record-line.ts";
import { recordSource, type RecordStore } from "#audit/sinks/record-source.ts";
import { type RunnerOptions, type RunnerStatus, SinkRunner } from "#audit/sinks/runner.ts";
import type { SinkOptions } from "#audit/sinks/sink-options.ts";
import { StoreWatch } from "#audit/sinks/store-watch.ts";
import type { ControllerWorld } from "../world.ts";
import { openSink } from "./open-sink.ts";
import { sinkProblems } from "./problems.ts";

/** Where sinks read, and where they write down how far they are. */
export interface SinksOptions {
  readonly store: RecordStore;
  /** The signed head log of that store: its lines go to every sink, after the records that they vouch for. */
  readonly heads: HeadReader;
  readonly cursors: CursorStore;
  /** Lowest position that retention has left. Absent: nothing is ever removed. */
  readonly oldest?: () => Promise<number>;
  /** Asked before each delivery and each move of a cursor; throws unless this process may. Absent: it always may. */
  readonly pass?: () => void;
  /** More runners over the same store: notifications. They keep nothing from retention. */
  readonly more?: (watch: StoreWatch) => readonly NotifyRunner[];
}

/** What of a runner is of use whatever it delivers. */
export type NotifyRunner = Pick<SinkRunner<unknown>, "name" | "start" | "stop" | "status">;

/** The audit sinks that run in this process. */
export interface Sinks {
  status(): readonly RunnerStatus[];
  /** What a person must look at, a sentence each. */
  problems(): readonly string[];
  /** Lowest position that some sink still needs: retention keeps it and what follows. Undefined where there is no sink. */
  positionNeeded(): number | undefined;
  /** Delivers what is there, as far as destinations answer within seconds. The store must still be open. */
  stop(): Promise<void>;
}

/** Starts two runners for each sink that was asked for: one for the records, one for the signed heads. */
export async function startSinks(world: ControllerWorld, options: SinksOptions): Promise<Sinks> {
  const { clock, log, telemetry, options: chosen } = world;
  const { store, heads } = options;
  const watch = new StoreWatch({ newest: () => store.newest(), clock, log });
  const headWatch = new StoreWatch({ newest: () => heads.newest(), clock, log });
  const runners: SinkRunner<RecordLine>[] = [];
  const headRunners: SinkRunner<RecordLine>[] = [];
  for (const sink of chosen.sinks) {
    const records = await recordRunner(sink, world, options, watch);
    runners.push(records);
    headRunners.push(await headRunner(sink, world, options, { watch: headWatch, records }));
  }
  const notifying = options.more?.(watch) ?? [];
  const all = [...runners, ...headRunners, ...notifying];
  const status = (): RunnerStatus[] => all.map((runner) => runner.status());
  if (all.length > 0) {
    watch.start();
    telemetry?.observeSinks(status);
  }
  if (headRunners.length > 0) {
    headWatch.start();
  }
  for (const runner of all) {
    runner.start();
    log.info("an audit sink runs", { sink: runner.name });
  }
  return {
    status,
    problems: () => sinkProblems(status(), clock.now()),
    positionNeeded: () =>
      runners.length === 0 ? undefined : Math.min(...runners.map((runner) => runner.positionNeeded())),
    async stop() {
      await Promise.all(all.map((runner) => runner.stop()));
      watch.stop();
      headWatch.stop();
    },
  };
}

async function recordRunner(
  sink: SinkOptions,
  world: ControllerWorld,
  { store, oldest, cursors, pass }: SinksOptions,
  watch: StoreWatch,
): Promise<SinkRunner<RecordLine>> {
  // Each has a source of its own: what one remembers of sessions follows where it is.
  const source = recordSource({ store, watch, installation: world.options.installation, oldest });
  const { name, from } = sink;
  const destination = await openSink(sink, world, "audit");
  return new SinkRunner({ ...common(sink, world), name, from, source, sink: destination, cursors, pass });
}

/** Begins at the first line also where records begin now: what each line vouches for depends on all before it. */
async function headRunner(
  sink: SinkOptions,
  world: ControllerWorld,
  { store, heads, cursors, pass }: SinksOptions,
  { watch, records }: { readonly watch: StoreWatch; readonly records: SinkRunner<RecordLine> },
): Promise<SinkRunner<RecordLine>> {
  const name = headsName(sink.name);
  const source = headSource({
    heads,
    watch,
    installation: world.options.installation,
    newestRecord: () => store.newest(),
    confirmed: () => records.status().position,
    cursor: () => cursors.read(name),
    clock: world.clock,
  });
  const options = common(sink, world);
  const newID = (): string => `heads${options.newID()}`;
  const destination = await openSink(sink, world, "heads");
  return new SinkRunner({ ...options, name, from: "beginning", source, sink: destination, cursors, pass, newID });
}

type Common = Pick<RunnerOptions<RecordLine>, "limits" | "clock" | "random" | "newID" | "log" | "recorder">;

function common({ limits }: SinkOptions, { clock, newID, log, telemetry }: ControllerWorld): Common {
  return {
    limits,
    clock,
    random: Math.random,
    // Part of names of files and objects, where a dash separates.
    newID: () => newID().replaceAll("-", "").slice(0, 12),
    log,
    recorder: telemetry?.sinks,
  };
}
