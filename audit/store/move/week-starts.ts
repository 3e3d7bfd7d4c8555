/** The first position of each week that has records: what week a position is in. Positions and weeks rise together. */
export class WeekStarts {
  readonly #starts: { readonly week: number; readonly firstSeq: number }[] = [];

  /** The newest week; undefined before the first. */
  get newest(): number | undefined {
    return this.#starts.at(-1)?.week;
  }

  /** Week of a position; that of the oldest record for what was before it, and 0 where there are none. */
  weekAt(position: number): number {
    const start = this.#starts.findLast(({ firstSeq }) => firstSeq <= position) ?? this.#starts[0];
    return start?.week ?? 0;
  }

  /** Adds the next week, which begins at a position. */
  add(week: number, firstSeq: number): void {
    this.#starts.push({ week, firstSeq });
  }
}
