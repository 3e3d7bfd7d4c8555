import { durationText } from "../text/duration.ts";

/** `09:04:05.120`, by this browser's clock. Written by hand: it is drawn for every row that scrolls by. */
export function clockText(time: string | number): string {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) {
    return "";
  }
  const two = (part: number): string => String(part).padStart(2, "0");
  const ms = String(at.getMilliseconds()).padStart(3, "0");
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${ms}`;
}

/** `2026-01-05 09:04:05.120`, by this browser's clock. */
export function instantText(time: string | number): string {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) {
    return "";
  }
  const two = (part: number): string => String(part).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${clockText(time)}`;
}

/** `0.4 ms`, `12 ms`, `1.2 s`, `3 min`. */
export function lengthText(ms: number): string {
  if (ms < 10) {
    return `${Math.max(0, ms).toFixed(1)} ms`;
  }
  if (ms < 1_000) {
    return `${Math.round(ms)} ms`;
  }
  return ms < 60_000 ? `${(ms / 1_000).toFixed(1)} s` : durationText(ms / 1_000);
}

const grouping = new Intl.NumberFormat("en-GB");

/** `12,345` */
export function countText(count: number): string {
  return grouping.format(count);
}

/** `3.2 MB`, in units of 1000. */
export function bytesText(bytes: number): string {
  if (bytes < 1_000) {
    return `${bytes} bytes`;
  }
  return bytes < 1_000_000 ? `${Math.round(bytes / 1_000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** `1 row`, `2 rows`: English plurals. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`;
}
