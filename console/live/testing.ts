import type { StatementEvent } from "#wire/control-api.ts";

/** Events for tests: a session of Ada on `orders`. */
export function anEvent(
  storeSeq: number,
  event: StatementEvent["event"],
  change: Partial<StatementEvent> = {},
): StatementEvent {
  return {
    storeSeq,
    event,
    time: new Date(Date.UTC(2026, 0, 5, 9, 0, 0, storeSeq * 10)).toISOString(),
    grantID: "g".repeat(27),
    session: "s1",
    userName: "ada",
    database: "orders",
    role: "app_owner",
    ...change,
  };
}

/** A statement about to run. */
export function aStart(storeSeq: number, statement: number, change: Partial<StatementEvent> = {}): StatementEvent {
  return anEvent(storeSeq, "statement-start", { statement, sql: `select ${statement}`, ...change });
}

/** Its answer. */
export function anEnd(storeSeq: number, statement: number, change: Partial<StatementEvent> = {}): StatementEvent {
  return anEvent(storeSeq, "statement-end", {
    statement,
    outcome: "ok",
    tag: "SELECT 1",
    rows: 1,
    durationMs: 5,
    ...change,
  });
}

/** A statement as a search shows it. */
export function aWhole(storeSeq: number, statement: number, change: Partial<StatementEvent> = {}): StatementEvent {
  return { ...aStart(storeSeq, statement), ...anEnd(storeSeq, statement), ...change };
}
