/**
 * What could move a cursor, ring a bell, recolour a terminal, reorder a line or hide in it: C0 and C1 controls (ECMA-48), DEL, line and
 * paragraph separators, bidirectional and invisible format characters (Unicode TR 36 and TR 9), fillers that show nothing, tags (U+E0000 to
 * U+E007F, in which a text can be written that nobody sees), and lone surrogates.
 */
export const unprintable =
  // oxlint-disable-next-line no-control-regex -- control characters are what this looks for
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]|\udb40[\udc00-\udc7f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** One such character as JSON and people know it. */
export function escapeOf(character: string): string {
  return character.replaceAll(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/**
 * JSON text that a terminal cannot be steered by either, and that reads back as it was: what JSON itself leaves as it is (the C1 controls,
 * which terminals obey in UTF-8 too, and what reorders a line) is escaped as JSON may be (RFC 8259 7).
 */
export function printableJSON(json: string): string {
  return json.replace(unprintable, (character) => (character === "\n" ? character : escapeOf(character)));
}
