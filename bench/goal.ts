import { formatNumber } from "./table.ts";

/** Something that was wanted, beside what came out. */
export interface Goal {
  readonly what: string;
  /** The bound. */
  readonly wanted: number;
  readonly is: "at least" | "at most";
  /** What was measured, with a name for each case. */
  readonly measured: readonly (readonly [name: string, value: number])[];
  readonly unit?: string;
}

/** Cells of the goals' table: goal, wanted, worst case, verdict. */
export function goalRow({ what, wanted, is, measured, unit }: Goal): string[] {
  const isBetter = (a: number, b: number): boolean => (is === "at least" ? a >= b : a <= b);
  const format = (value: number): string =>
    unit === undefined ? formatNumber(value) : `${formatNumber(value)} ${unit}`;
  const worst = measured.reduce<readonly [string, number] | undefined>(
    (found, entry) => (found === undefined || isBetter(found[1], entry[1]) ? entry : found),
    undefined,
  );
  const missed = measured.filter(([, value]) => !isBetter(value, wanted));
  if (worst === undefined) {
    return [what, `${is} ${format(wanted)}`, "not measured", "–"];
  }
  const [name, value] = worst;
  const shown = measured.length === 1 ? format(value) : `worst ${format(value)} (${name})`;
  if (missed.length === 0) {
    return [what, `${is} ${format(wanted)}`, shown, "met"];
  }
  const by = Math.round(Math.abs(value / wanted - 1) * 100);
  const where = measured.length === 1 ? "" : `in ${missed.length} of ${measured.length}, `;
  return [what, `${is} ${format(wanted)}`, shown, `missed ${where}by ${wanted === 0 ? format(value) : `${by} %`}`];
}
