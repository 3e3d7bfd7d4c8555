import type { Page, PageOf } from "./types.ts";
import type { Row } from "./views.ts";

/** A filter that matches little must not hold up ingest: one call looks at no more records than this. */
export const tailWindow = 5_000;
/** Most items of a page. */
export const pageMax = 1_000;

/** How many items a page gets. */
export function pageSize(page: Page): number {
  return Math.min(Math.max(1, page.limit), pageMax);
}

/** `rows` are one more than the page was asked for, where there is a next page; `id` is the cursor's column. */
export function pageOf<T>(rows: readonly Row[], page: Page, view: (row: Row) => T): PageOf<T> {
  const shown = rows.slice(0, pageSize(page));
  const last = shown.at(-1)?.["id"];
  return { items: shown.map(view), ...(rows.length > shown.length ? { next: Number(last) } : {}) };
}
