import type { CursorStore } from "#audit/sinks/cursor.ts";
import type { RecordLine } from "#audit/sinks/record-line.ts";
import { recordSource, type RecordStore } from "#audit/sinks/record-source.ts";
import { type RunnerStatus, SinkRunner } from "#audit/sinks/runner.ts";
import { StoreWatch } from "#audit/sinks/store-watch.ts";
import type { ControllerWorld } from "../world.ts";
import { openSink } from "./open-sink.ts";
import { sinkProblems } from "./problems.ts";

/** Where sinks read, and where they write down how far they are. */
export interface SinksOptions {
  readonly store: RecordStore;
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

/** Starts a runner for each sink that was asked for. */
export async function startSinks(world: ControllerWorld, options: SinksOptions): Promise<Sinks> {
  const { clock, log, newID, telemetry, options: chosen } = world;
  const { store, cursors, oldest, pass } = options;
  const watch = new StoreWatch({ newest: () => store.newest(), clock, log });
  const runners: SinkRunner<RecordLine>[] = [];
  for (const sink of chosen.sinks) {
    const { name, from, limits } = sink;
    // Each has a source of its own: what one remembers of sessions follows where it is.
    const source = recordSource({ store, watch, installation: chosen.installation, oldest });
    runners.push(
      new SinkRunner({
        name,
        source,
        sink: await openSink(sink, world),
        cursors,
        limits,
        from,
        clock,
        random: Math.random,
        // Part of names of files and objects, where a dash separates.
        newID: () => newID().replaceAll("-", "").slice(0, 12),
        log,
        recorder: telemetry?.sinks,
        pass,
      }),
    );
  }
  const notifying = options.more?.(watch) ?? [];
  const all = [...runners, ...notifying];
  const status = (): RunnerStatus[] => all.map((runner) => runner.status());
  if (all.length > 0) {
    watch.start();
    telemetry?.observeSinks(status);
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
    },
  };
}
