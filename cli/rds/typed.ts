import { assertNever } from "#lib/errors.ts";

/** What somebody typed while databases are served. */
export type Typed = { readonly kind: "extend"; readonly label: string | undefined } | { readonly kind: "unknown" };

/** Reads a line that was typed: `e`, or `e DATABASE:ROLE`. */
export function readTyped(line: string): Typed | undefined {
  const [word, label, ...more] = line.trim().split(/\s+/);
  if (word === undefined || word === "") {
    return undefined;
  }
  return ["e", "extend"].includes(word.toLowerCase()) && more.length === 0
    ? { kind: "extend", label }
    : { kind: "unknown" };
}

/** Which of several are meant: the one that was named, the only one, else those whose end has been announced. */
export function meant<T extends { readonly label: string; readonly hasWarned: boolean }>(
  typed: Typed,
  live: readonly T[],
): readonly T[] {
  switch (typed.kind) {
    case "unknown":
      return [];
    case "extend":
      if (typed.label !== undefined) {
        return live.filter(({ label }) => label === typed.label);
      }
      return live.length === 1 ? live : live.filter(({ hasWarned }) => hasWarned);
    default:
      return assertNever(typed);
  }
}
