/**
 * Text as a database client or server sent it. A string where the bytes are valid UTF-8, which then hold exactly the same
 * bytes; otherwise the bytes themselves. Nothing is ever replaced, cut or normalised.
 */
export type Text = string | { readonly base64: string };

/** `ignoreBOM` keeps a leading U+FEFF, which the decoder would otherwise drop. */
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Up to here a look at each byte is faster than a call of the decoder. */
const shortBytes = 128;

/** Text of bytes that are all below 0x80, which is the same in UTF-8 and Latin-1. */
export function asciiOf(bytes: Uint8Array): string {
  return Buffer.prototype.latin1Slice.call(bytes, 0, bytes.length);
}

function isShortASCII(bytes: Uint8Array): boolean {
  let high = bytes.length > shortBytes ? 0x80 : 0;
  for (let at = 0; at < bytes.length && high < 0x80; at += 1) {
    high |= bytes[at] ?? 0;
  }
  return high < 0x80;
}

/** Keeps `bytes` without loss. */
export function textOf(bytes: Uint8Array): Text {
  if (isShortASCII(bytes)) {
    return asciiOf(bytes);
  }
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return { base64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64") };
  }
}

/** The bytes that `textOf` was given. */
export function bytesOfText(text: Text): Buffer {
  return typeof text === "string" ? Buffer.from(text, "utf8") : Buffer.from(text.base64, "base64");
}

/** A string for searching and for people: bytes that are not UTF-8 show as U+FFFD. Not for evidence. */
export function readableText(text: Text): string {
  return typeof text === "string" ? text : Buffer.from(text.base64, "base64").toString("utf8");
}

/**
 * What could move a cursor, ring a bell, recolour a terminal or reorder a line: C0 and C1 controls (ECMA-48), DEL, line and
 * paragraph separators, and the bidirectional and invisible format characters (Unicode TR 36 and TR 9).
 */
const unprintable =
  // oxlint-disable-next-line no-control-regex -- control characters are what this looks for
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

const shortEscapes: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\u001b": "\\e" };

/** How `printable` treats line ends and tabs. */
export interface PrintableOptions {
  /** `escape` (default): everything on one line. `keep`: line feeds and tabs stay, for a person who reads one statement. */
  readonly lines?: "escape" | "keep";
}

/**
 * Makes recorded text safe to show on a terminal: a statement's comment may hold escape sequences. Records keep the raw
 * text; only renderings are escaped. A backslash stays as it is, so the result is for reading, not for decoding.
 */
export function printable(text: Text, options: PrintableOptions = {}): string {
  return readableText(text).replace(unprintable, (character) => {
    if (options.lines === "keep" && (character === "\n" || character === "\t")) {
      return character;
    }
    return shortEscapes[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/**
 * JSON text that a terminal cannot be steered by either, and that reads back as it was: what JSON itself leaves as it is (the C1 controls,
 * which terminals obey in UTF-8 too, and what reorders a line) is escaped as JSON may be (RFC 8259 7).
 */
export function printableJSON(json: string): string {
  return json.replace(unprintable, (character) =>
    character === "\n" ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
