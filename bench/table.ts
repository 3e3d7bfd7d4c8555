import type { Ratio } from "./statistics.ts";

/** A Markdown table: the first row is the head. */
export function table(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows;
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, column) => (column === 0 ? "---" : "---:"))), ...body.map(line)].join("\n");
}

/** A ratio with the half of the rounds around it: `0.93 (0.90–0.97)`. */
export function formatRatio(ratio: Ratio | undefined): string {
  return ratio === undefined
    ? "–"
    : `${formatNumber(ratio.median)} (${formatNumber(ratio.low)}–${formatNumber(ratio.high)})`;
}

/** Two decimals below ten, fewer above. */
export function formatNumber(value: number): string {
  return Math.abs(value) >= 100 ? String(Math.round(value)) : value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}
