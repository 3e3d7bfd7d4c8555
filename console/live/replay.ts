import { isRunning, type Row } from "./rows.ts";

/** A replay at one moment of a session. Times are milliseconds since 1970, by the proxy's clock. */
export interface Replay {
  readonly atMs: number;
  readonly isPlaying: boolean;
  /** Milliseconds of the session for each of the person's. */
  readonly speed: number;
  /** Leaves out what is longer than `pauseMs` between two statements. */
  readonly skipsPauses: boolean;
}

export const speeds = [1, 2, 5, 20, 100] as const;

/** A pause that is worth waiting for; longer ones are cut to it. */
export const pauseMs = 2_000;

/** When each row of a list happened. Kept beside the list and only added to, since the rows of a session are many and their texts are not parsed twice. */
export class RowTimes {
  #rows: readonly Row[] = [];
  #times: number[] = [];

  /** Times of the rows, in the list's order, never going back: the proxy's clock may have been put back. */
  of(rows: readonly Row[]): readonly number[] {
    if (rows !== this.#rows || rows.length < this.#times.length) {
      this.#rows = rows;
      this.#times = [];
    }
    for (let index = this.#times.length; index < rows.length; index += 1) {
      const time = Date.parse((rows[index] as Row).time);
      const before = this.#times[index - 1] ?? Number.NEGATIVE_INFINITY;
      this.#times.push(Number.isNaN(time) ? before : Math.max(before, time));
    }
    return this.#times;
  }
}

/** How many of the rows had happened by then. */
export function countUntil(times: readonly number[], atMs: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] as number) <= atMs) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/** The replay after `elapsedMs` of the person's time. Stops at the end. Pure. */
export function advance(replay: Replay, elapsedMs: number, times: readonly number[]): Replay {
  const end = times.at(-1);
  if (!replay.isPlaying || end === undefined) {
    return replay;
  }
  let atMs = replay.atMs + elapsedMs * replay.speed;
  const next = times[countUntil(times, replay.atMs)];
  if (replay.skipsPauses && next !== undefined && next - atMs > pauseMs) {
    atMs = next - pauseMs;
  }
  return atMs >= end ? { ...replay, atMs: end, isPlaying: false } : { ...replay, atMs };
}

/** A moment to go to: the statement before (-1) or after (1) this one. */
export function stepped(replay: Replay, times: readonly number[], direction: -1 | 1): Replay {
  const count = countUntil(times, replay.atMs);
  const target = direction === 1 ? times[count] : times.findLast((time) => time < (times[count - 1] ?? 0));
  const atMs = target ?? (direction === 1 ? times.at(-1) : times[0]) ?? replay.atMs;
  return { ...replay, atMs, isPlaying: false };
}

/** Statements that can run at once in one session are few: pipelined ones. */
const concurrentMax = 64;

/** The rows as they were then: what had not ended yet still runs. */
export function rowsAt(rows: readonly Row[], times: readonly number[], atMs: number): Row[] {
  const shown = rows.slice(0, countUntil(times, atMs));
  for (let index = Math.max(0, shown.length - concurrentMax); index < shown.length; index += 1) {
    const row = shown[index] as Row;
    if (row.kind === "statement" && !isRunning(row) && Date.parse(row.endTime ?? "") > atMs) {
      const { outcome: _outcome, rows: _rows, durationMs: _duration, message: _message, tag: _tag, ...begun } = row;
      shown[index] = begun;
    }
  }
  return shown;
}
