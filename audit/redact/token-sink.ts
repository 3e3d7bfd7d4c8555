/** Hears of the tokens of a text that passes. Offsets count from the beginning of the whole text. */
export interface TokenSink {
  /** A name in lower case, a number, or one character of anything else. Of one that is longer than `nameCharactersMax`, its beginning. */
  name(
    kind: "word" | "identifier" | "other",
    name: string,
    place: { readonly start: number; readonly end: number; readonly isEscaped: boolean },
  ): void;
  /** A literal or comment begins; its content is at `from`. `tag` is the mark of a dollar quote. */
  begin(
    kind: "string" | "comment",
    place: { readonly start: number; readonly from: number; readonly tag: string },
  ): void;
  /** The next part of its content, quotes of joined literals included. */
  content(text: string): void;
  /** It ended; its content did at `to`. `mayGoOn`: so much stands behind it that nobody looked whether it is joined to the next one. */
  end(to: number, mayGoOn: boolean): void;
}
