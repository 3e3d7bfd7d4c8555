/** A stretch of text that is taken out, in UTF-16 units; `end` is not part of it. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** What stands where a secret was. */
export const redactionMark = "[redacted]";

/** Orders spans and joins those that touch; empty ones are dropped. */
export function mergeSpans(spans: readonly Span[]): Span[] {
  const merged: Span[] = [];
  for (const span of spans.toSorted((a, b) => a.start - b.start)) {
    const last = merged.at(-1);
    if (span.end <= span.start) {
      continue;
    }
    if (last !== undefined && span.start <= last.end) {
      merged[merged.length - 1] = { start: last.start, end: Math.max(last.end, span.end) };
    } else {
      merged.push(span);
    }
  }
  return merged;
}

/** `text` with the mark in place of each span. Spans are merged. */
export function cutSpans(text: string, spans: readonly Span[]): string {
  let result = "";
  let at = 0;
  for (const span of spans) {
    result += text.slice(at, span.start) + redactionMark;
    at = span.end;
  }
  return result + text.slice(at);
}
