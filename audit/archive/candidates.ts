/** Every line that a sink delivers begins so; a reader of other programs' files finds it by that. */
const beginning = '{"id":"';

/**
 * What of one line of a file may be a delivered line: the line itself (files, S3), what stands behind a time or a syslog header, and every text
 * in a JSON value, in one line or laid out over many (an answer of `aws logs`, an OTLP request that a collector has written down).
 */
export function candidatesIn(line: string): string[] {
  const text = line.trim();
  if (text.startsWith(beginning)) {
    return [text];
  }
  const value = text.startsWith("{") || text.startsWith("[") ? parsed(text) : undefined;
  if (value !== undefined) {
    return textsIn(value).flatMap(ownText);
  }
  // A member of a JSON value that is laid out over many lines.
  const member = /^"[^"\\]*"\s*:\s*(".*"),?$/.exec(text)?.[1];
  const found = member === undefined ? undefined : parsed(member);
  return typeof found === "string" ? ownText(found) : ownText(text);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function textsIn(value: unknown): string[] {
  if (typeof value === "string") {
    return [value];
  }
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

function ownText(text: string): string[] {
  const from = text.indexOf(beginning);
  return from === -1 ? [] : [text.slice(from, text.lastIndexOf("}") + 1)];
}
