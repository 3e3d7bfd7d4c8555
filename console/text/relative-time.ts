import { durationText } from "./duration.ts";

/** Below this an instant is "just now": clocks of browser and controller differ by about as much. In milliseconds. */
const nowMs = 5_000;

/** How far an instant is from now: `in 5 min`, `2 h ago`, `just now`; one unit, since the exact time stands behind it. */
export function relativeTime(atMs: number, now: number): string {
  const awayMs = Math.abs(atMs - now);
  if (awayMs < nowMs) {
    return "just now";
  }
  const text = oneUnit(awayMs / 1_000);
  return atMs > now ? `in ${text}` : `${text} ago`;
}

function oneUnit(seconds: number): string {
  const [number = "", unit = ""] = durationText(seconds).split(" ");
  return `${number} ${unit}`;
}

/** An instant to the second with its zone, as this browser's person reads it, such as `Mon 23 Nov 2026, 15:04:05 GMT+1`. */
export function exactTime(atMs: number): string {
  return new Date(atMs).toLocaleString("en-GB", {
    weekday: "short",
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZoneName: "short",
  });
}
