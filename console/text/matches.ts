/** Whether each word that was typed is somewhere in the texts, without case: `prod read` finds "Reader of orders-production". */
export function matchesWords(typed: string, texts: readonly (string | undefined)[]): boolean {
  const all = texts.join("\n").toLowerCase();
  return typed
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}
