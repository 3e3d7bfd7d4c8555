/** A name as one word of a POSIX shell, whatever is in it; plain names stay plain. */
export function shellWord(name: string): string {
  return /^[\w.@%+:/-]+$/.test(name) ? name : singleQuoted(name);
}

/** Any text in single quotes, in which a POSIX shell reads nothing but the text (POSIX.1-2024 2.2.2). */
export function singleQuoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
