/** Lengths that people think in, in seconds. */
const usual = [15 * 60, 30 * 60, 3_600, 2 * 3_600, 4 * 3_600, 8 * 3_600, 24 * 3_600, 3 * 24 * 3_600, 7 * 24 * 3_600];
/** More buttons than this are slower to choose from than a shorter list. */
const choicesMax = 6;

/** Lengths to choose from, in seconds, shortest first: the usual ones below the most, the default, and the most itself. */
export function durationChoices(mostSeconds: number, defaultSeconds: number): readonly number[] {
  const below = usual.filter((seconds) => seconds < mostSeconds && seconds !== defaultSeconds);
  const fixed = [...new Set([Math.min(defaultSeconds, mostSeconds), mostSeconds])];
  // The longest go first when there are too many: a short need is the more frequent one, and the most stays anyway.
  return [...below.slice(0, choicesMax - fixed.length), ...fixed].sort((one, other) => one - other);
}

/** An instant that was typed in this browser's zone (`YYYY-MM-DDTHH:MM`), as RFC 3339 in UTC. Undefined: it is none, or not ahead of `now`. */
export function startTimeOf(typed: string, now: number): string | undefined {
  const atMs = Date.parse(typed);
  return Number.isNaN(atMs) || atMs <= now ? undefined : new Date(atMs).toISOString().replace(/\.\d+Z$/, "Z");
}

/** What such a field shows for an instant. */
export function typedTime(atMs: number): string {
  const at = new Date(atMs);
  const two = (number: number): string => String(number).padStart(2, "0");
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${date}T${two(at.getHours())}:${two(at.getMinutes())}`;
}
