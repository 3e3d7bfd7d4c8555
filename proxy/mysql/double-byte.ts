/** First and second bytes of the pairs that the server takes for one character (MySQL and MariaDB, "strings/ctype-*.c", `ismbchar`). */
interface Pairs {
  isLead(byte: number): boolean;
  isTrail(byte: number): boolean;
}

const wide: Pairs = {
  isLead: (byte) => byte >= 0x81 && byte <= 0xfe,
  isTrail: (byte) => (byte >= 0x40 && byte <= 0x7e) || (byte >= 0x80 && byte <= 0xfe),
};
const japanese: Pairs = {
  isLead: (byte) => (byte >= 0x81 && byte <= 0x9f) || (byte >= 0xe0 && byte <= 0xfc),
  isTrail: (byte) => (byte >= 0x40 && byte <= 0x7e) || (byte >= 0x80 && byte <= 0xfc),
};
const big5: Pairs = {
  isLead: (byte) => byte >= 0xa1 && byte <= 0xf9,
  isTrail: (byte) => (byte >= 0x40 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xfe),
};

/** Character sets in which the second byte of a character may be a backslash or a backtick. Four bytes of gb18030 hold neither. */
const pairsOf: Readonly<Record<string, Pairs | undefined>> = {
  gbk: wide,
  gb18030: wide,
  sjis: japanese,
  cp932: japanese,
  big5,
};

/** What a text needs to mean something else in one of these sets: a byte that may begin a pair, and such a second byte. */
// oxlint-disable-next-line no-control-regex -- bytes, one character each
const ambiguous = /[\u0081-\u00fe][\\`]/;

/** The text, one character a byte, with letters in place of the characters of two bytes. Its length stays. A byte that begins no pair is its own. */
export function maskPairs(text: string, charset: string): string {
  const pairs = pairsOf[charset];
  if (pairs === undefined || !ambiguous.test(text)) {
    return text;
  }
  const bytes = Buffer.from(text, "latin1");
  for (let at = 0; at + 1 < bytes.length; at += 1) {
    if (pairs.isLead(bytes[at] ?? 0) && pairs.isTrail(bytes[at + 1] ?? 0)) {
      bytes.fill(0xff, at, at + 2);
      at += 1;
    }
  }
  return bytes.toString("latin1");
}

/**
 * The text as servers in any of the sets would take it. The session's own set comes first; others count because SQL can change it where
 * nobody sees (EXECUTE of a prepared SET NAMES).
 */
export function maskedVariants(text: string, charset: string): readonly string[] {
  const main = maskPairs(text, charset);
  return ambiguous.test(text)
    ? [...new Set([main, text, ...["gbk", "sjis", "big5"].map((other) => maskPairs(text, other))])]
    : [main];
}
