import type { Page, PageOf } from "./types.ts";
import type { Row } from "./views.ts";
import type { Where } from "./where.ts";

/** A filter that matches little must not hold up ingest: one call looks at no more records than this. */
export const tailWindow = 5_000;
/**
 * A search for what is in no index (a text, an outcome) looks at no more statements than this, then says where to go on. SQLite looks at some
 * 400,000 a second, and what else is read waits: this is a quarter of a second.
 */
export const searchWindow = 100_000;
/** Most items of a page. */
export const pageMax = 1_000;

/** How many items a page gets. */
export function pageSize(page: Page): number {
  return Math.min(Math.max(1, page.limit), pageMax);
}

/** A search over a part of the statements: from the cursor up to `end`, which is not looked at; undefined: there is no more. */
export interface Looked {
  readonly end: number | undefined;
}

/** A page of what was looked at: where that held no full page, the next begins where it ended. */
export function pageOfLooked<T>(rows: readonly Row[], page: Page, { end }: Looked, view: (row: Row) => T): PageOf<T> {
  const found = pageOf(rows, page, view);
  if (found.next !== undefined || end === undefined) {
    return found;
  }
  return { ...found, next: page.order === "newest" ? end + 1 : end - 1 };
}

/** Statements with their sessions and tasks, by the names that conditions use. */
export const statementTables = "statements st JOIN sessions s ON s.id = st.session_id JOIN tasks t ON t.id = s.task_id";

/** SQL for the first statement that one search does not look at. `candidates` are the conditions that indexes answer. */
export function lookedSQL(candidates: Where, page: Page): Where {
  const isNewest = page.order === "newest";
  const { sql, values } = candidates;
  return {
    sql: `SELECT st.id FROM ${statementTables} WHERE ${sql} AND st.id ${isNewest ? "<" : ">"} ? ORDER BY st.id ${isNewest ? "DESC" : "ASC"} LIMIT 1 OFFSET ?`,
    values: [...values, cursorOf(page), page.lookAt ?? searchWindow],
  };
}

/** Conditions `where` on the part of the statements that is looked at. */
export function lookedWhere({ sql, values }: Where, { end }: Looked, page: Page): Where {
  return end === undefined
    ? { sql, values }
    : { sql: `${sql} AND st.id ${page.order === "newest" ? ">" : "<"} ?`, values: [...values, end] };
}

/** The cursor of a page; for the first one, one that is beyond everything. */
export function cursorOf({ cursor, order }: Page): number {
  return cursor ?? (order === "newest" ? Number.MAX_SAFE_INTEGER : 0);
}

/** `rows` are one more than the page was asked for, where there is a next page; `id` is the cursor's column. */
export function pageOf<T>(rows: readonly Row[], page: Page, view: (row: Row) => T): PageOf<T> {
  const shown = rows.slice(0, pageSize(page));
  const last = shown.at(-1)?.["id"];
  return { items: shown.map(view), ...(rows.length > shown.length ? { next: Number(last) } : {}) };
}
