import { isMark, nameAt, wordAt, type NameToken } from "./tokens.ts";

/** Before a name with a bracket that is defined or named there, not called. */
const definingWords: ReadonlySet<string> = new Set(
  "function procedure routine aggregate table into view type index exists references".split(" "),
);

/** A function that a statement calls, and where its arguments begin. */
export interface Call {
  readonly name: string;
  /** Index of the first token after the bracket. */
  readonly argumentsAt: number;
}

/** Names in call position: a name, qualified or not, and an opening bracket. */
export function readCalls(tokens: readonly NameToken[]): Call[] {
  const calls: Call[] = [];
  for (let index = 0; index + 1 < tokens.length; index += 1) {
    const name = nameAt(tokens, index);
    if (name !== undefined && isMark(tokens, index + 1, "(") && !definingWords.has(wordBefore(tokens, index))) {
      calls.push({ name, argumentsAt: index + 2 });
    }
  }
  return calls;
}

/** The word before a name with its qualification. */
function wordBefore(tokens: readonly NameToken[], at: number): string {
  let index = at;
  while (isMark(tokens, index - 1, ".")) {
    index -= 2;
  }
  return wordAt(tokens, index - 1) ?? "";
}
