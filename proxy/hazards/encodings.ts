/**
 * Encodings that a client may use and in which a byte below 0x80 may be the second half of a character, so that half a character can
 * look like a backslash or a letter. Source: PostgreSQL src/common/wchar.c (`pg_*_mblen`); MySQL's are the same ones by other names.
 */
const doubleByte: Readonly<Record<string, "sjis" | "plain" | "gb18030" | undefined>> = {
  SJIS: "sjis",
  SHIFT_JIS_2004: "sjis",
  CP932: "sjis",
  BIG5: "plain",
  GBK: "plain",
  UHC: "plain",
  JOHAB: "plain",
  GB18030: "gb18030",
};

/** The text, one character a byte, without halves of characters that look like ASCII. Its length stays. */
export function maskHalves(text: string, encoding: string): string {
  const kind = doubleByte[encoding.toUpperCase()];
  if (kind === undefined) {
    return text;
  }
  let masked = "";
  for (let index = 0; index < text.length;) {
    const length = characterBytes(kind, text.charCodeAt(index), text.charCodeAt(index + 1));
    masked += length === 1 ? text.charAt(index) : "\u00ff".repeat(Math.min(length, text.length - index));
    index += length;
  }
  return masked;
}

/** The text as it may be meant when nobody knows the encoding; each way once. */
export function maskings(text: string): readonly string[] {
  return [...new Set([text, ...["SJIS", "GBK", "GB18030"].map((encoding) => maskHalves(text, encoding))])];
}

function characterBytes(kind: "sjis" | "plain" | "gb18030", lead: number, second: number): number {
  if (lead < 0x80 || (kind === "sjis" && lead >= 0xa1 && lead <= 0xdf)) {
    return 1;
  }
  return kind === "gb18030" && second >= 0x30 && second <= 0x39 ? 4 : 2;
}
