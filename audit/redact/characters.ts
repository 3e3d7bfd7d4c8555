/*
 * Where runs of characters end. Regular expressions would say the same, at several times the cost for each token, which a hostile text
 * can make as many as it has characters.
 */

/** What a character may be part of. */
const kinds = new Uint8Array(128);
const [space, letter, digit, dollar] = [1, 2, 4, 8];
for (const character of " \t\n\r\f\v") {
  kinds[character.charCodeAt(0)] = space;
}
for (let code = 0x30; code <= 0x39; code += 1) {
  kinds[code] = digit;
}
for (let code = 0x41; code <= 0x5a; code += 1) {
  kinds[code] = letter;
  kinds[code + 0x20] = letter;
}
kinds[0x5f] = letter;
kinds[0x24] = dollar;

const [at, dot] = [0x40, 0x2e];
const word = letter | digit | dollar;

/** Everything beyond ASCII is a letter. Past the end there is nothing. */
function kindAt(text: string, index: number): number {
  const code = text.charCodeAt(index);
  return code < 0x80 ? (kinds[code] ?? 0) : code >= 0x80 ? letter : 0;
}

function runEnd(text: string, from: number, mask: number): number {
  let end = from;
  while ((kindAt(text, end) & mask) !== 0) {
    end += 1;
  }
  return end;
}

/** Postgres scan.l: white space is space, tab, newline, return, form feed, vertical tab. */
export function spaceEnd(text: string, from: number): number {
  return runEnd(text, from, space);
}

/** A word: letters, any non-ASCII, underscore; then digits and dollars too. `from` where there is none. */
export function postgresWordEnd(text: string, from: number): number {
  return (kindAt(text, from) & letter) === 0 ? from : runEnd(text, from + 1, word);
}

/** MySQL's words may start with a digit, and with up to two at-signs. */
export function mysqlWordEnd(text: string, from: number): number {
  let start = from;
  while (start < from + 2 && text.charCodeAt(start) === at) {
    start += 1;
  }
  const end = runEnd(text, start, word);
  return end > start ? end : from;
}

/** A digit, then digits, letters and points. */
export function numberEnd(text: string, from: number): number {
  if ((kindAt(text, from) & digit) === 0) {
    return from;
  }
  let end = from + 1;
  for (;;) {
    const code = text.charCodeAt(end);
    // Beyond ASCII ends it, as `\w` does.
    if (code !== dot && !(code < 0x80 && ((kinds[code] ?? 0) & (letter | digit)) !== 0)) {
      return end;
    }
    end += 1;
  }
}

/** Whether it is a digit. */
export const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;

/** Of a dollar quote's tag: letters, digits, the underscore, everything beyond ASCII. */
export const isTagCharacter = (code: number): boolean =>
  isDigit(code) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a) || code === 0x5f || code >= 0x80;

/** Where the line ends for Postgres: at either of two characters. */
export function lineEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && text.charCodeAt(at) !== 0x0a && text.charCodeAt(at) !== 0x0d) {
    at += 1;
  }
  return at;
}

/** No name that means anything is longer; the server keeps 63 bytes of one. */
export const nameCharactersMax = 4_096;
