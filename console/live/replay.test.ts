import { expect, it } from "vitest";
import { advance, countUntil, pauseMs, type Replay, rowsAt, RowTimes, stepped } from "./replay.ts";
import { endedRow, statementRow } from "./rows.ts";
import { anEnd, aStart } from "./testing.ts";

const times = [1_000, 1_100, 60_000, 60_500];
const playing: Replay = { atMs: 1_000, isPlaying: true, speed: 1, skipsPauses: false };

it("goes on as fast as it was asked to, and stops at the end", () => {
  const fast = advance({ ...playing, speed: 20 }, 100, times);
  const end = advance({ ...playing, speed: 100 }, 1_000, times);

  expect(fast.atMs).toBe(3_000);
  expect(end).toMatchObject({ atMs: 60_500, isPlaying: false });
});

it("cuts long pauses short, never what happened", () => {
  const skipped = advance({ ...playing, atMs: 1_100, skipsPauses: true }, 10, times);
  const before = advance({ ...playing, skipsPauses: true }, 10, times);

  expect(skipped.atMs).toBe(60_000 - pauseMs);
  expect(before.atMs).toBe(1_010);
});

it("stands still while it is paused", () => {
  expect(advance({ ...playing, isPlaying: false }, 1_000, times).atMs).toBe(1_000);
});

it("steps from statement to statement, and no further than the ends", () => {
  const walk = [1, 1, 1, 1, -1, -1, -1, -1] as const;

  const seen = walk.reduce<Replay[]>(
    (all, direction) => [...all, stepped(all.at(-1) ?? playing, times, direction)],
    [],
  );

  expect(seen.map(({ atMs }) => atMs)).toEqual([1_100, 60_000, 60_500, 60_500, 60_000, 1_100, 1_000, 1_000]);
});

it("shows what had begun by then, and what had not ended as running", () => {
  const rows = [1, 2].map((number) => {
    const start = aStart(2 * number, number, { time: new Date(number * 1_000).toISOString() });
    return endedRow(
      statementRow(number, start),
      anEnd(9, number, { time: new Date(number * 1_000 + 500).toISOString() }),
    );
  });
  const at = new RowTimes().of(rows);

  expect(rowsAt(rows, at, 1_600).map((row) => row.kind === "statement" && row.outcome)).toEqual(["ok"]);
  expect(rowsAt(rows, at, 2_100).map((row) => row.kind === "statement" && row.outcome)).toEqual(["ok", undefined]);
  expect(rowsAt(rows, at, 2_500).map((row) => row.kind === "statement" && row.outcome)).toEqual(["ok", "ok"]);
});

it("knows the times of rows as they come, and that time does not go back", () => {
  const known = new RowTimes();
  const rows = [statementRow(1, aStart(1, 1, { time: "2026-01-01T00:00:10Z" }))];
  const first = [...known.of(rows)];
  rows.push(statementRow(2, aStart(2, 2, { time: "2026-01-01T00:00:05Z" })));

  const second = known.of(rows);

  expect(second).toEqual([first[0], first[0]]);
  expect(countUntil(second, first[0] ?? 0)).toBe(2);
});
