import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { StatementEvent, StatementList } from "#wire/control-api.ts";
import type { Api } from "../api/client.ts";
import type { StreamState } from "../api/follow.ts";
import { asProblem, type Problem } from "../api/problem.ts";
import type { Query } from "../api/query.ts";
import { useApi } from "../session/session.tsx";
import { defaultLimits, type LogLimits, StatementLog } from "./statement-log.ts";
import { useFrame } from "./use-frame.ts";

/** Statements that a view begins with, and that each step back brings. */
export const pageSize = 200;

/** A view of the trail that follows it. */
export interface Tail {
  readonly log: StatementLog;
  /** Counts the changes that are to be drawn. */
  readonly version: number;
  /** `held`: the view is full and somebody reads it; what comes waits at the controller. */
  readonly state: StreamState | "held";
  readonly problem: Problem | undefined;
  /** Brings statements from before the first row. False: there are none. */
  readonly loadEarlier: () => Promise<boolean>;
  readonly hasEarlier: boolean;
}

export interface TailOptions {
  /** Which records: `grantID`, `session`. */
  readonly filter: Query;
  /** Position after which the view begins; absent: `pageSize` statements back. */
  readonly after?: number;
  /** Somebody reads: nothing may be let go under their eyes. */
  readonly isReading: boolean;
  readonly limits?: LogLimits;
}

/** Follows the trail from a little before its end, or from a position. Begins anew when the filter changes. */
export function useTail({ filter, after, isReading, limits = defaultLimits }: TailOptions): Tail {
  const api = useApi();
  const [version, draw] = useFrame();
  const log = useRef(new StatementLog(undefined, [], limits));
  const [status, setStatus] = useState<{ state: Tail["state"]; problem?: Problem }>({ state: "connecting" });
  const [hasEarlier, setHasEarlier] = useState(false);
  const [isHeld, setHeld] = useState(false);
  const reading = useRef(isReading);
  reading.current = isReading;
  const filterKey = JSON.stringify(filter);
  const begun = useRef<string | undefined>(undefined);
  useEffect(() => {
    if (isHeld) {
      return undefined;
    }
    const over = new AbortController();
    const run = async (): Promise<void> => {
      if (begun.current !== filterKey) {
        const start = await beginning(api, filter, after, limits, over.signal);
        if (over.signal.aborted) {
          return;
        }
        log.current = start.log;
        begun.current = filterKey;
        setHasEarlier(start.hasEarlier);
      }
      followInto(api, filter, {
        log: log.current,
        signal: over.signal,
        onChange: draw,
        onState: (state, problem) => setStatus(problem === undefined ? { state } : { state, problem }),
        isHolding: () => reading.current,
        onHeld: () => {
          setHeld(true);
          setStatus({ state: "held" });
        },
      });
    };
    run().catch((error: unknown) => {
      if (!over.signal.aborted) {
        setStatus({ state: "refused", problem: asProblem(error) });
      }
    });
    return () => over.abort();
  }, [api, filterKey, after, isHeld]);
  useEffect(() => {
    if (!isReading) {
      setHeld(false);
    }
  }, [isReading]);
  const loadEarlier = useCallback(async (): Promise<boolean> => {
    const page = await api.get<StatementList>("/v1/audit/statements", {
      ...filter,
      limit: pageSize,
      after: log.current.earlierThan,
    });
    const count = log.current.prepend(page.items);
    setHasEarlier(page.next !== undefined);
    draw();
    return count > 0;
  }, [api, filterKey]);
  return { log: log.current, version, state: status.state, problem: status.problem, loadEarlier, hasEarlier };
}

/** Where a view begins, and what is known of the statements that ran then. */
async function beginning(
  api: Api,
  filter: Query,
  after: number | undefined,
  limits: LogLimits,
  signal: AbortSignal,
): Promise<{ log: StatementLog; hasEarlier: boolean }> {
  if (after !== undefined) {
    return { log: new StatementLog(after, [], limits), hasEarlier: false };
  }
  const page = await api.get<StatementList>("/v1/audit/statements", { ...filter, limit: pageSize }, signal);
  const oldest = page.items.at(-1);
  const from = oldest === undefined ? undefined : oldest.storeSeq - 1;
  return { log: new StatementLog(from, page.items, limits), hasEarlier: page.next !== undefined };
}

interface Following {
  readonly log: StatementLog;
  readonly signal: AbortSignal;
  readonly onChange: () => void;
  readonly onState: (state: StreamState, problem?: Problem) => void;
  /** Whether a full log must not let go of rows. */
  readonly isHolding: () => boolean;
  readonly onHeld: () => void;
}

function followInto(api: Api, filter: Query, following: Following): void {
  const { log, signal, onChange, onState, isHolding, onHeld } = following;
  const stop = new AbortController();
  let isFirst = log.position === undefined;
  api.follow<StatementEvent>("/v1/audit/tail", {
    // Without a position a tail begins at the newest record: its first heartbeat says where that is.
    query: () => (log.position === undefined ? filter : { ...filter, after: log.position }),
    signal: AbortSignal.any([signal, stop.signal]),
    onState,
    onLines(events) {
      if (isHolding() && log.isFull) {
        // Not taken: the next connection begins with them.
        stop.abort();
        onHeld();
        return;
      }
      log.take(events);
      onChange();
      if (isFirst) {
        isFirst = false;
        // What came between the search that found nothing and the beginning of the tail.
        void catchUp(api, filter, log, signal).then(onChange, () => {});
      }
    },
  });
}

async function catchUp(api: Api, filter: Query, log: StatementLog, signal: AbortSignal): Promise<void> {
  const begun = log.position ?? 0;
  const page = await api.get<StatementList>("/v1/audit/statements", { ...filter, limit: pageSize }, signal);
  log.learn(page.items);
  log.prepend(page.items.filter(({ storeSeq }) => storeSeq <= begun));
}
