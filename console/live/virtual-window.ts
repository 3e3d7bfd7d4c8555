/** Which rows of a long list are in the page. */
export interface VirtualWindow {
  /** First row, included. */
  readonly start: number;
  /** Last row, excluded. */
  readonly end: number;
}

/** Rows kept above and below what is seen, so that a scroll has something to show before the next frame. */
const spareRows = 12;

/**
 * The rows to draw of `count` rows that are `rowHeight` pixels high each, for a view of `height` pixels scrolled by `top`.
 * Pure.
 */
export function virtualWindow(count: number, rowHeight: number, top: number, height: number): VirtualWindow {
  const firstSeen = Math.floor(Math.max(0, top) / rowHeight);
  const seen = Math.ceil(Math.max(0, height) / rowHeight) + 1;
  const start = Math.max(0, Math.min(firstSeen, count - seen) - spareRows);
  return { start, end: Math.min(count, Math.max(start, firstSeen) + seen + spareRows * 2) };
}

/** The row that a key moves to from `current`; undefined for a key that moves nothing. `pageRows`: how many rows are seen at once. */
export function rowAfterKey(
  key: string,
  current: number | undefined,
  count: number,
  pageRows: number,
): number | undefined {
  const from = current ?? count;
  const target: Record<string, number> = {
    ArrowUp: from - 1,
    ArrowDown: current === undefined ? count - 1 : from + 1,
    PageUp: from - Math.max(1, pageRows - 1),
    PageDown: from + Math.max(1, pageRows - 1),
    Home: 0,
    End: count - 1,
  };
  const wanted = Object.hasOwn(target, key) ? target[key] : undefined;
  return wanted === undefined || count === 0 ? undefined : Math.min(count - 1, Math.max(0, wanted));
}
