import { escapeOf, unprintable } from "#lib/unprintable.ts";

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
    return shortEscapes[character] ?? escapeOf(character);
  });
}
