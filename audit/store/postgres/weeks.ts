import type { RunSQL } from "./schema.ts";

const weekMs = 7 * 24 * 60 * 60 * 1_000;
/** 1970-01-05, the first Monday of Unix time. */
const firstMonday = 4 * 24 * 60 * 60 * 1_000;
/** Weeks for which there is room ahead: nothing has to be made in the moment in which a week begins. */
export const weeksAhead = 2;

/** Number of the week that an instant is in, epoch milliseconds. Pure. */
export function weekOf(time: number): number {
  return Math.floor((time - firstMonday) / weekMs);
}

/** When a week begins, epoch milliseconds. Pure. */
export function weekStart(week: number): number {
  return firstMonday + week * weekMs;
}

/** Makes the tables of a week and of those that follow, where they are missing. */
export async function makeWeeks(run: RunSQL, week: number): Promise<void> {
  for (let next = week; next <= week + weeksAhead; next += 1) {
    for (const table of ["records", "statements"]) {
      await run(
        `CREATE TABLE IF NOT EXISTS ${table}_w${next} PARTITION OF ${table} FOR VALUES FROM (${next}) TO (${next + 1})`,
      );
    }
  }
}
