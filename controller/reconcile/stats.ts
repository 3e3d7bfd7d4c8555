import type { Kind } from "#kinds/index.ts";
import type { Outcome } from "./reconciler.ts";
import type { WorkQueue } from "../queue/queue.ts";

/** Counters of one kind since the start. */
interface KindStats {
  /** Runs that ended, by outcome. */
  readonly outcomes: Readonly<Record<Outcome["kind"], number>>;
  /** Runs that were still going at their deadline. */
  readonly deadlines: number;
  /** Time spent in runs that ended, in milliseconds, by the monotonic clock. */
  readonly busyMs: number;
}

/** What the loop knows about itself; metrics are made of it. */
export interface LoopStats {
  readonly kinds: ReadonlyMap<Kind, KindStats>;
  readonly queue: ReturnType<WorkQueue["depth"]>;
  /** Runs that are going on. */
  readonly running: number;
  /** How long the oldest of them has been going on, in milliseconds; 0 where none is. */
  readonly oldestRunMs: number;
  /** Monotonic time, in milliseconds, at which a run last ended or the loop was last seen with nothing to do. */
  readonly lastProgressMs: number;
  /** Whether every worker has been busy with one run for longer than any run may take: the process should be restarted. */
  readonly stuck: boolean;
}

/** Adds up what runs came to. */
export interface StatsRecorder {
  ended(kind: Kind, outcome: Outcome["kind"], tookMs: number): void;
  deadline(kind: Kind): void;
  kinds(): ReadonlyMap<Kind, KindStats>;
}

/** A recorder that starts at zero. */
export function createStats(): StatsRecorder {
  const byKind = new Map<Kind, { outcomes: Record<Outcome["kind"], number>; deadlines: number; busyMs: number }>();
  const of = (kind: Kind) => {
    const known = byKind.get(kind) ?? {
      outcomes: { settled: 0, waiting: 0, refused: 0, failed: 0 },
      deadlines: 0,
      busyMs: 0,
    };
    byKind.set(kind, known);
    return known;
  };
  return {
    ended(kind, outcome, tookMs) {
      of(kind).outcomes[outcome] += 1;
      of(kind).busyMs += tookMs;
    },
    deadline(kind) {
      of(kind).deadlines += 1;
    },
    kinds: () => byKind,
  };
}
