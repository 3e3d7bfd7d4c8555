import { triggerWords } from "./words.ts";

/*
 * The quick look at bytes: one table step for each byte, whatever the text holds. States are those of Aho and Corasick's automaton over the
 * trigger words, with upper and lower case folded; state 0 is "nothing begun", the last one "found".
 */

const alphabet = 256;

/** Row after row: the next state for each byte. */
function automaton(words: readonly string[]): { readonly table: Uint16Array; readonly found: number } {
  const prefixes = new Map<string, number>([["", 0]]);
  for (const word of words) {
    for (let length = 1; length < word.length; length += 1) {
      const prefix = word.slice(0, length);
      if (!prefixes.has(prefix)) {
        prefixes.set(prefix, prefixes.size);
      }
    }
  }
  const found = prefixes.size;
  const table = new Uint16Array(found * alphabet);
  // Every other byte leads back to where nothing is begun.
  const letters = new Set(words.join(""));
  for (const [prefix, state] of prefixes) {
    for (const letter of letters) {
      const to = next(prefix + letter, words, prefixes, found);
      table[state * alphabet + letter.charCodeAt(0)] = to;
      table[state * alphabet + letter.toUpperCase().charCodeAt(0)] = to;
    }
  }
  return { table, found };
}

/** The longest end of `seen` that begins a word; `found` when one is complete. */
function next(seen: string, words: readonly string[], prefixes: ReadonlyMap<string, number>, found: number): number {
  if (words.some((word) => seen.endsWith(word))) {
    return found;
  }
  for (let from = 0; from < seen.length; from += 1) {
    const state = prefixes.get(seen.slice(from));
    if (state !== undefined) {
      return state;
    }
  }
  return 0;
}

const { table, found } = automaton(triggerWords);

/** Longer texts are faster looked at by the regular expression, which skips. */
const shortBytes = 1_024;

/** Whether `bytes` are short, ASCII, and without a trigger word: no rule of redaction can apply to them, and they are their own text. */
export function isPlain(bytes: Uint8Array): boolean {
  if (bytes.length > shortBytes) {
    return false;
  }
  let state = 0;
  let high = 0;
  for (let at = 0; at < bytes.length && state !== found; at += 1) {
    const byte = bytes[at] ?? 0;
    high |= byte;
    state = table[(state << 8) | byte] ?? 0;
  }
  return high < 0x80 && state !== found;
}
