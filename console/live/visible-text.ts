/**
 * Characters that show nothing or change how others are shown: C0 and C1 controls but tab and line feed, bidirectional marks, embeddings and
 * isolates (CVE-2021-42574 shows what they hide in source text), zero-width ones, line separators, byte order mark, tags and lone surrogates.
 */
const hidden =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/gu;

/** A piece of a text: as it is, or the name of a character that would not be seen. */
export interface VisiblePart {
  readonly text: string;
  readonly isHidden: boolean;
}

/** Splits a text so that each character of it can be shown: `U+202E` stands for one that cannot. Most texts are one part. */
export function visibleParts(text: string): readonly VisiblePart[] {
  const parts: VisiblePart[] = [];
  let at = 0;
  for (const match of text.matchAll(hidden)) {
    if (match.index > at) {
      parts.push({ text: text.slice(at, match.index), isHidden: false });
    }
    parts.push({ text: codePointName(match[0]), isHidden: true });
    at = match.index + match[0].length;
  }
  if (at < text.length || parts.length === 0) {
    parts.push({ text: text.slice(at), isHidden: false });
  }
  return parts;
}

function codePointName(character: string): string {
  const number = character.codePointAt(0) ?? 0;
  return `U+${number.toString(16).toUpperCase().padStart(4, "0")}`;
}

/** The first characters of a text on one line: white space is one space. What is cut off shows as an ellipsis. */
export function oneLine(text: string, charactersMax: number): string {
  const line = text
    .slice(0, charactersMax * 2)
    .replaceAll(/[\t\n\r ]+/g, " ")
    .trim();
  return line.length > charactersMax || text.length > charactersMax * 2 ? `${line.slice(0, charactersMax)}…` : line;
}
