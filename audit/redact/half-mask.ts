/**
 * Encodings that a client may use and in which a byte below 0x80 may be the second half of a character, so that half a character can
 * look like a quote or a backslash. Source: PostgreSQL src/common/wchar.c (`pg_*_mblen`).
 */
const doubleByte: Readonly<Record<string, "sjis" | "plain" | "gb18030" | undefined>> = {
  SJIS: "sjis",
  SHIFT_JIS_2004: "sjis",
  BIG5: "plain",
  GBK: "plain",
  UHC: "plain",
  JOHAB: "plain",
  GB18030: "gb18030",
};

/** Replaces bytes of characters of several bytes by letters that mean nothing, in a text that passes: one character for each byte. */
export class HalfMask {
  readonly #kind: "sjis" | "plain" | "gb18030";
  #rest = "";

  private constructor(kind: "sjis" | "plain" | "gb18030") {
    this.#kind = kind;
  }

  /** Undefined where no byte can be mistaken. */
  static of(encoding: string): HalfMask | undefined {
    const kind = doubleByte[encoding.toUpperCase()];
    return kind === undefined ? undefined : new HalfMask(kind);
  }

  /** May keep the beginning of a character for the next piece. */
  push(piece: string): string {
    const text = this.#rest + piece;
    let masked = "";
    let at = 0;
    while (at < text.length) {
      const length = this.#characterBytes(text.charCodeAt(at), text.charCodeAt(at + 1));
      if (at + length > text.length || (length > 1 && at + 1 >= text.length)) {
        break;
      }
      masked += length === 1 ? text.charAt(at) : "\u00ff".repeat(length);
      at += length;
    }
    this.#rest = text.slice(at);
    return masked;
  }

  /** What was kept: half a character. */
  end(): string {
    const rest = "\u00ff".repeat(this.#rest.length);
    this.#rest = "";
    return rest;
  }

  #characterBytes(lead: number, second: number): number {
    if (lead < 0x80 || (this.#kind === "sjis" && lead >= 0xa1 && lead <= 0xdf)) {
      return 1;
    }
    return this.#kind === "gb18030" && second >= 0x30 && second <= 0x39 ? 4 : 2;
  }
}
