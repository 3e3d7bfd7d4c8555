import { durationText } from "./duration.ts";

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
  if (bytes < 1_000_000) {
    return `${Math.round(bytes / 1_000)} kB`;
  }
  return bytes < 1_000_000_000 ? `${(bytes / 1_000_000).toFixed(1)} MB` : `${(bytes / 1_000_000_000).toFixed(1)} GB`;
}

/** `1 row`, `2 rows`: English plurals. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`;
}
