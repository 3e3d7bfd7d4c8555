import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { StatementEvent } from "#wire/control-api.ts";
import type { StatementRow } from "./rows.ts";
import { StatementLog } from "./statement-log.ts";
import { aStart, aWhole, anEnd, anEvent } from "./testing.ts";

function shown(log: StatementLog): string[] {
  return log.rows.map((row) => (row.kind === "statement" ? `${row.statement} ${row.outcome ?? "runs"}` : row.kind));
}

describe("a statement log", () => {
  it("updates the row of a statement in place when its end arrives, and keeps its text", () => {
    const log = new StatementLog(0);
    log.take([aStart(1, 1), aStart(2, 2)]);
    const before = shown(log);

    log.take([anEnd(3, 1, { rows: 7 })]);

    expect(before).toEqual(["1 runs", "2 runs"]);
    expect(shown(log)).toEqual(["1 ok", "2 runs"]);
    expect(log.rows[0]).toMatchObject({ sql: "select 1", rows: 7, storeSeq: 1, lastSeq: 3, time: aStart(1, 1).time });
  });

  it("shows sessions' beginnings and ends, and missing records, as rows of their own", () => {
    const log = new StatementLog(0);

    log.take([anEvent(1, "session-open"), aStart(2, 1), anEvent(3, "gap", { message: "4 records are missing" })]);
    log.take([anEvent(4, "session-close", { message: "client-closed" }), anEvent(9, "heartbeat")]);

    expect(shown(log)).toEqual(["session-open", "1 runs", "gap", "session-close"]);
    expect(log.position).toBe(9);
  });

  it("shows each event once however often a tail is cut and resumed", () => {
    const events = story(40).map((event, index) => (index % 8 === 7 ? anEvent(event.storeSeq, "gap") : event));
    fc.assert(
      fc.property(fc.array(fc.nat(events.length), { maxLength: 6 }), fc.nat(5), (cuts, overlap) => {
        const log = new StatementLog(0);
        for (const cut of [...cuts, events.length]) {
          // A server that gives a little of what was had already must do no harm either.
          const from = events.findIndex((event) => event.storeSeq > (log.position ?? 0) - overlap);
          log.take(from < 0 ? [] : events.slice(from, Math.max(from, cut)));
        }

        const whole = new StatementLog(0);
        whole.take(events);
        expect(log.rows).toEqual(whole.rows);
      }),
    );
  });

  it("tells a tail that begins with the first record of all from one that begins at the newest", () => {
    const newest = new StatementLog(undefined);
    const before = newest.position;

    newest.take([anEvent(7, "heartbeat")]);

    expect([before, newest.position, new StatementLog(0).position]).toEqual([undefined, 7, 0]);
  });

  it("gives an end without its start the text that a search found", () => {
    const log = new StatementLog(10, [{ ...aStart(9, 1), parameters: ["7"] }]);

    log.take([anEnd(11, 1), anEnd(12, 2)]);

    expect(log.rows).toMatchObject([
      { sql: "select 1", parameters: ["7"], outcome: "ok" },
      { statement: 2, outcome: "ok" },
    ]);
  });

  it("lets the oldest go at its limit of rows, and says where a search finds them", () => {
    const log = new StatementLog(0, [], { rowsMax: 100, charactersMax: 1e6 });

    log.take(story(130));

    expect(log.rows.length).toBeLessThanOrEqual(100);
    expect(log.dropped).toBe(130 - log.rows.length);
    expect(log.rowOf(log.firstID)).toBe(log.rows[0]);
    expect((log.rows[0] as StatementRow).statement).toBe(log.dropped + 1);
    expect(log.earlierThan).toBe(2 * log.dropped + 1);
  });

  it("lets the oldest go at its limit of characters", () => {
    const log = new StatementLog(0, [], { rowsMax: 1_000, charactersMax: 1_000 });

    log.take(story(20).map((event) => (event.sql === undefined ? event : { ...event, sql: "x".repeat(100) })));

    expect(log.rows.length).toBeLessThanOrEqual(10);
    expect(log.rows.at(-1)).toMatchObject({ statement: 20 });
  });

  it("finds with a search what it let go while it still ran", () => {
    const log = new StatementLog(0, [], { rowsMax: 20, charactersMax: 1e6 });
    log.take([aStart(1, 1), ...story(40, 2)]);

    log.take([anEnd(500, 1)]);

    expect(log.statement("s1/1")).toBeUndefined();
    expect(log.earlierThan).toBe(501);
  });

  it("takes from a search the text that a row lacks", () => {
    const log = new StatementLog(10);
    log.take([anEnd(11, 1)]);

    log.learn([aWhole(11, 1), aWhole(9, 2)]);
    log.take([anEnd(12, 2)]);

    expect(log.rows).toMatchObject([
      { statement: 1, outcome: "ok", sql: "select 1" },
      { statement: 2, outcome: "ok", sql: "select 2" },
    ]);
  });

  it("puts earlier pages before its first row, each statement once", () => {
    const log = new StatementLog(20, [aStart(20, 5)]);
    log.take([anEnd(21, 5), aStart(22, 6)]);

    const more = log.prepend([aWhole(21, 5), aWhole(18, 4), aWhole(16, 3)]);

    expect(more).toBe(2);
    expect(shown(log)).toEqual(["3 ok", "4 ok", "5 ok", "6 runs"]);
    expect(log.rows.map(({ id }) => id)).toEqual([-2, -1, 0, 1]);
    expect(log.earlierThan).toBe(16);
    log.take([anEnd(23, 6)]);
    expect(shown(log).at(-1)).toBe("6 ok");
  });
});

/** Statements one after the other: start, end, start, end. */
function story(count: number, from = 1): StatementEvent[] {
  return Array.from({ length: count }, (_, index) => {
    const statement = from + index;
    return [aStart(2 * statement - 1, statement), anEnd(2 * statement, statement)];
  }).flat();
}
