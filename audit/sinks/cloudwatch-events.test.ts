import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fuzzSeed } from "#test/harness/fuzz-seed.ts";
import { logCalls, putLogEventsLimits as limits } from "./cloudwatch-events.ts";
import type { RecordLine } from "./record-line.ts";
import type { SinkItem } from "./sink.ts";

const nowMs = Date.UTC(2026, 5, 15);
const hourMs = 3_600_000;

function item(position: number, timeMs: number, text = "x"): SinkItem<RecordLine> {
  const line = JSON.stringify({ id: `id-${position}`, text });
  const value = { id: `id-${position}`, line, kind: "gap", timeMs, storeSeq: position, proxy: "default/main" };
  return { position, id: value.id, receivedMs: timeMs, bytes: Buffer.byteLength(line), value };
}

describe("calls of PutLogEvents", () => {
  it("keep every limit and every record, in the order of positions from call to call, whatever comes", () => {
    const items = fc.array(
      fc.record({
        hours: fc.integer({ min: -500, max: 40 }),
        text: fc.oneof(
          { weight: 5, arbitrary: fc.string({ unit: "grapheme", maxLength: 200 }) },
          { weight: 1, arbitrary: fc.integer({ min: 100_000, max: 600_000 }).map((size) => 'é"'.repeat(size / 3)) },
        ),
      }),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(items, (given) => {
        const all = given.map(({ hours, text }, index) => item(index + 1, nowMs + hours * hourMs, text));

        const calls = logCalls(all, nowMs);

        for (const { events } of calls) {
          const sizes = events.map(({ message }) => Buffer.byteLength(message) + limits.overheadBytes);
          const times = events.map(({ timestamp }) => timestamp);
          expect(events.length).toBeLessThanOrEqual(limits.events);
          expect(Math.max(...sizes)).toBeLessThanOrEqual(limits.eventBytes);
          expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(limits.bytes);
          expect(times).toEqual(times.toSorted((one, other) => one - other));
          expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeLessThanOrEqual(limits.spanMs);
          expect(times[0]).toBeGreaterThan(nowMs - 14 * 24 * hourMs);
          expect(times.at(-1)).toBeLessThan(nowMs + 2 * hourMs);
        }
        expect(joined(calls.flatMap(({ events }) => events.map(({ message }) => message))).toSorted()).toEqual(
          all.map(({ value }) => value.line).toSorted(),
        );
        expect(calls.at(-1)?.upTo ?? 0).toBe(all.length);
      }),
      { seed: fuzzSeed, numRuns: 40 },
    );
  });

  it("have ten thousand events at most", () => {
    const items = Array.from({ length: limits.events + 1 }, (_, index) => item(index + 1, nowMs));

    expect(logCalls(items, nowMs).map(({ events, upTo }) => [events.length, upTo])).toEqual([
      [10_000, 10_000],
      [1, 10_001],
    ]);
  });

  it("confirm no record before all its parts are there", () => {
    const large = item(2, nowMs, "y".repeat(1_500_000));

    const calls = logCalls([item(1, nowMs), large], nowMs);

    expect(calls.map(({ upTo }) => upTo)).toEqual([1, 2]);
  });
});

/** Lines again: parts are put together as docs/sinks.md says. */
function joined(messages: readonly string[]): string[] {
  const parts = new Map<string, string[]>();
  const whole: string[] = [];
  for (const message of messages) {
    const value = JSON.parse(message) as { id: string; part?: number; data?: string };
    if (value.part === undefined) {
      whole.push(message);
    } else {
      const found = parts.get(value.id) ?? [];
      found[value.part] = value.data ?? "";
      parts.set(value.id, found);
    }
  }
  return [...whole, ...[...parts.values()].map((pieces) => pieces.join(""))];
}
