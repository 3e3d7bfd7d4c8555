/** What is known of a key press. */
export interface KeyPress {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly isComposing: boolean;
}

/** The key of a press that may be a shortcut; undefined while somebody types, or presses one of the browser's own. */
export function shortcutOf(press: KeyPress, target: Pick<Element, "closest"> | undefined): string | undefined {
  if (press.ctrlKey || press.metaKey || press.altKey || press.isComposing || press.key.length !== 1) {
    return undefined;
  }
  return target?.closest("input, textarea, select, [contenteditable]") ? undefined : press.key;
}

/** The row after a step from row `at` (-1: none yet); undefined: there is none. The ends hold. */
export function nextRow(at: number, step: 1 | -1, count: number): number | undefined {
  if (count === 0) {
    return undefined;
  }
  return at === -1 ? 0 : Math.min(count - 1, Math.max(0, at + step));
}
