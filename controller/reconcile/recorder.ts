import type { Kind } from "#kinds/index.ts";
import type { QueueRecorder } from "../queue/recorder.ts";
import type { Outcome } from "./reconciler.ts";

/** What happens in the loop, for metrics. */
export interface LoopRecorder {
  readonly queue: QueueRecorder;
  /** Workers were started; any of them takes any kind. */
  started(kinds: readonly Kind[], workers: number): void;
  runStarted(kind: Kind): void;
  /** `isDefect`: the run threw what only a mistake in the program throws. */
  runEnded(kind: Kind, outcome: Outcome["kind"], tookMs: number, isDefect: boolean): void;
  /** A run is still going at its deadline. */
  deadlinePassed(kind: Kind): void;
}
