/** More than this many are a list to read, not an answer. */
const suggestionsMax = 3;

/**
 * Of `names`, those that somebody may have meant by `typed`: what it is the beginning or a part of, else what differs from it by few
 * letters (a third of them, two at least). The nearest first, three at most.
 */
export function nearestNames(typed: string, names: Iterable<string>): string[] {
  const wanted = typed.toLowerCase();
  const most = Math.max(2, Math.floor(wanted.length / 3));
  return [...new Set(names)]
    .map((name) => ({ name, distance: distanceOf(wanted, name.toLowerCase()) }))
    .filter(({ name, distance }) => distance <= most || (wanted.length > 2 && name.toLowerCase().includes(wanted)))
    .toSorted((one, other) => one.distance - other.distance || one.name.localeCompare(other.name))
    .slice(0, suggestionsMax)
    .map(({ name }) => name);
}

/** `Did you mean a or b?`; empty where nothing is near. */
export function didYouMean(typed: string, names: Iterable<string>): string {
  const near = nearestNames(typed, names);
  return near.length === 0 ? "" : `Did you mean ${near.join(" or ")}?`;
}

/** Letters that must be inserted, dropped or replaced, or swapped with the next one (optimal string alignment). */
function distanceOf(one: string, other: string): number {
  let before: number[] = [];
  let above = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let row = 1; row <= one.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= other.length; column += 1) {
      const isSame = one[row - 1] === other[column - 1];
      let cost = Math.min(
        (above[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (above[column - 1] ?? 0) + (isSame ? 0 : 1),
      );
      if (row > 1 && column > 1 && one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1]) {
        cost = Math.min(cost, (before[column - 2] ?? 0) + 1);
      }
      current.push(cost);
    }
    [before, above] = [above, current];
  }
  return above[other.length] ?? 0;
}
