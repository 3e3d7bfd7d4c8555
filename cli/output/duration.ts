import { UserError } from "#lib/errors.ts";

const unitSeconds: Readonly<Record<string, number>> = { d: 86_400, h: 3_600, m: 60, s: 1 };

/**
 * Reads a duration as people and Go programs write it (`1h30m`, `45m`, `90s`, `2d`) into whole seconds. Throws a
 * `UserError` for anything else, a bare number included: nobody can know whether 60 means seconds or minutes.
 */
export function parseDuration(text: string): number {
  const parts = [...text.matchAll(/(\d{1,7})([dhms])/g)];
  const seconds = parts.reduce((sum, [, count, unit]) => sum + Number(count) * (unitSeconds[unit ?? ""] ?? 0), 0);
  if (text === "" || parts.map(([whole]) => whole).join("") !== text || seconds === 0) {
    throw new UserError("InvalidDuration", `"${text}" is not a duration`, {
      next: "Write it like 45m, 1h30m, 8h or 2d.",
    });
  }
  return seconds;
}

/** The two largest units of a duration in seconds, such as `1h30m`; `0s` for nothing left, and for what is no number. */
export function formatDuration(seconds: number): string {
  let rest = Number.isFinite(seconds) ? Math.max(0, Math.round(seconds)) : 0;
  const parts: string[] = [];
  for (const [unit, size] of Object.entries(unitSeconds)) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) {
      parts.push(`${count}${unit}`);
    }
  }
  return parts.slice(0, 2).join("") || "0s";
}
